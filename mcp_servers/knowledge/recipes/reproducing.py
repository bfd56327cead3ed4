"""The certified test of a recipe, written again for another place: its modules, functions, names and literals give way to those that are there."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from mcp_servers.knowledge.recipes.binding import Tree
from mcp_servers.knowledge.recipes.extents import extent, header_of
from mcp_servers.knowledge.recipes.failures import Failed, Site, value_of
from mcp_servers.knowledge.recipes.model import Healed, Story
from mcp_servers.knowledge.recipes.tokens import Token, language_of, tokens

_KEPT = re.compile("\x03(\\d+)\x03")


def reproduction(story: Story, own: Failed, healed: Healed, failure: Failed, tree: Tree, mark: str) -> dict[str, str] | None:
    """The test for the healed place, as `path` and `content`, named by `mark`; None where the recipe has no test in this language."""
    language = language_of(story.test_path)
    if not story.test or not language or (healed.path and language_of(healed.path) != language):
        return None
    path = _path(story.test_path, healed.path, tree, mark)
    names, values = _names(story, own, healed, failure, tree)
    kept: list[str] = []
    text = _modules(story, own, failure, tree, path, kept)
    text = _renamed(text, language, names, values)
    return {"path": path, "content": _KEPT.sub(lambda match: kept[int(match[1])], text)}


def _names(story: Story, own: Failed, healed: Healed, failure: Failed, tree: Tree) -> tuple[dict[str, str], dict[str, str]]:
    """What names and what literal values of the recipe's own case are called here."""
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for old, new in zip(own.sites, failure.sites, strict=False):
        for before, after in _headers(story, old, new, tree):
            names.setdefault(before, after)
        names[old.function] = new.function
    for key, was in healed.form.own.items():
        now = healed.bound.get(key, was)
        if key in ("before", "after"):
            continue
        if re.match(r"\w+$", was) and re.match(r"\w+$", now) and was[0].isalpha():
            names[was] = now
        elif value_of(was) != was:
            values[value_of(was)] = value_of(now)
        else:
            names.update(_chained(was, now))
    return {old: new for old, new in names.items() if old != new and old}, {old: new for old, new in values.items() if old != new}


def _chained(was: str, now: str) -> dict[str, str]:
    """The names of two chains of one length, pairwise; else their last ones: the field that a fix is about."""
    old, new = (re.findall(r"[^\W\d]\w*", text) for text in (was, now))
    return dict(zip(old, new, strict=True)) if len(old) == len(new) else {old[-1]: new[-1]} if old and new else {}


def _headers(story: Story, old: Site, new: Site, tree: Tree) -> list[tuple[str, str]]:
    """The names of two functions' first lines, pairwise, where the lines are built alike: parameters and their types."""
    sides: list[Sequence[Token]] = []
    for text, site in ((story.before.get(old.path, ""), old), (tree.read(new.path), new)):
        found = extent(text, site)
        sides.append(tokens(header_of(text, found), language_of(site.path)) if found else ())
    kinds = [[token.kind if token.kind == "name" else token.text for token in side if token.kind != "line"] for side in sides]
    if not kinds[0] or kinds[0] != kinds[1]:
        return []
    names = [[token.text for token in side if token.kind == "name"] for side in sides]
    return list(zip(*names, strict=True))


def _path(old: str, place: str, tree: Tree, mark: str) -> str:
    """A new test file where this repository has its tests, with the ending that its language expects."""
    name, language = PurePosixPath(old).name, language_of(old)
    if language == "go":
        return str(PurePosixPath(place or old).parent / f"reproduces_{mark}_test.go")
    if language == "python":
        new = f"test_reproduces_{mark}.py"
        tests = [path for path in tree.files if re.match(r"test_\w+\.py$", PurePosixPath(path).name)]
    else:
        ending = name[name.index(".") :]
        new = f"reproduces_{mark}{ending}" if language != "php" else f"Reproduces{mark}Test.php"
        tests = [path for path in tree.files if path.endswith(ending) and ending.count(".") > 1]
    folders = Counter(str(PurePosixPath(path).parent) for path in tests)
    folder = folders.most_common(1)[0][0] if folders else str(PurePosixPath(old).parent)
    return str(PurePosixPath(folder) / new)


