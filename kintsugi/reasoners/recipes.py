"""The reasoner without a model: recipes matched on facts, changes computed from the code, and a plain `inconclusive` for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, Literal, cast

import anyio.to_thread

from kintsugi.reasoners import CandidateTest, Claim, Diagnosis, Draft, Given, Tree
from kintsugi.reasoners.changes import CHANGES, Plan
from kintsugi.reasoners.matching import Facts, NotSure, Recipe, fits, recipes
from kintsugi.reasoners.places import Sources
from kintsugi.reasoners.reproductions import candidates


class Recipes:
    """Matches recipes in their order; the first whose change can be planned is the diagnosis."""

    name = "recipes"

    def __init__(self, _: Given | None = None) -> None:
        """Needs nothing but the code and the evidence."""

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[CandidateTest]:
        """The recorded requests replayed, and the failing function called."""
        return await anyio.to_thread.run_sync(lambda: _reproductions(_facts(case, tree, ())))

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis:
        """The cause, as far as a recipe knows it; `inconclusive` with the reason otherwise."""
        return await anyio.to_thread.run_sync(lambda: _diagnosis(_facts(case, tree, suspects)))

    async def propose(
        self, case: Mapping[str, Any], diagnosis: Diagnosis, tree: Tree, suspects: Sequence[Mapping[str, Any]]
    ) -> Sequence[Draft]:
        """The drafts of the diagnosed recipe, best first; none when the diagnosis names no recipe."""
        return await anyio.to_thread.run_sync(lambda: _drafts(_facts(case, tree, suspects), diagnosis))


def _facts(case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Facts:
    evidence: Mapping[str, Any] = case.get("evidence") or {}
    return Facts(evidence, Sources(tree), tuple(suspects), str(case.get("id", "")))


def _reproductions(facts: Facts) -> tuple[CandidateTest, ...]:
    if not facts.places:
        return ()
    top = facts.places[0]
    return candidates(("replay_request", "call_function"), facts, Plan((), top.path, top.line, top.function, top))


def _diagnosis(facts: Facts) -> Diagnosis:
    reasons: list[str] = []
    for recipe in recipes():
        try:
            if fits(recipe, facts):
                return _found(recipe, CHANGES[recipe.change](facts, recipe)[0], facts)
        except NotSure as why:
            reasons.append(f"{recipe.id}: {why}")
    return _unknown(facts, reasons)


def _found(recipe: Recipe, plan: Plan, facts: Facts) -> Diagnosis:
    return Diagnosis(
        status="confirmed" if plan.sure else "likely",
        cause=_filled(recipe.cause, plan, facts),
        file=plan.file,
        line=plan.line,
        function=plan.function,
        recipe=recipe.id,
        claims=(*_seen(facts), *plan.claims),
    )


def _unknown(facts: Facts, reasons: Sequence[str]) -> Diagnosis:
    top = facts.places[0] if facts.places else None
    named = f"no recipe knows {facts.exception}" if facts.exception else "the evidence carries no exception that a recipe knows"
    return Diagnosis(
        status="inconclusive",
        file=top.path if top else "",
        line=top.line if top else 0,
        function=top.function if top else "",
        claims=_seen(facts),
        reason="; ".join(dict.fromkeys(reasons)) or named,
    )


def _seen(facts: Facts) -> tuple[Claim, ...]:
    if not facts.places:
        return ()
    top = facts.places[0]
    return (Claim(f"{facts.short_exception} is thrown in {top.function}", f"{top.path}:{top.line}"),)


def _drafts(facts: Facts, diagnosis: Diagnosis) -> list[Draft]:
    recipe = next((each for each in recipes() if each.id == diagnosis.recipe), None)
    if recipe is None or diagnosis.status == "inconclusive":
        return []
    try:
        plans = CHANGES[recipe.change](facts, recipe)
    except NotSure:
        return []
    return [_draft(recipe, plan, facts) for plan in plans]


def _draft(recipe: Recipe, plan: Plan, facts: Facts) -> Draft:
    return Draft(
        title=_filled(recipe.title, plan, facts),
        cause=_filled(recipe.cause, plan, facts),
        reasoning=_filled(recipe.reasoning, plan, facts),
        risk=cast("Literal['low', 'medium', 'high']", recipe.risk),
        edits=plan.edits,
        pros=tuple(_filled(each, plan, facts) for each in recipe.pros),
        cons=tuple(_filled(each, plan, facts) for each in recipe.cons),
        recipe=recipe.id,
        tests=candidates(recipe.reproduce, facts, plan),
        guard=plan.guard,
    )


def _filled(text: str, plan: Plan, facts: Facts) -> str:
    """The recipe's words with this plan's values; a placeholder nobody fills stays empty."""
    known: dict[str, Any] = {
        "file": plan.file,
        "line": plan.line,
        "function": plan.function or "module level",
        "exception": facts.short_exception,
        **plan.values,
    }
    parts = Formatter().parse(text)
    return "".join(before + (str(known.get(name, "")) if name else "") for before, name, _, _ in parts).strip()
