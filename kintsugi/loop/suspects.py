"""Who may have broken it: commits blamed for the lines of a failure, and the one that a bisection names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from kintsugi.loop.bisect import first_failing
from kintsugi.reasoners import CandidateTest, Reasoner
from kintsugi.reasoners.callees import callees
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.model import Case
from mcp_servers.kit.errors import KintsugiError


class Suspects:
    """Asks the tools about the commits behind a case."""

    def __init__(self, tools: Tools, reasoners: Sequence[Reasoner]) -> None:
        self._tools = tools
        self._reasoners = reasoners

    async def of(self, case: Case, tree: CommitTree) -> list[dict[str, Any]]:
        """Suspects of the lines in the trace, then of what the failing function calls: half of all mistakes lie there."""
        trace: dict[str, Any] | None = case.evidence.get("trace")
        called = callees(case.evidence, tree)
        found = [*await self._blamed(case, trace), *await self.at(case, called)]
        once = {suspect["commit"]: suspect for suspect in reversed(found)}
        ordered = sorted(once.values(), key=found.index)
        return [{**suspect, "files": tree.changed_by(suspect["commit"])} for suspect in ordered]

    async def at(self, case: Case, frames: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Suspects of these lines (`file`, `line`, `function`) alone."""
        exceptions = [{"type": "", "message": "", "frames": [dict(frame) for frame in frames]}]
        return await self._blamed(case, {"language": "", "exceptions": exceptions} if frames else None)

    async def places(self, case: Case) -> list[dict[str, Any]]:
        """The functions that most likely hold the mistake (`file`, `line`, `function`, `score`, `reasons`), where the trace only shows a check."""
        trace = case.evidence.get("trace")
        if not trace:
            return []
        return list((await self._tools.call("find_suspect_commits", case_id=case.id, trace=trace)).get("places", ()))

    async def bisected(self, case: Case, asked: Mapping[str, Any], tree: CommitTree) -> dict[str, Any] | None:
        """The commit since which the failure can be reproduced, when there is one: shown by running, not by guessing."""
        tests = await self.reproductions(asked, tree)
        history = await asyncio.to_thread(tree.history)
        try:
            test = await self.reproduction(case, history[-1], tests)
            if test is None:
                return None

            async def fails(commit: str) -> bool:
                return await self.reproduction(case, commit, [test]) is not None

            found = await first_failing(history, fails)
        except KintsugiError:
            return None  # no sandbox here, or the project's tests do not run: suspects remain suspects
        return named(tree, found) if found else None

    async def reproductions(self, asked: Mapping[str, Any], tree: CommitTree) -> list[CandidateTest]:
        """The tests that the reasoners would try before anything is known of the cause."""
        return [test for reasoner in self._reasoners for test in await reasoner.reproduce(asked, tree)]

    async def reproduction(self, case: Case, commit: str, tests: Sequence[CandidateTest]) -> CandidateTest | None:
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


def named(tree: CommitTree, commit: str) -> dict[str, Any]:
    """The one commit that a bisection or a diagnosis has named: a reasoner need not choose again."""
    return {
        "commit": commit,
        "subject": tree.subject(commit),
        "files": tree.changed_by(commit),
        "release": tree.release_of(commit),
        "named": True,
    }
