"""The reasoner that remembers: recipes that verified fixes taught, bound to the code that fails now. No model, no tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kintsugi.reasoners import CandidateTest, Claim, Diagnosis, Draft, Given, Tree
from kintsugi.reasoners.recipes import Recipes
from kintsugi.tools import Tools

NAME = "learned"


def reasoner(given: Given) -> Learned:
    return Learned(given.tools)


class Learned:
    """Asks what healed this failure before, here or in another repository, and proposes the same where the code has the same shape."""

    name = NAME

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[CandidateTest]:
        """None: what a recipe's own test shows is known only with the change that it belongs to."""
        return ()

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis:
        """The cause that the best recipe has for this failure; `inconclusive`, without a word of its own, when none fits."""
        found = await self._matched(case)
        if not found:
            return Diagnosis("inconclusive")
        best = found[0]
        place = f"{best['file']}:{best['line']}" if best["line"] else str(best["file"])
        return Diagnosis(
            status="likely",
            cause=str(best["cause"]),
            file=str(best["file"]),
            line=int(best["line"]),
            function=str(best["function"]),
            recipe=str(best["recipe"]),
            claims=(Claim(f"{best['why']}, at the level {best['level']}"[:300], place),),
        )

    async def propose(
        self, case: Mapping[str, Any], diagnosis: Diagnosis, tree: Tree, suspects: Sequence[Mapping[str, Any]]
    ) -> Sequence[Draft]:
        """The drafts of the diagnosed recipe, then those of others that fit, each with its own test and those that the trace gives."""
        if diagnosis.status == "inconclusive":
            return ()
        found = await self._matched(case)
        found = sorted(found, key=lambda one: one["recipe"] != diagnosis.recipe)
        if not found or found[0]["recipe"] != diagnosis.recipe:
            return ()
        others = await Recipes().reproduce(case, tree)
        return [_draft(one, others) for one in found]

    async def _matched(self, case: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = await self._tools.call("match_recipes", case_id=str(case["id"]))
        return list(answer["recipes"])


def _draft(found: Mapping[str, Any], others: Sequence[CandidateTest]) -> Draft:
    own = [CandidateTest(found["test"]["path"], found["test"]["content"], "recipe")] if found.get("test") else []
    return Draft(
        title=str(found["title"])[:200],
        cause=str(found["cause"]),
        reasoning=f"This failure was {found['why']}: the same exception, and code of the same shape ({found['level']}). No model was asked.",
        risk="medium",
        edits=tuple(found["edits"]),
        pros=("its fix was certified, approved and verified in production before",),
        cons=("the code around it is another",) if found["level"] != "same" else (),
        recipe=str(found["recipe"]),
        tests=(*own, *others),
    )
