"""One case, one move at a time, through the tools. Every move may be repeated: effects carry keys, the ledger says what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from kintsugi.loop import measuring, telling
from kintsugi.loop.boarding import Boarding
from kintsugi.loop.deployers import Deployer
from kintsugi.loop.judging import Judging
from kintsugi.loop.moves import Move, next_move, refuted
from kintsugi.loop.suspects import Suspects, named
from kintsugi.loop.telling import ACTOR
from kintsugi.reasoners import CandidateTest, Draft, Reasoner
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, Fix
from mcp_servers.kit.errors import KintsugiError, Refusal

ROUNDS = 3
"""How often a reasoner that learns from refusals is asked for drafts in one move."""
_OUTDATED = {"base_moved", "policy_changed", "offer_expired"}
_MOVED_ON = {"illegal_move", "approval_expired", *_OUTDATED}


class Healer:
    """Moves cases along the road. `tree_at` gives the repository at the head of the project's branch: (commit, tree).

    With `one_at_a_time` a case waits while another of this driver is between its proposal and its deployment, so that each
    fix is certified on exactly the commit that it will be applied to. With `merges` the policy may let a pull request be merged without
    a person: then it is asked about again at each step, until the fix is there.
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
        merges: bool = False,
    ) -> None:
        self._tools = tools
        self._ledger = ledger
        self._suspects = Suspects(tools, reasoners)
        self._judging = Judging(tools, ledger, reasoners, self._suspects)
        self._head = head
        self._deployer = deployer
        self._merges = merges
        self._boarding = Boarding(ledger, lambda: head()[0]) if one_at_a_time else None
        self._rehearsing = asyncio.Lock()
        self._rehearsed: dict[str, CandidateTest | None] = {}

    async def step(self, case_id: str) -> bool:
        """Makes the next move of a case. False: it rests, or it waits for something outside."""
        case = await asyncio.to_thread(self._ledger.case, case_id)
        move = next_move(case)
        if move is None:
            return False
        if move is Move.PROPOSE and self._boarding and not await asyncio.to_thread(self._boarding.admits, case):
            if case.id not in self._rehearsed and await asyncio.to_thread(self._boarding.at_rest):
                await self._rehearse(case)
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
        known = await self._known(case)
        diagnosis, by, suspects = await self._judging.cause(case, tree)
        claims = [asdict(claim) for claim in diagnosis.claims] + known
        if not diagnosis.file:
            diagnosis = replace(diagnosis, **await self._judging.place(case, tree))
        elif diagnosis.line and not (suspects and suspects[0].get("named")):
            place = {"file": diagnosis.file, "line": diagnosis.line, "function": diagnosis.function}
            suspects = await self._suspects.at(case, [place]) or suspects
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
            reason=diagnosis.reason[:1000],
            recipe=diagnosis.recipe,
            actor=by,
        )
        return True

    async def _ticket(self, case: Case) -> bool:
        """The issue is known before the ticket, which ends this move; then it learns the ticket's id."""
        await self._tools.call("add_runtime_issue", **telling.runtime_issue(case, ""))
        answer = await self._tools.call(
            "create_ticket",
            case_id=case.id,
            evidence=dict(case.evidence),
            diagnosis=dict(case.diagnosis) or {"reason": case.reason},
            actor=ACTOR,
        )
        await self._tools.call("add_runtime_issue", **telling.runtime_issue(case, answer["id"]))
        await self._append(case, "ticketed", {"ticket": answer["id"]}, key=answer["id"])
        return True

    async def _rehearse(self, case: Case) -> None:
        """What a case does while it waits for its turn, one at a time: it finds the test that fails as production did. Nothing rests on it: the
        certificate asks that test again, on the commit that counts."""
        if self._rehearsing.locked():
            return
        async with self._rehearsing:
            self._rehearsed[case.id] = None
            base, tree = self._head()
            with suppress(KintsugiError):
                drafts = await self._judging.drafts(case, tree, _named(case, tree), refuted(case))
                if drafts:
                    self._rehearsed[case.id] = await self._suspects.reproduction(case, base, drafts[0].tests)

    async def _propose(self, case: Case) -> bool:
        base, tree = self._head()
        suspect = str(case.diagnosis.get("suspect_commit") or "")
        suspects = _named(case, tree)
        reasons = refuted(case)
        for _ in range(ROUNDS):
            try:
                untried = await self._judging.drafts(case, tree, suspects, reasons)
                for draft in untried:
                    if await self._proposed(case, base, draft, reasons):
                        return True
            except Refusal as refusal:
                if refusal.code in {"paused", "illegal_move"}:
                    raise
                reasons.append(str(refusal))
                break
            if not untried:
                break
        if suspect and await self._take_back(case, base, tree, suspect, reasons):
            return True
        reason = "; ".join(reasons[-3:]) or "no reasoner proposes a change for this cause"
        await self._append(case, "inconclusive", {"reason": reason}, key=str(len(case.fixes)))
        return True

    async def _take_back(self, case: Case, base: str, tree: CommitTree, suspect: str, reasons: list[str]) -> bool:
        """Where nothing else could be proven: the option that stands beside it, or that change as a proposal."""
        option = next((fix for fix in case.fixes if fix.takes_back == suspect and not fix.certificate), None)
        try:
            if option is None:
                draft = await self._judging.taken_back(case, tree, suspect)
                return await self._proposed(case, base, draft, reasons)
            await self._tools.call("certify_fix", fix_id=option.id, actor=ACTOR)
            return True
        except Refusal as refusal:
            if refusal.code in {"paused", "illegal_move"}:
                raise
            reasons.append(str(refusal))
        return False

    async def _proposed(self, case: Case, base: str, draft: Draft, reasons: list[str]) -> bool:
        """Whether the draft became a proposal; why not is added to `reasons`. Raises `Refusal` where no other draft would fare better."""
        try:
            proven = await self._reproduced(case, base, draft)
            await self._tools.call("propose_fix", case_id=case.id, draft=proven, actor=ACTOR)
        except Refusal as refusal:
            if refusal.code in {"paused", "illegal_move", "budget_exhausted", "demoted"}:
                raise
            reasons.append(f"{draft.title}: {refusal}")
            return False
        return True

    async def _certify(self, case: Case) -> bool:
        await self._tools.call("certify_fix", fix_id=_fix(case).id, actor=ACTOR)
        return True

    async def _ask(self, case: Case) -> bool:
        fix = _fix(case)
        if "expired" in case.times:  # what was proven when a person was asked before may have lapsed since
            proven = await self._tools.call("certify_fix", fix_id=fix.id, actor=ACTOR)
            if not proven["certificate"]["passed"]:
                return True
        review = await self._judging.review(case, fix, self._head()[1])
        if review and review.word != "upheld":
            said = "\n".join((f"A second look at {fix.id} says: {review.word}.", *(f"* {reason}" for reason in review.reasons)))
            await self._tools.call("comment_ticket", ticket_id=case.ticket, body=said, actor=ACTOR)
        risk = "high" if review and review.word == "refuted" else "medium"
        await self._tools.call("request_approval", fix_id=fix.id, risk=risk, actor=ACTOR)
        return True

    async def _apply(self, case: Case) -> bool:
        await self._tools.call("apply_fix", fix_id=_fix(case).id, actor=ACTOR)
        return True

    async def _deploy(self, case: Case) -> bool:
        fix = _fix(case)
        if not case.pull_request or self._merges:
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
        note = telling.resolved(case, fix)
        await self._tools.call("transition_ticket", ticket_id=case.ticket, status="resolved", comment=note, actor=ACTOR)
        with suppress(KintsugiError):  # a lesson does not wait for figures
            await measuring.after_fix(self._tools, case.project, case.service, case.times["deployed"])
        changes = await self._changes(fix)
        await self._tools.call("record_lesson", **telling.lesson(case, fix), changes=changes, actor=ACTOR)  # last: it ends the case
        return False

    async def _changes(self, fix: Fix) -> list[dict[str, str]]:
        """What the fix changed, before and after, and what it added, which was empty before: its guard and its recipe are made from it."""
        detail = await self._tools.call("get_fix", fix_id=fix.id)
        _, tree = self._head()
        old, new = (set(tree.files_at(commit)) for commit in (fix.base, fix.commit))
        return [
            {"path": path, "before": tree.read_at(fix.base, path) if path in old else "", "after": tree.read_at(fix.commit, path)}
            for path in detail["files"]
            if path in new
        ]

    async def _known(self, case: Case) -> list[dict[str, str]]:
        """What is remembered of this error, here and in other repositories, as claims: lessons first."""
        asked = {"fingerprint": dict(case.evidence["fingerprint"]), "limit": 2}
        lessons = (await self._tools.call("search_lessons", **asked))["lessons"]
        issues = (await self._tools.call("query_known_issues", **asked))["issues"]
        taught = [{"text": f"learned in {one['repository']}: {one['fix']}"[:300], "evidence": one["id"]} for one in lessons]
        return taught + [{"text": f"seen before in {one['repository']}: {one['title']}"[:300], "evidence": one["id"]} for one in issues]

    async def _reproduced(self, case: Case, base: str, draft: Draft) -> dict[str, Any]:
        """The draft with the first of its candidate tests that fails on the base as production did; raises `Refusal` when none does."""
        known = self._rehearsed.get(case.id)
        chosen = known if known in draft.tests else await self._suspects.reproduction(case, base, draft.tests)
        if chosen is None:
            raise Refusal(f"none of {len(draft.tests)} reproductions failed as production did", code="not_reproduced")
        return draft.as_json(chosen)

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


def _named(case: Case, tree: CommitTree) -> list[dict[str, Any]]:
    """The commit that the diagnosis suspects, if any."""
    suspect = str(case.diagnosis.get("suspect_commit") or "")
    return [named(tree, suspect)] if suspect else []


def _fix(case: Case) -> Fix:
    if case.fix is None:
        raise KintsugiError(f"Case {case.id} is {case.state} without a proposal; its history is broken.")
    return case.fix
