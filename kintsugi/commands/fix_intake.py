"""From a traceback and a patch to a proposal: the case is found or opened, the reproduction is given or looked for, the tools do the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kintsugi.commands import fix_patch
from kintsugi.commands.asking import call
from kintsugi.commands.fix_patch import Patch
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from kintsugi.workspace import ledger_of
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.stack import Failure, StackTrace, bare_function, resolve_path

ACTOR = "kintsugi"
_OPEN = {State.DIAGNOSED, State.PROPOSED, State.REJECTED}
_UNDER_WAY = {
    State.APPROVED: "`kintsugi fix apply {fix}` applies it, `kintsugi revoke {fix}` takes the approval back",
    State.APPLIED: "`kintsugi fix rollback {fix}` takes it back",
    State.DEPLOYED: "`kintsugi fix rollback {fix}` takes it back",
    State.VERIFIED: "`kintsugi fix rollback {fix}` takes it back",
    State.FALSE_POSITIVE: "it was closed as no problem",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for on the command line; names of files, `-` for standard input, empty for what was left out."""

    patch: str
    traceback: str = ""
    case_id: str = ""
    test: str = ""
    title: str = ""
    cause: str = ""
    option: bool = False
    author: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of it: the answer of propose_fix, the case, whether it is new, and where its reproduction comes from."""

    answer: Mapping[str, Any]
    case: Case
    opened: bool
    test: str
    also: tuple[str, ...] = ()


async def proposed(deps: Deps, asked: Asked) -> Made:
    """The proposal; raises `Refusal` with what is missing, or what cannot be done."""
    if [asked.patch, asked.traceback, asked.test].count("-") > 1:
        raise Refusal(
            "Only one of patch, traceback and test can come from standard input; name files for the others.", code="nothing_given"
        )
    if not (asked.traceback or asked.case_id):
        raise Refusal(
            "Say what failed: --traceback FILE with the traceback or the log of the failure, or --case CASE. A fix is proven against how it failed.",
            code="no_failure",
        )
    patch = fix_patch.parsed(fix_patch.read(asked.patch, of="The patch"), keep_test=bool(asked.test))
    patch = fix_patch.titled(patch, asked.title, asked.cause)
    tools = Tools(deps, writes=True)
    failure, also = (await asyncio.to_thread(_failure, deps, asked.traceback, patch)) if asked.traceback else ({}, ())
    case, opened = await _case(deps, tools, asked, failure)
    if case.state not in _OPEN:
        case = await _diagnosed(deps, tools, case, patch)
    _may_propose(case, asked)
    test, whence = await _reproduction(deps, tools, case, patch, asked.test)
    title = str(patch.words.get("title") or _goal(case))[:200]
    draft = {"cause": str(case.diagnosis.get("cause", "")), **patch.words, "title": title, "edits": list(patch.edits), "test": test}
    answer = await tools.call("propose_fix", case_id=case.id, draft=draft, actor=asked.author or ACTOR)
    return Made({**answer, "case": case.id, "case_opened": opened, "test": test["path"]}, case, opened, whence, also)


def _failure(deps: Deps, name: str, patch: Patch) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The anomaly that the traceback shows, and the titles of others in it; of several, the one that the patch is about."""
    text = fix_patch.read(name, of="The traceback")
    with TemporaryDirectory(prefix="kintsugi-") as folder:
        service = deps.watched().name
        file = Path(folder) / f"{service}.log"
        file.write_text(text, "utf-8")
        found = call("find_anomalies", (str(file),), since="", baseline="0m")["anomalies"]
    failures = [one for one in found if one.get("trace")] or [one for one in found if one.get("healable", True)]
    if not failures:
        raise Refusal(
            f"{name} shows no failure: no stack trace and no error is in it. Give the traceback as it was printed, from its first line on.",
            code="no_failure",
        )
    chosen = max(failures, key=lambda one: _about(one, patch))
    return _without_callers(chosen, _tree(deps)[1].files()), tuple(str(one["title"]) for one in failures if one is not chosen)


