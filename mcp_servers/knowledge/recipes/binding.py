"""A form of a recipe meets a failing tree: its shape is found at the place that the trace names, bound, and filled in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.knowledge.recipes.adding import with_setting
from mcp_servers.knowledge.recipes.configured import MISSING, fitting
from mcp_servers.knowledge.recipes.extents import Extent, extent
from mcp_servers.knowledge.recipes.failures import Failed, Site, says
from mcp_servers.knowledge.recipes.importing import with_import
from mcp_servers.knowledge.recipes.model import Form, Healed, Level, Rewrite
from mcp_servers.knowledge.recipes.patterns import Binding, Match, filled, indent_of, occurrences, statements, unit_of
from mcp_servers.knowledge.recipes.tokens import comments, language_of, tokens

MOST, MOST_FILES = 3, 200
_TESTS = frozenset({"tests", "test", "__tests__", "spec", "testing", "node_modules", "vendor"})


@dataclass(frozen=True)
class Tree:
    """The files of one commit, by path, read when asked for."""

    files: Sequence[str]
    read: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Found:
    """One rewrite at its place."""

    rewrite: Rewrite
    path: str
    match: Match
    where: Extent


def heal(form: Form, exception: str, failure: Failed, tree: Tree) -> list[Healed]:
    """What the form makes of the tree where it fits the failure, best first, at most three ways; nothing where it does not fit."""
    if exception != failure.exception:
        return []
    if not form.rewrites:
        return _imported(form, failure, tree) if form.imports else _configured(form, failure, tree)
    healed = (_made(form, found, failure, tree) for found in _starts(form, failure, tree))
    return [one for one in healed if one is not None and says(form.message, failure.message, one.bound)][:MOST]


def standing(form: Form, path: str, text: str) -> Iterator[int]:
    """The lines of a file that the form would change, if its failure happened at each statement of it."""
    tree, first, language = Tree([path], lambda _: text), form.rewrites[0], language_of(path)
    given = tokens(text, language)
    for match in statements(first.parts, text, language):
        if match is not None:
            line = text.count("\n", 0, given[match.first].start) + 1
            found = _Found(first, path, match, Extent(0, len(text), line))
            if _may_stand(found, text) and _made(form, found, Failed("", "", (Site(path, line, "", ""),)), tree):
                yield line


def _configured(form: Form, failure: Failed, tree: Tree) -> list[Healed]:
    if not says(form.message, failure.message, {}):
        return []
    settings = _settings(form, tree, elsewhere=form.level is not Level.SAME)
    return [Healed(form, {}, settings, {}, settings[0][0], 0, "")] if settings else []


def _settings(form: Form, tree: Tree, *, elsewhere: bool) -> tuple[tuple[str, str, Any], ...] | None:
    """The settings of a form, each with the file that it belongs to; None where one of them has no place."""
    paths = [fitting(one, tree.files, tree.read, elsewhere=elsewhere) for one in form.settings]
    changes = tuple((path, one.key, one.new) for path, one in zip(paths, form.settings, strict=True))
    missing = [change for change, one in zip(changes, form.settings, strict=True) if one.rule == MISSING]
    return None if "" in paths or with_settings(tree, missing) is None else changes


def with_settings(tree: Tree, missing: Iterable[tuple[str, str, Any]]) -> dict[str, str] | None:
    """The files with the keys that they lack (path, key and value); None where one of them shows no place for its key."""
    texts: dict[str, str] = {}
    for path, key, value in missing:
        texts[path] = with_setting(path, texts.get(path) or tree.read(path), key, value)
        if not texts[path]:
            return None
    return texts


def _imported(form: Form, failure: Failed, tree: Tree) -> list[Healed]:
    """The file that failed with the lines that it did not import."""
    site = failure.sites[0] if failure.sites else None
    if site is None or form.settings or not says(form.message, failure.message, {}):
        return []
    before = text = tree.read(site.path)
    if {language_of(one.path) for one in form.imports} != {language_of(site.path)}:
        return []
    for one in form.imports:
        text = with_import(text, one, language_of(site.path))
    return [Healed(form, {site.path: text}, (), {}, site.path, site.line, site.function)] if text != before else []


def _starts(form: Form, failure: Failed, tree: Tree) -> Iterator[_Found]:
    """Where the first rewrite fits: at its frame, nearest to the line that failed; outside of the trace only where it is the only place."""
    first = form.rewrites[0]
    if first.frame < 0:
        yield from _alone(first, tree, {})
    elif first.frame < len(failure.sites):
        site = failure.sites[first.frame]
        where = extent(tree.read(site.path), site) if language_of(site.path) == language_of(first.path) else None
        if where:
            yield from _at(first, site.path, where, tree, {})


def _at(rewrite: Rewrite, path: str, where: Extent, tree: Tree, bound: Binding) -> list[_Found]:
    text, language = tree.read(path), language_of(path)
    given = tokens(text, language)
    inside = [number for number, token in enumerate(given) if where.start <= token.start < where.end]
    if not inside:
        return []
    found = [_Found(rewrite, path, match, where) for match in occurrences(rewrite.parts, text, language, inside[0], inside[-1] + 1, bound)]
    distances = {one.match.first: _distance(text, one, where.line) for one in found}
    near = [one for one in found if not rewrite.covers or distances[one.match.first] == 0]
    return sorted((one for one in near if _may_stand(one, text)), key=lambda one: distances[one.match.first])


def _alone(rewrite: Rewrite, tree: Tree, bound: Binding) -> list[_Found]:
    """The only place of the repository, in the file of the same path before any other; a large repository is not searched."""
    language = language_of(rewrite.path)
    files = [path for path in tree.files if language_of(path) == language and not _TESTS & set(PurePosixPath(path).parts)]
    for paths in ([path for path in files if path == rewrite.path], files if len(files) <= MOST_FILES else []):
        found = [one for path in paths for one in _at(rewrite, path, Extent(0, len(tree.read(path)), 1), tree, bound)]
        if len(found) == 1:
            return found
    return []


def _made(form: Form, first: _Found, failure: Failed, tree: Tree) -> Healed | None:
    """The whole change with the first rewrite bound; None when another part of it does not fit in one way only."""
    bound, found = first.match.bound, [first]
    for rewrite in form.rewrites[1:]:
        others = [one for one in _others(rewrite, form, first, failure, tree, bound) if not any(_overlap(one, known) for known in found)]
        if len(others) != 1:
            return None
        found.append(others[0])
        bound = others[0].match.bound
    if any(_is_healed(one, tree.read(one.path), bound) for one in found):
        return None
    files = {path: _rewritten(tree.read(path), [one for one in found if one.path == path], bound) for path in {one.path for one in found}}
    for one in form.imports:
        path = first.path if one.path == form.rewrites[0].path else one.path
        if path not in files:
            return None
        files[path] = with_import(files[path], one, language_of(path))
    settings = _settings(form, tree, elsewhere=False)
    if settings is None or all(files[path] == tree.read(path) for path in files):
        return None
    return Healed(form, files, settings, bound, first.path, first.where.line, first.where.name)


def _others(rewrite: Rewrite, form: Form, first: _Found, failure: Failed, tree: Tree, bound: Binding) -> list[_Found]:
    if 0 <= rewrite.frame < len(failure.sites):
        site = failure.sites[rewrite.frame]
        where = extent(tree.read(site.path), site)
        return _at(rewrite, site.path, where, tree, bound) if where else []
    if rewrite.path == form.rewrites[0].path:
        return _at(rewrite, first.path, Extent(0, len(tree.read(first.path)), 1), tree, bound)
    return _alone(rewrite, tree, bound)


def _may_stand(one: _Found, text: str) -> bool:
    """Whether nothing is lost or hidden: comments stay, and what the fix names anew is not a name there already."""
    language = language_of(one.path)
    start, end = _span(text, one)
    lost = comments(text[start:end], language) - comments(one.rewrite.template, language)
    around = {token.text for token in tokens(text, language) if one.where.start <= token.start < one.where.end and token.kind == "name"}
    return not lost and not around & set(one.rewrite.fresh)


def _is_healed(one: _Found, text: str, bound: Mapping[str, str]) -> bool:
    """Whether what an insertion would bring stands there already, around the very code that it goes to."""
    language = language_of(one.path)
    start, end = _span(text, one)
    made, there = (_plain(side, language) for side in (filled(one.rewrite.template, bound, "", "    "), text[start:end]))
    return _holds(made, there) and _holds(_plain(text[one.where.start : one.where.end], language), made)


def _plain(text: str, language: str) -> list[str]:
    return [token.text for token in tokens(text, language) if token.kind != "line"]


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))


def _rewritten(text: str, found: Sequence[_Found], bound: Mapping[str, str]) -> str:
    for one in sorted(found, key=lambda one: -one.match.first):
        start, end = _span(text, one)
        text = text[:start] + filled(one.rewrite.template, bound, indent_of(text, start), unit_of(text)) + text[end:]
    return text


def _span(text: str, one: _Found) -> tuple[int, int]:
    given = tokens(text, language_of(one.path))
    return given[one.match.first].start, given[one.match.last - 1].end


def _distance(text: str, one: _Found, line: int) -> int:
    start, end = _span(text, one)
    first, last = text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1
    return 0 if first <= line <= last else min(abs(first - line), abs(last - line))


def _overlap(one: _Found, other: _Found) -> bool:
    return one.path == other.path and one.match.first < other.match.last and other.match.first < one.match.last
