"""A verified fix becomes a recipe: what the repository shows of it, what its forms replay, and what other cases leave of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.kit.git import Repository
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.recipes.model import Level, Recipe, Story
from mcp_servers.knowledge.recipes.proving import chosen, failure_of, learned, renewed, told
from mcp_servers.knowledge.recipes.reach import Corpora, Replays
from mcp_servers.knowledge.recipes.store import RecipeStore
from mcp_servers.knowledge.recipes.tokens import language_of

MOST_FILES, LONGEST = 10, 200_000
_TESTS = frozenset({"tests", "test", "__tests__", "spec"})

Changes = Sequence[Mapping[str, str]]


def learn(
    store: RecipeStore,
    about: Recipe,
    changes: Changes,
    evidence: Mapping[str, Any],
    files: Sequence[str],
    now: datetime,
    code: Corpora = (),
) -> Recipe:
    """The recipe that these changes teach, kept with the level that its replays allow on cases and on `code`; `about` brings its names.

    Recipes for the same exception are weighed again with the new case, and the new one with theirs.
    """
    story = story_of(changes, evidence, files)
    found = learned(story)
    known = [one for one in store.of(failure_of(story).exception) if one.id != about.id]
    exception, replays = failure_of(story).exception, Replays(code)
    level, reason = chosen(found, exception, story, [one.story for one in known], replays.refused)
    reach = replays.seen.get(Level(level), ()) if level else ()
    recipe = replace(about, exception=exception, forms=found, story=story, active=level, reason=reason, reach=reach)
    store.put(recipe, now)
    for one in known:
        others = [story, *(other.story for other in known if other.id != one.id)]
        weighed = renewed(one, others) if one.active else one
        if weighed.active != one.active:
            store.put(weighed, now)
    return recipe


def story_of(changes: Changes, evidence: Mapping[str, Any], files: Sequence[str]) -> Story:
    """The case as it is kept: its failure, the files that changed, and the test that came with the fix. Credentials are masked everywhere."""
    old = [change for change in changes if change["before"]]
    test = next((change for change in changes if not change["before"] and is_test(change["path"])), None)
    safe = {key: {change["path"]: str(clean(change[key])) for change in old} for key in ("before", "after")}
    failure: dict[str, Any] = clean(told(evidence, files))
    return Story(failure, safe["before"], safe["after"], test["path"] if test else "", str(clean(test["after"])) if test else "")


def unfit(changes: Changes) -> str:
    """Why these changes cannot teach a recipe, as the end of a sentence; empty when they can."""
    if not any(change["before"] for change in changes):
        return "the fix changed no file that was there before"
    if any(PurePosixPath(change["path"]).is_absolute() or ".." in PurePosixPath(change["path"]).parts for change in changes):
        return "it names a path outside of the repository"
    if len(changes) > MOST_FILES or any(len(change[side]) > LONGEST for change in changes for side in ("before", "after")):
        return "the fix is too large"
    added = [change["path"] for change in changes if not change["before"] and not is_test(change["path"])]
    return f"the fix adds {added[0]}, which belongs to its own place" if added else ""


def is_test(path: str) -> bool:
    """Whether a path is a test by the customs of its language."""
    parts, name = PurePosixPath(path).parts, PurePosixPath(path).name
    named = name.startswith("test_") or any(f"{mark}." in name for mark in ("_test", ".test", ".spec", "Test"))
    return bool(language_of(path)) and (named or bool(_TESTS & set(parts[:-1])))


def seen(repository: Repository, fix: str, branch: str, changes: Changes) -> bool:
    """Whether the repository holds these files as the fix left them, and before them as they were: nobody's word is taken for it."""
    commit = repository.resolve(f"refs/heads/kintsugi/{fix}") if fix else None
    parent = repository.resolve(f"{commit}^") if commit else None
    head = commit or repository.resolve(f"refs/heads/{branch}")
    if head is None or not all(_holds(repository, head, change["path"], change["after"]) for change in changes):
        return False
    return parent is None or all(_holds(repository, parent, change["path"], change["before"]) for change in changes if change["before"])


def _holds(repository: Repository, commit: str, path: str, text: str) -> bool:
    entry = repository.entry(commit, path)
    return entry is not None and repository.blobs([entry.id])[entry.id].decode("utf-8", "replace") == text