def _without_callers(anomaly: dict[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """The anomaly without the source lines of files that are not the repository's: how the reporter's own script called it.

    Whoever hands in a traceback made it fail, and their test calls the code in the same words; these are not a stranger's.
    """
    trace: dict[str, Any] = anomaly.get("trace") or {}
    frames: list[dict[str, Any]] = [frame for raised in trace.get("exceptions", ()) for frame in raised["frames"]]
    theirs = {str(frame.pop("code")).strip() for frame in frames if frame.get("code") and not resolve_path(str(frame["file"]), files)}
    for sample in anomaly.get("samples", ()):
        lines = str(sample.get("body", "")).split("\n")
        sample["body"] = "\n".join(line for line in lines if line.strip() not in theirs)
    return anomaly


def _about(anomaly: Mapping[str, Any], patch: Patch) -> int:
    """How many lines of the trace lie in files that the patch names."""
    text = patch.text()
    trace = StackTrace.from_json(anomaly["trace"]) if anomaly.get("trace") else None
    frames = [frame for raised in (trace.exceptions if trace else ()) for frame in raised.frames if frame.in_app]
    return sum(1 for frame in frames if "/".join(frame.file.replace("\\", "/").split("/")[-2:]) in text)


async def _case(deps: Deps, tools: Tools, asked: Asked, failure: dict[str, Any]) -> tuple[Case, bool]:
    ledger = ledger_of(deps)
    if asked.case_id:
        case = ledger.case(asked.case_id)
        if failure and not case.fingerprint.endswith(f":{failure['fingerprint']['coarse']}"):
            raise Refusal(
                f"{asked.traceback} shows {failure['title']}, which is not the failure of {case.id} ({case.title}); leave one of the two out.",
                code="other_failure",
            )
        return case, False
    answer = await tools.call("open_case", anomaly=failure, actor=ACTOR)
    return ledger.case(answer["id"]), bool(answer["created"])


async def _diagnosed(deps: Deps, tools: Tools, case: Case, patch: Patch) -> Case:
    """The case with a diagnosis in the words of whoever proposes; where it threw is read from the trace."""
    if case.state in _UNDER_WAY:
        fix = case.fix.id if case.fix else ""
        told = _UNDER_WAY[case.state].format(fix=fix)
        raise Refusal(f"{case.id} is {case.state} {f'with {fix} ' if fix else ''}already; {told}.", code="under_way")
    place = _where(deps, case)
    cause = str(patch.words.get("cause") or patch.words.get("title") or _seen(case, place))[:2000]
    await tools.call("record_diagnosis", case_id=case.id, status="likely", cause=cause, actor=ACTOR, **place)
    return ledger_of(deps).case(case.id)


def _where(deps: Deps, case: Case) -> dict[str, Any]:
    trace = case.evidence.get("trace")
    frame = StackTrace.from_json(trace).top_in_app if trace else None
    path = resolve_path(frame.file, _tree(deps)[1].files()) if frame else None
    return {"file": path, "line": frame.line, "function": frame.function} if frame and path else {}


def _seen(case: Case, place: Mapping[str, Any]) -> str:
    """The cause as far as the trace tells it, where nobody named one."""
    where = f", thrown at {place['file']}:{place['line']}" if place else ""
    return f"{case.title}{where}; whoever proposed the fix named no cause"


def _goal(case: Case) -> str:
    """What a fix without a title is for: that the function at the throw does not fail this way."""
    place, trace = case.diagnosis, case.evidence.get("trace")
    if not (trace and place.get("file") and place.get("function")):
        return f"Mend {case.title}"
    failure = Failure.of(StackTrace.from_json(trace))
    return f"Keep {bare_function(place['function'])} in {place['file']} from failing with {bare_function(failure.exception)}"


def _may_propose(case: Case, asked: Asked) -> None:
    waiting = next((fix for fix in reversed(case.fixes) if not fix.certificate or fix.certified), None)
    if case.state is State.PROPOSED and waiting and not asked.option:
        raise Refusal(
            f"{waiting.id} is proposed for {case.id} already (`kintsugi fix show {waiting.id}`); with --option this one stands beside it.",
            code="another_option",
        )


async def _reproduction(deps: Deps, tools: Tools, case: Case, patch: Patch, given: str) -> tuple[dict[str, str], str]:
    """The test of the fix and where it comes from: named, in the patch, or found by trying."""
    if given:
        return fix_patch.given_test(given, deps.watched().root, Path.cwd(), case.id.removeprefix("case_")), "named by you"
    if patch.test:
        return dict(patch.test), "from the patch"
    return await _tried(deps, tools, case), "found by trying: it fails as production did"


async def _tried(deps: Deps, tools: Tools, case: Case) -> dict[str, str]:
    from kintsugi.reasoners import REASONERS

    base, tree = _tree(deps)
    asked = {"id": case.id, "title": case.title, "service": case.service, "evidence": case.evidence}
    found = [test for name in ("recipes",) for test in await REASONERS[name]().reproduce(asked, tree)]
    tests = [{"path": test.path, "content": test.content} for test in found]
    attempts: Sequence[Mapping[str, Any]] = ()
    if tests:
        attempts = (await tools.call("try_reproduction", case_id=case.id, base=base, tests=tests))["attempts"]
    matching = next((test for test, attempt in zip(tests, attempts, strict=False) if attempt["matches"]), None)
    if matching is None:
        raise Refusal(_needed(case, attempts), code="no_reproduction")
    return matching


def _needed(case: Case, attempts: Sequence[Mapping[str, Any]]) -> str:
    """What test is needed, when none was given and none could be found."""
    trace = case.evidence.get("trace")
    failure = Failure.of(StackTrace.from_json(trace)) if trace else Failure(case.title)
    place = f" in {failure.function}" if failure.function else ""
    seen = next((attempt["seen"] for attempt in attempts if attempt.get("seen")), "")
    tried = f"{len(attempts)} were tried{f'; one saw {seen}' if seen else ''}" if attempts else "none could be written from the trace alone"
    return (
        f"A fix needs a test that fails as production did, with {failure.exception}{place}; {tried}. Write one: a new file such as "
        f"tests/test_reproduces_{case.id.removeprefix('case_')}.py, with one function test_… that calls your code the way it was called when it "
        f"failed, and give it with --test FILE (or put it into the patch)."
    )


def _tree(deps: Deps) -> tuple[str, CommitTree]:
    project = deps.watched()
    repository = Repository.at(project.root)
    commit = repository.head(f"refs/heads/{project.branch}")
    return commit, CommitTree(repository, commit)
