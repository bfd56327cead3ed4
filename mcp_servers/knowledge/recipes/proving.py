"""What a form must show before it may be used: on its own case it makes exactly the fix, on the fixed code nothing, and on other cases nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp_servers.kit.stack import resolve_path
from mcp_servers.knowledge.recipes.binding import Tree, heal
from mcp_servers.knowledge.recipes.configured import values
from mcp_servers.knowledge.recipes.failures import Failed, failed
from mcp_servers.knowledge.recipes.generalising import forms
from mcp_servers.knowledge.recipes.model import Form, Healed, Level, Recipe, Story


def told(evidence: Mapping[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """The evidence as a story keeps it: the failure alone, its frames named as the repository names its files, and no others ours."""
    trace: dict[str, Any] = dict(evidence.get("trace") or {})
    if not trace:
        return {key: evidence[key] for key in ("message", "title") if evidence.get(key)}
    raised = [
        {**one, "frames": [_frame(dict(frame), files) for frame in one["frames"]][-60:]} for one in trace["exceptions"][:5]
    ]  # fmt: skip
    return {"trace": {**trace, "exceptions": raised}}


def failure_of(story: Story) -> Failed:
    return failed(story.evidence, _files(story))


def learned(story: Story) -> tuple[Form, ...]:
    """The forms of a change that make exactly this change of its own case, from general to literal, with what they bound there."""
    failure = failure_of(story)
    kept: list[Form] = []
    for form in forms(story, failure):
        healed = next(iter(heal(form, failure.exception, failure, _tree(story, story.before))), None)
        if healed is not None and makes(healed, story):
            kept.append(replace(form, own=healed.bound))
    return tuple(kept)


def chosen(
    given: Sequence[Form], exception: str, story: Story, others: Iterable[Story], refused: Callable[[Form], str] = lambda _: ""
) -> tuple[str, str]:
    """The most general level whose form changes nothing else, and why a more general one may not; an empty level when none may.

    `refused` says why a form may not be used by its replay on code in service.
    """
    reason = "" if given else "the change does not come out of its own case the same: it is not made of statements and settings alone"
    known = tuple(others)
    for form in given:
        if _changes(form, exception, story, story.after):
            reason = f"as {form.level} it would change the fixed code again"
        elif wrong := next((other for other in known if not _agrees(form, exception, other)), None):
            reason = f"as {form.level} it would change another case in another way than its fix ({', '.join(wrong.before)[:120]})"
        elif greedy := refused(form):
            reason = f"as {form.level} {greedy}"
        else:
            return form.level, reason
    return "", reason


def renewed(recipe: Recipe, others: Iterable[Story]) -> Recipe:
    """The recipe at the level that these other cases leave it; it never grows more general than its replays left it."""
    left = recipe.forms[[form.level for form in recipe.forms].index(Level(recipe.active)) :]
    level, reason = chosen(left, recipe.exception, recipe.story, others)
    if level == recipe.active:
        return recipe
    return replace(recipe, active=level, reason=reason, reach=())


def makes(healed: Healed, story: Story) -> bool:
    """Whether a change is exactly the one of the story, file by file and value by value."""
    set_to = {(path, key): value for path, key, value in healed.settings}
    for path, before in story.before.items():
        known = {key: value for (file, key), value in set_to.items() if file == path}
        if known:
            if {**values(path, before), **known} != values(path, story.after[path]):
                return False
        elif healed.files.get(path, before) != story.after[path]:
            return False
    return set(healed.files) <= set(story.before) and {path for path, _ in set_to} <= set(story.before)


def _agrees(form: Form, exception: str, other: Story) -> bool:
    failure = failure_of(other)
    return all(makes(healed, other) for healed in heal(form, exception, failure, _tree(other, other.before))[:1])


def _changes(form: Form, exception: str, story: Story, texts: Mapping[str, str]) -> bool:
    return bool(heal(form, exception, failure_of(story), _tree(story, texts)))


def _tree(story: Story, texts: Mapping[str, str]) -> Tree:
    return Tree(_files(story), lambda path: texts.get(path, ""))


def _files(story: Story) -> list[str]:
    trace: dict[str, Any] = story.evidence.get("trace") or {}
    named = [str(frame["file"]) for one in trace.get("exceptions", ()) for frame in one["frames"] if frame.get("in_app", True)]
    return list(dict.fromkeys((*story.before, *named)))


def _frame(frame: dict[str, Any], files: Sequence[str]) -> dict[str, Any]:
    path = resolve_path(str(frame["file"]), files) if frame.get("in_app", True) else None
    return {**frame, "file": path or frame["file"], "in_app": path is not None}