def _modules(story: Story, own: Failed, failure: Failed, tree: Tree, path: str, kept: list[str]) -> str:
    """The test with its imports of the failing modules pointed at the modules here; what was replaced stands in `kept`."""
    text, language = story.test, language_of(path)
    pairs = list(dict.fromkeys((old.path, new.path) for old, new in zip(own.sites, failure.sites, strict=False)))
    for old, new in pairs:
        if language == "python":
            text = _python(text, old, new, tree, kept)
        elif language == "javascript":
            text = _relative(text, story.test_path, old, path, new, kept)
    if language == "go" and pairs:
        package = re.search(r"^package\s+\w+", tree.read(pairs[0][1]), re.MULTILINE)
        text = re.sub(r"^package\s+\w+", package[0] if package else r"\g<0>", text, count=1, flags=re.MULTILINE)
    return text


def _python(text: str, old: str, new: str, tree: Tree, kept: list[str]) -> str:
    parts = PurePosixPath(old).with_suffix("").parts
    wanted = _dotted(new, tree)
    for first in range(len(parts)):
        dotted = ".".join(part for part in parts[first:] if part != "__init__")
        if dotted and re.search(rf"^\s*(?:from|import)\s+{re.escape(dotted)}\b(?!\.)", text, re.MULTILINE):
            return re.sub(rf"(?<![\w.]){re.escape(dotted)}(?![\w.]*\w*\s*=[^=])", _keep(wanted, kept), text)
        package, _, module = dotted.rpartition(".")
        if package and re.search(rf"^\s*from\s+{re.escape(package)}\s+import\s+{module}\b", text, re.MULTILINE):
            home, _, name = wanted.rpartition(".")
            text = re.sub(
                rf"from\s+{re.escape(package)}\s+import\s+{module}\b", f"from {_keep(home, kept)} import {_keep(name, kept)}", text
            )
            return re.sub(rf"(?<![\w.]){module}\.", f"{_keep(name, kept)}.", text)
    return text


def _dotted(path: str, tree: Tree) -> str:
    parts = PurePosixPath(path).with_suffix("").parts
    inside = parts[1:] if len(parts) > 1 and parts[0] in ("src", "lib") and f"{parts[0]}/__init__.py" not in tree.files else parts
    return ".".join(part for part in inside if part != "__init__")


def _relative(text: str, old_test: str, old: str, new_test: str, new: str, kept: list[str]) -> str:
    home, there = posixpath.dirname(old_test), posixpath.relpath(new, posixpath.dirname(new_test) or ".")

    def pointed(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(home, match[2]))
        if target not in (old, posixpath.splitext(old)[0]):
            return match[0]
        said = there if there.startswith(".") else f"./{there}"
        return match[1] + _keep(said if target == old else posixpath.splitext(said)[0], kept) + match[1]

    return re.sub(r"(['\"])(\.{1,2}/[^'\"]+)\1", pointed, text)


def _keep(text: str, kept: list[str]) -> str:
    kept.append(text)
    return f"\x03{len(kept) - 1}\x03"


def _renamed(text: str, language: str, names: Mapping[str, str], values: Mapping[str, str]) -> str:
    """The text with names in place of names, and in whole strings with values, or names, in place of theirs."""
    said = {**names, **values}
    for token in reversed(tokens(text, language)):
        was = value_of(token.text)
        if token.kind == "name" and was in names:
            text = text[: token.start] + names[was] + text[token.end :]
        elif token.kind == "string" and was in said:
            text = text[: token.start] + token.text.replace(was, said[was]) + text[token.end :]
    return text
