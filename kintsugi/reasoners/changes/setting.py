"""A limit in the configuration that production ran into: raise it, by what was observed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts, NotSure, Recipe, first
from kintsugi.reasoners.rewriting import apply, edits_between, over
from kintsugi.reasoners.settings import Setting, rank, score, settings


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """Two plans for the one setting that fits, the smaller rise first; raises `NotSure` when none does or several do equally well."""
    said = first(recipe.also, facts.said_for(recipe))
    number = int(said.groupdict().get("n") or 0) if said else 0
    keys = re.compile(str(recipe.settings["keys"]), re.IGNORECASE)
    named = [each for each in settings(facts.sources) if keys.search(each.name) and isinstance(each.value, int) and each.value > 0]
    near = [place.source.text for place in facts.places]
    if number:
        found = [each for each in named if each.value == number]
    else:
        found = [each for each in named if any(re.search(rf"\b{re.escape(each.name)}\b", text) for text in near) or len(named) == 1]
    if not found:
        raise NotSure(f"no setting named like a {recipe.settings['noun']} has the value {number or 'that was reached'}")
    chosen = _one(found, facts, near)
    value = _raised(recipe, facts, int(chosen.value))
    words = said.group(0) if said else ""
    return [_plan(facts, recipe, chosen, each, bool(number), words) for each in (value, 2 * value)]


def _one(found: Sequence[Setting], facts: Facts, near: Sequence[str]) -> Setting:
    ranked = rank(found, facts.texts, near)
    if len(ranked) > 1 and score(ranked[0], facts.texts, near) == score(ranked[1], facts.texts, near):
        raise NotSure(f"{ranked[0].key} in {ranked[0].file} and {ranked[1].key} in {ranked[1].file} fit equally well")
    return ranked[0]


def _raised(recipe: Recipe, facts: Facts, value: int) -> int:
    if recipe.settings.get("grow") == "power-of-two":
        needed = [
            int(n)
            for text in facts.said_for(recipe)
            for n in re.findall(r"(?:needs?|needed|requires?|required|got|produced|total)\D{0,20}(\d+)", text, re.IGNORECASE)
        ]
        least = max([each for each in needed if value < each < value * 1024], default=16 * value)
        return 2 ** math.ceil(math.log2(least))
    return max(3 * facts.concurrency, 2 * value, 20)


def _plan(facts: Facts, recipe: Recipe, setting: Setting, value: int, sure: bool, said: str) -> Plan:
    where = f"{setting.file}:{setting.line}" if setting.line else setting.file
    top = facts.places[0] if facts.places else None
    in_file = setting.node is None
    return Plan(
        edits=_edits(facts, setting, value),
        file=setting.file,
        line=setting.line,
        place=top,
        sure=sure,
        values={
            "key": setting.key,
            "old": setting.value,
            "new": value,
            "file": setting.file,
            "concurrency": facts.concurrency or "unknown",
        },
        claims=(
            Claim(f"{setting.key} is {setting.value}", where),
            Claim(
                "production reports the limit with that number" if sure else "production reports that the limit was reached",
                f"message: {said}",
            ),
        ),
        guard={"kind": "config-bound", "file": setting.file, "key": setting.key, "at_least": value} if in_file else _guard(facts, setting),
        aim={"setting": setting, "value": value},
    )


def _edits(facts: Facts, setting: Setting, value: int) -> tuple[dict[str, object], ...]:
    if setting.node is None:
        return ({"path": setting.file, "kind": "config", "key": setting.key, "value": value},)
    source = facts.sources[setting.file]
    text = source.segment(setting.node)
    new = re.sub(r"\d[\d_]*", str(value), text, count=1)
    return edits_between(source.path, source.text, apply(source.text, [over(source, setting.node, new)]))


def _guard(facts: Facts, setting: Setting) -> dict[str, object]:
    assert setting.node is not None
    source = facts.sources[setting.file]
    statement = source.statement(setting.node)
    line = source.lines[setting.line - 1].strip()
    text = source.segment(statement) if statement and "\n" not in source.segment(statement) else line
    return {"kind": "ast-grep", "rule": {"pattern": text}}
