"""Every number that a project's configuration sets: in TOML, YAML, JSON, INI and env files, and in Python constants and defaults."""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

import yaml

from kintsugi.reasoners.places import Source, Sources, is_test

_OTHERS = re.compile(
    r"(^|/)(pyproject\.toml|kintsugi\.toml|uv\.lock|poetry\.lock|Pipfile|package(-lock)?\.json|tsconfig\.json|setup\.cfg|tox\.ini"
    r"|pytest\.ini|mypy\.ini|\.pre-commit-config\.ya?ml|mkdocs\.ya?ml|\.mcp\.json|\.coveragerc)$|(^|/)\.(github|claude|vscode|circleci)/"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A number under a key. `node` is the literal when it stands in Python; `key` is dotted, and ends in the name that matters."""

    file: str
    key: str
    value: int | float
    line: int = 0
    node: ast.Constant | None = None

    @property
    def name(self) -> str:
        return self.key.rpartition(".")[2]


def settings(sources: Sources) -> list[Setting]:
    """All of them, configuration files before code."""
    found: list[Setting] = []
    for path in sources.files:
        if not _OTHERS.search(path) and not is_test(path) and not path.endswith(".py"):
            found += _of_file(path, sources)
    for path in sources.app:
        found += _of_python(sources[path])
    return found


def _of_file(path: str, sources: Sources) -> list[Setting]:
    name, suffix = PurePosixPath(path).name, PurePosixPath(path).suffix
    reader = {".toml": tomllib.loads, ".yaml": yaml.safe_load, ".yml": yaml.safe_load, ".json": json.loads, ".ini": _ini, ".cfg": _ini}.get(
        suffix
    )
    if reader is None and (name.startswith(".env") or name.endswith(".env") or suffix == ".properties"):
        reader = _env
    if reader is None:
        return []
    try:
        text = sources.tree.read(path)
        data = reader(text)
    except (ValueError, OSError, UnicodeError, yaml.YAMLError, configparser.Error):
        return []
    return [Setting(path, key, value, _line(text, key)) for key, value in _numbers(data)]


def _numbers(data: Any, prefix: str = "") -> Iterator[tuple[str, int | float]]:
    if isinstance(data, Mapping):
        for key, value in cast("Mapping[Any, Any]", data).items():
            yield from _numbers(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(data, int | float) and not isinstance(data, bool) and prefix:
        yield prefix, data


def _ini(text: str) -> dict[str, dict[str, int]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # keys keep their case
    parser.read_string(text)
    return {section: {key: int(value) for key, value in parser.items(section) if value.strip().isdigit()} for section in parser.sections()}


def _env(text: str) -> dict[str, int]:
    return {
        found[1]: int(found[2]) for found in re.finditer(r"^\s*(?:export\s+)?(\w+)\s*=\s*[\"']?(\d+)[\"']?\s*(?:#.*)?$", text, re.MULTILINE)
    }


def _line(text: str, key: str) -> int:
    name = re.escape(key.rpartition(".")[2])
    found = [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*(?:export\s+|-\s+)?[\"']?{name}[\"']?\s*[:=]", line)]
    return found[0] if found else 0


def _of_python(source: Source) -> Iterator[Setting]:
    for node in ast.walk(source.tree):
        for name, value in _bindings(node):
            literal = _literal(value)
            if literal is not None:
                yield Setting(source.path, name, cast("int", _value(literal)), literal.lineno, literal)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name | ast.Attribute):
                yield (target.id if isinstance(target, ast.Name) else target.attr), node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value
    elif isinstance(node, ast.arguments):
        positional = [*node.posonlyargs, *node.args]
        yield from ((arg.arg, default) for arg, default in zip(reversed(positional), reversed(node.defaults), strict=False))
        yield from ((arg.arg, default) for arg, default in zip(node.kwonlyargs, node.kw_defaults, strict=True) if default)
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg, node.value
    elif isinstance(node, ast.Dict):
        yield from (
            (k.value, v) for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant) and isinstance(k.value, str)
        )


def _literal(node: ast.expr) -> ast.Constant | None:
    """The number of `2`, `int("2")`, `int(os.environ.get("X", "2"))`, `Field(2)`, `field(default=2)`."""
    if isinstance(node, ast.Constant):
        return node if isinstance(_value(node), int | float) else None
    if isinstance(node, ast.Call) and (node.args or node.keywords):
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in ("get", "getenv") and len(node.args) == 2:
            return _literal(node.args[1])
        if name in ("int", "Field"):
            return _literal(node.args[0]) if node.args else None
    return None


def _value(node: ast.Constant) -> int | float | None:
    if isinstance(node.value, str):
        return int(node.value) if node.value.isdigit() else None
    return node.value if isinstance(node.value, int | float) and not isinstance(node.value, bool) else None


def rank(found: Sequence[Setting], texts: Sequence[str], near: Sequence[str]) -> list[Setting]:
    """Best first: words that key and message share, keys that the trace's modules mention, files before code. Ties stay ties."""
    scores = {each: score(each, texts, near) for each in found}
    return sorted(found, key=lambda each: -scores[each])


def score(setting: Setting, texts: Sequence[str], near: Sequence[str]) -> int:
    words = {
        word.lower()
        for word in re.findall(r"[A-Za-z]+", f"{setting.key} {PurePosixPath(setting.file).stem}".replace("_", " "))
        if len(word) > 2
    }
    said = {word.lower() for text in texts for word in re.findall(r"[A-Za-z]+", text.replace("_", " "))}
    return 2 * len(words & said) + 3 * any(re.search(rf"\b{re.escape(setting.name)}\b", text) for text in near) + (setting.node is None)
