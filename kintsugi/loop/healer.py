"""One case, one move at a time, through the tools. Every move may be repeated: effects carry keys, the ledger says what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from kintsugi.loop.bisect import first_failing
from kintsugi.loop.deployers import Deployer
from kintsugi.loop.moves import Move, next_move, options_refuted
from kintsugi.reasoners import CandidateTest, Diagnosis, Draft, Reasoner
from kintsugi.reasoners.callees import callees
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, Fix, State
from mcp_servers.cases.policy import SETTLED
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.stack import Failure, StackTrace, resolve_path

ACTOR = "kintsugi"
REGRESSION = "regression"
BOARDING = timedelta(seconds=6)
_OUTDATED = {"base_moved", "policy_changed", "offer_expired"}
_MOVED_ON = {"illegal_move", "approval_expired", *_OUTDATED}
_ABOARD = {State.DIAGNOSED, State.PROPOSED, State.APPROVED, State.APPLIED}


class Healer:
    """Moves cases along the road. `tree_at` gives the repository at the head of the project's branch: (commit, tree).

    With `one_at_a_time` a case waits while another of this driver is between its proposal and its deployment, so that each
    fix is certified on exactly the commit that it will be applied to.
    """

    def __init__(
        self,
        tools: Tools,
        ledger: Ledger,
        reasoners: Sequence[Reasoner],
        head: Callable[[], tuple[str, CommitTree]],
        deployer: Deployer,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        self._tools = tools
        self._ledger = ledger
        self._reasoners = reasoners
        self._head = head
        self._deployer = deployer
        self._one_at_a_time = one_at_a_time
        self._aboard = ""

    async def step(self, case_id: str) -> bool:
        """Makes the next move of a case. False: it rests, or it waits for something outside."""
        case = await asyncio.to_thread(self._ledger.case, case_id)
        move = next_move(case)
        if move is None or (move is Move.PROPOSE and not await asyncio.to_thread(self._may_board, case)):
            return False
        try:
            return await self._make(move, case)
        except Refusal as refusal:
            if refusal.code not in _MOVED_ON:
                raise
            return await self._step_aside(case, refusal)

    async def _make(self, move: Move, case: Case) -> bool:
        match move:
            case Move.DIAGNOSE:
                return await self._diagnose(case)
            case Move.TICKET:
                return await self._ticket(case)
            case Move.PROPOSE:
                return await self._propose(case)
            case Move.CERTIFY:
                return await self._certify(case)
            case Move.ASK:
                return await self._ask(case)
            case Move.APPLY:
                return await self._apply(case)
            case Move.DEPLOY:
                return await self._deploy(case)
            case Move.VERIFY:
                return await self._verify(case)
            case Move.LEARN:
                return await self._learn(case)

    async def _diagnose(self, case: Case) -> bool:
        _, tree = self._head()
        asked = await self._asked(case)
        suspects = await self._suspects(case, tree)
        known = await self._known(case)
        diagnosis, by = await self._judge(asked, tree, suspects)
        if diagnosis.recipe in {"", REGRESSION} and (culprit := await self._bisect(case, asked, tree)):
            suspects = [culprit, *(suspect for suspect in suspects if suspect["commit"] != culprit["commit"])]
            diagnosis, by = await self._judge(asked, tree, suspects)
        claims = [asdict(claim) for claim in diagnosis.claims] + known
        if not diagnosis.file:
            diagnosis = replace(diagnosis, **_where_it_threw(case, tree))
        elif diagnosis.line and not (suspects and suspects[0].get("named")):
            place = {"file": diagnosis.file, "line": diagnosis.line, "function": diagnosis.function}
            suspects = await self._blamed(case, _trace_of([place])) or suspects
        await self._tools.call(
            "record_diagnosis",
            case_id=case.id,
            status=diagnosis.status,
            cause=diagnosis.cause,
            file=diagnosis.file,
            line=diagnosis.line,
            function=diagnosis.function,
            suspect_commit=suspects[0]["commit"] if suspects else "",
            claims=claims[:20],
            reason=diagnosis.reason,
            recipe=diagnosis.recipe,
            actor=by,
        )
        return True

    async def _ticket(self, case: Case) -> bool:
        """The issue is known before the ticket, which ends this move; then it learns the ticket's id."""
        await self._tools.call("add_runtime_issue", **_runtime_issue(case, ""))
        answer = await self._tools.call(
            "create_ticket",
            case_id=case.id,
            evidence=dict(case.evidence),
            diagnosis=dict(case.diagnosis) or {"reason": case.reason},
            actor=ACTOR,
        )
        await self._tools.call("add_runtime_issue", **_runtime_issue(case, answer["id"]))
        await self._append(case, "ticketed", {"ticket": answer["id"]}, key=answer["id"])
        return True

    async def _propose(self, case: Case) -> bool:
        base, tree = self._head()
        suspect = str(case.diagnosis.get("suspect_commit") or "")
        suspects = [_named(tree, suspect)] if suspect else []
        drafts = await self._drafts(case, tree, suspects)
        reasons = [str(fix.certificate.get("reason", "")) for fix in case.fixes if fix.certificate and not fix.certified]
        for draft in drafts[options_refuted(case) :]:
            try:
                proven = await self._reproduction(case, base, draft)
                await self._tools.call("propose_fix", case_id=case.id, draft=proven, actor=ACTOR)
                return True
            except Refusal as refusal:
                if refusal.code in {"paused", "illegal_move"}:
                    raise
                reasons.append(f"{draft.title}: {refusal}")
                if refusal.code in {"budget_exhausted", "demoted"}:
                    break
        reason = "; ".join(reasons[-3:]) or "no recipe proposes a change for this cause"
        await self._append(case, "inconclusive", {"reason": reason}, key=str(len(case.fixes)))
        return True

    async def _certify(self, case: Case) -> bool:
        await self._tools.call("certify_fix", fix_id=_fix(case).id, actor=ACTOR)
        return True

    async def _ask(self, case: Case) -> bool:
        await self._tools.call("request_approval", fix_id=_fix(case).id, risk="medium", actor=ACTOR)
        return True

    async def _apply(self, case: Case) -> bool:
        await self._tools.call("apply_fix", fix_id=_fix(case).id, actor=ACTOR)
        return True

    async def _deploy(self, case: Case) -> bool:
        fix = _fix(case)
        if not case.pull_request:
            answer = await self._tools.call("open_pull_request", fix_id=fix.id, actor=ACTOR)
            await self._append(case, "pull_request", {"pull_request": str(answer.get("id", ""))}, key=fix.id)
        deployment = await self._deployer.deploy(case, fix)
        if deployment is None:
            return False
        await self._append(case, "deployed", {"fix": fix.id, **asdict(deployment)}, key=fix.id)
        return True

    async def _verify(self, case: Case) -> bool:
        answer = await self._tools.call(
            "verify_fix",
            fingerprint=str(case.evidence["fingerprint"]["coarse"]),
            fixed_at=case.times["deployed"].isoformat(),
            since=str(case.evidence.get("onset") or case.evidence.get("first_seen") or ""),
            release=case.release,
        )
        word = answer["word"]
        if word == "verified":
            await self._append(case, "verified", answer)
            return True
        if word == "worse":
            await self._append(case, "regressed", {"reason": f"worse after the fix: {answer.get('explain', '')}"})
            return False
        if word != case.verdict.get("word"):
            await self._append(case, "verdict", answer)
        return False

    async def _learn(self, case: Case) -> bool:
        fix = _fix(case)
        note = f"{fix.id} is verified in production."
        await self._tools.call("transition_ticket", ticket_id=case.ticket, status="resolved", comment=note, actor=ACTOR)
        changes = await self._changes(fix)
        await self._tools.call("record_lesson", **_lesson(case, fix), changes=changes, actor=ACTOR)  # last: it ends the case
        return False

    async def _suspects(self, case: Case, tree: CommitTree) -> list[dict[str, Any]]:
        """Suspects of the lines in the trace, then of what the failing function calls: half of all mistakes lie there."""
        trace: dict[str, Any] | None = case.evidence.get("trace")
        called = callees(case.evidence, tree)
        found = [*await self._blamed(case, trace), *await self._blamed(case, _trace_of(called))]
        once = {suspect["commit"]: suspect for suspect in reversed(found)}
        ordered = sorted(once.values(), key=found.index)
        return [{**suspect, "files": tree.changed_by(suspect["commit"])} for suspect in ordered]

    async def _bisect(self, case: Case, asked: Mapping[str, Any], tree: CommitTree) -> dict[str, Any] | None:
        """The commit since which the failure can be reproduced, when there is one: shown by running, not by guessing."""
        tests = [test for reasoner in self._reasoners for test in await reasoner.reproduce(asked, tree)]
        history = await asyncio.to_thread(tree.history)
        try:
            test = await self._matching(case, history[-1], tests)
            if test is None:
                return None

            async def fails(commit: str) -> bool:
                return await self._matching(case, commit, [test]) is not None

            found = await first_failing(history, fails)
        except KintsugiError:
            return None  # no sandbox here, or the project's tests do not run: suspects remain suspects
        return _named(tree, found) if found else None

    async def _matching(self, case: Case, commit: str, tests: Sequence[CandidateTest]) -> CandidateTest | None:
        """The first of the tests, best first, that fails on the commit as production did."""
        for test in tests:
            candidate = {"path": test.path, "content": test.content}
            answer = await self._tools.call("try_reproduction", case_id=case.id, base=commit, tests=[candidate])
            if answer["attempts"][0]["matches"]:
                return test
        return None

    async def _blamed(self, case: Case, trace: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        if not trace:
            return []
        evidence: dict[str, Any] = {"trace": trace, "releases": list(case.evidence.get("releases") or {})}
        if case.evidence.get("onset"):
            evidence["onset"] = case.evidence["onset"]
        answer = await self._tools.call("find_suspect_commits", case_id=case.id, **evidence)
        return list(answer["suspects"])

    async def _changes(self, fix: Fix) -> list[dict[str, str]]:
        """What the fix changed, before and after, without what it added: the guard is made from it."""
        detail = await self._tools.call("get_fix", fix_id=fix.id)
        _, tree = self._head()
        old = set(tree.files_at(fix.base))
        paths = [path for path in detail["files"] if path in old]
        return [{"path": path, "before": tree.read_at(fix.base, path), "after": tree.read_at(fix.commit, path)} for path in paths]

    async def _known(self, case: Case) -> list[dict[str, str]]:
        """What is remembered of this error, here and in other repositories, as claims: lessons first."""
        asked = {"fingerprint": dict(case.evidence["fingerprint"]), "limit": 2}
        lessons = (await self._tools.call("search_lessons", **asked))["lessons"]
        issues = (await self._tools.call("query_known_issues", **asked))["issues"]
        taught = [{"text": f"learned in {one['repository']}: {one['fix']}"[:300], "evidence": one["id"]} for one in lessons]
        return taught + [{"text": f"seen before in {one['repository']}: {one['title']}"[:300], "evidence": one["id"]} for one in issues]

    async def _asked(self, case: Case) -> dict[str, Any]:
        """The case as a reasoner sees it, with the failures that are other cases: they hide one another."""
        cases = await asyncio.to_thread(self._ledger.cases, case.project)
        others = [_failure_of(other) for other in cases if other.id != case.id and other.state not in SETTLED]
        evidence = {**case.evidence, "other_failures": [other for other in others if other["function"]]}
        return {"id": case.id, "title": case.title, "service": case.service, "evidence": evidence}

    async def _judge(self, asked: Mapping[str, Any], tree: CommitTree, suspects: Sequence[Mapping[str, Any]]) -> tuple[Diagnosis, str]:
        """The first reasoner that reaches a cause, free ones first; else the last one's inconclusive."""
        diagnosis, by = Diagnosis("inconclusive", reason="no reasoner is configured"), ACTOR
        for reasoner in self._reasoners:
            diagnosis, by = await reasoner.diagnose(asked, tree, suspects), reasoner.name
            if diagnosis.status != "inconclusive":
                break
        return diagnosis, by

    async def _drafts(self, case: Case, tree: CommitTree, suspects: Sequence[Mapping[str, Any]]) -> list[Draft]:
        known = {key: case.diagnosis.get(key, "") for key in ("status", "cause", "file", "line", "function", "recipe", "reason")}
        diagnosis = Diagnosis(**known)
        asked = await self._asked(case)
        for reasoner in self._reasoners:
            drafts = list(await reasoner.propose(asked, diagnosis, tree, suspects))
            if drafts:
                return drafts
        return []

    async def _reproduction(self, case: Case, base: str, draft: Draft) -> dict[str, Any]:
        """The draft with the first of its candidate tests that fails on the base as production did; raises `Refusal` when none does."""
        chosen = await self._matching(case, base, draft.tests)
        if chosen is None:
            raise Refusal(f"none of {len(draft.tests)} reproductions failed as production did", code="not_reproduced")
        return draft.as_json(chosen)

    def _may_board(self, case: Case) -> bool:
        """Whether no other case is between its proposal and its deployment, and it is this one's turn among those that wait."""
        if not self._one_at_a_time or self._aboard == case.id:
            return True
        waiting: list[Case] = []
        for other in self._ledger.cases(case.project):
            if other.id == self._aboard and other.state in _ABOARD and not self._arrived(other):
                return False
            if other.state is State.DIAGNOSED or (other.state is State.OPEN and self._ledger.now() - other.opened < BOARDING):
                waiting.append(other)
        if _first(waiting or [case]).id != case.id:
            return False
        self._aboard = case.id
        return True

    def _arrived(self, case: Case) -> bool:
        """Whether the branch that production runs stands on the fix already, though its services may still restart."""
        return case.state is State.APPLIED and case.fix is not None and self._head()[0] == case.fix.commit

    async def _step_aside(self, case: Case, refusal: Refusal) -> bool:
        """The world moved since we looked: say so on the ledger, and look again."""
        if refusal.code == "illegal_move":
            return True
        kind = "superseded" if refusal.code in _OUTDATED else "expired"
        once = f"{_fix(case).id} {case.times.get('approved', '')}"
        await self._append(case, kind, {"fix": _fix(case).id, "reason": str(refusal)}, key=once)
        return True

    async def _append(self, case: Case, kind: str, data: Mapping[str, Any], key: str = "") -> Case:
        return await asyncio.to_thread(lambda: self._ledger.append(case.id, kind, data, actor=ACTOR, key=key))


def _fix(case: Case) -> Fix:
    if case.fix is None:
        raise KintsugiError(f"Case {case.id} is {case.state} without a proposal; its history is broken.")
    return case.fix


def _failure_of(case: Case) -> dict[str, str]:
    trace = case.evidence.get("trace")
    failure = Failure.of(StackTrace.from_json(trace)) if trace else Failure("")
    return {"exception": failure.exception, "function": failure.function}


def _where_it_threw(case: Case, tree: CommitTree) -> dict[str, Any]:
    """The file, line and function of ours nearest the throw: what can be said even when the cause is not known."""
    trace = case.evidence.get("trace")
    frame = StackTrace.from_json(trace).top_in_app if trace else None
    path = resolve_path(frame.file, tree.files()) if frame else None
    return {"file": path, "line": frame.line, "function": frame.function} if frame and path else {}


def _first(waiting: Sequence[Case]) -> Case:
    """Whose turn it is: an error that makes half of all goes first, it hides the others; else the rarest, whose verdict takes longest."""
    loudest = max(waiting, key=lambda case: case.occurrences)
    if 2 * loudest.occurrences >= sum(case.occurrences for case in waiting):
        return loudest
    return min(waiting, key=lambda case: case.occurrences)


def _named(tree: CommitTree, commit: str) -> dict[str, Any]:
    """The one commit that a bisection or a diagnosis has named: a reasoner need not choose again."""
    return {
        "commit": commit,
        "subject": tree.subject(commit),
        "files": tree.changed_by(commit),
        "release": tree.release_of(commit),
        "named": True,
    }


def _trace_of(frames: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A trace of these lines, so that blame can be asked about them."""
    if not frames:
        return None
    return {"language": "", "exceptions": [{"type": "", "message": "", "frames": [dict(frame) for frame in frames]}]}


_ISSUE_TYPES = {"bug": "error", "configuration": "error", "infrastructure": "crash"}


def _runtime_issue(case: Case, ticket: str) -> dict[str, Any]:
    kind = str(case.evidence.get("error_type", "bug"))
    samples: list[dict[str, Any]] = case.evidence.get("samples") or [{"body": case.title}]
    return {
        "repository": case.project,
        "service_type": case.service or "unknown",
        "issue_type": _ISSUE_TYPES.get(kind, kind),
        "severity": case.severity.lower(),
        "log_snippet": str(samples[0].get("body", ""))[:500],
        "root_cause": str(case.diagnosis.get("cause", "")),
        "fingerprint": str(case.evidence["fingerprint"]["coarse"]),
        "ticket": ticket,
        "case_id": case.id,
        "actor": ACTOR,
    }


def _lesson(case: Case, fix: Fix) -> dict[str, Any]:
    fingerprint = case.evidence["fingerprint"]
    template: dict[str, Any] = case.evidence.get("template") or {}
    return {
        "case_id": case.id,
        "repository": case.project,
        "symptom": case.title,
        "cause": str(case.diagnosis.get("cause", "")),
        "fix": fix.title,
        "fix_id": fix.id,
        "evidence": f"{case.verdict.get('word')}: {case.verdict.get('explain', '')}",
        "fingerprint": str(fingerprint["coarse"]),
        "template": str(template.get("text", "")),
        "recipe": str(case.diagnosis.get("recipe", "")),
    }
