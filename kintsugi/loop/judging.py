"""Who is asked, and in which order: what costs nothing first, then the commit that running names, then those who cost something."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kintsugi.loop import telling
from kintsugi.loop.suspects import Suspects
from kintsugi.loop.telling import ACTOR, failure
from kintsugi.reasoners import FREE, Diagnosis, Draft, Reasoner, Review, Reviewer
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, Fix
from mcp_servers.cases.policy import SETTLED

REGRESSION = "regression"
Commits = Sequence[Mapping[str, Any]]


class Judging:
    """Asks the reasoners about one case. What they say changes nothing yet."""

    def __init__(self, tools: Tools, ledger: Ledger, reasoners: Sequence[Reasoner], suspects: Suspects) -> None:
        self._tools = tools
        self._ledger = ledger
        self._free = [reasoner for reasoner in reasoners if reasoner.name in FREE]
        self._paid = [reasoner for reasoner in reasoners if reasoner.name not in FREE]
        self._suspects = suspects

    async def cause(self, case: Case, tree: CommitTree) -> tuple[Diagnosis, str, Commits]:
        """What is believed, by whom, and the suspects that it rests on."""
        asked = await self._asked(case, tree)
        suspects: Commits = await self._suspects.of(case, tree)
        diagnosis, by = await _first(self._free, asked, tree, suspects)
        if diagnosis.recipe in {"", REGRESSION} and (culprit := await self._suspects.bisected(case, asked, tree)):
            suspects = [culprit, *(suspect for suspect in suspects if suspect["commit"] != culprit["commit"])]
            diagnosis, by = await _first(self._free, asked, tree, suspects)
        if diagnosis.status == "inconclusive" and self._paid:
            free, (diagnosis, by) = diagnosis, await _first(self._paid, asked, tree, suspects)
            if diagnosis.status == "inconclusive" and self._free:
                diagnosis = replace(diagnosis, reason=f"{free.reason}; {diagnosis.reason}")
        return diagnosis, by, suspects

    async def drafts(self, case: Case, tree: CommitTree, suspects: Commits, refuted: Sequence[str]) -> list[Draft]:
        """Those that were not tried yet, of the first reasoner that has any for the diagnosis on the case. `refuted` says, one by one, why
        earlier drafts came to nothing."""
        known = {key: case.diagnosis.get(key, "") for key in ("status", "cause", "file", "line", "function", "recipe", "reason")}
        asked = {**await self._asked(case, tree), "refuted": list(refuted)}
        before = 0
        for reasoner in (*self._free, *self._paid):
            drafts = await reasoner.propose(asked, Diagnosis(**known), tree, suspects)
            if untried := [draft for number, draft in enumerate(drafts, before) if number + draft.after >= len(refuted)]:
                return untried
            before += len(drafts)
        return []

    async def taken_back(self, case: Case, tree: CommitTree, commit: str) -> Draft:
        """The draft that needs no judgement but the blame: the commit goes, proven by whichever reproduction the reasoners know."""
        tests = await self._suspects.reproductions(await self._asked(case, tree), tree)
        return telling.taken_back(case, commit, tree.subject(commit), tests)

    async def review(self, case: Case, fix: Fix, tree: CommitTree) -> Review | None:
        """The word of the first who reviews, on what was certified; None where nobody does."""
        for reasoner in self._paid:
            if isinstance(reasoner, Reviewer):
                shown = await self._tools.call("get_fix", fix_id=fix.id)
                return await reasoner.review(await self._asked(case, tree), shown, tree)
        return None

    async def place(self, case: Case, tree: CommitTree) -> dict[str, Any]:
        """Where it failed in our code (`file`, `line`, `function`), or where what the failing check calls most likely went wrong; else empty."""
        near = telling.place(case, tree) or [*await self._suspects.places(case), dict[str, Any]()][0]
        return {key: near[key] for key in ("file", "line", "function") if key in near}

    async def _asked(self, case: Case, tree: CommitTree) -> dict[str, Any]:
        """The case as a reasoner sees it, with the failures that are other cases: they hide one another. Where no frame of the trace is ours,
        `places` says which functions the failing check leads to."""
        cases = await asyncio.to_thread(self._ledger.cases, case.project)
        others = [failure(other) for other in cases if other.id != case.id and other.state not in SETTLED]
        evidence = {**case.evidence, "other_failures": [other for other in others if other["function"]]}
        if not telling.place(case, tree) and (likely := await self._suspects.places(case)):
            evidence["places"] = likely
        return {"id": case.id, "title": case.title, "service": case.service, "evidence": evidence}


async def _first(reasoners: Sequence[Reasoner], asked: Mapping[str, Any], tree: CommitTree, suspects: Commits) -> tuple[Diagnosis, str]:
    """The first that reaches a cause; else inconclusive, with the place that the first one saw and everybody's reasons."""
    undecided: list[Diagnosis] = []
    for reasoner in reasoners:
        diagnosis = await reasoner.diagnose(asked, tree, suspects)
        if diagnosis.status != "inconclusive":
            return diagnosis, reasoner.name
        undecided.append(diagnosis)
    if not undecided:
        return Diagnosis("inconclusive", reason="no reasoner is configured"), ACTOR
    reason = "; ".join(one.reason for one in undecided if one.reason)
    return replace(undecided[0], reason=reason), reasoners[-1].name
