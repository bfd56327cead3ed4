"""The patterns that files use: settings in calls and constants by ast-grep, settings in configuration by their keys."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.kit.configuration import format_of
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.guards.astgrep import scan
from mcp_servers.knowledge.guards.bounds import values
from mcp_servers.knowledge.guards.languages import language_of
from mcp_servers.knowledge.patterns.model import Use, Value
from mcp_servers.knowledge.patterns.words import HINT, SIZED, SIZES, kind_of, name_of, owner_kind, parameter_of, subject_of, words_of

_LONGEST = 500_000
_MOST_TEXT = 80
_NOT_SHIPPED = frozenset(
    [
        "test",
        "tests",
        "testing",
        "spec",
        "specs",
        "__tests__",
        "fixtures",
        "examples",
        "example",
        "docs",
        "doc",
        "vendor",
        "node_modules",
        "third_party",
        "dist",
        "build",
        "benchmarks",
    ]
)
_TEST_FILE = re.compile(r"^test_|_test\.|\.(?:test|spec)\.|^conftest\.py$|Tests?\.(?:java|php|cs)$|lock\.(?:json|yaml)$|-lock\.")
_GENERIC = frozenset({"environment", "env", "settings", "config", "spec", "properties", "options", "args", "params", "data", "default"})

_CALL = {"kind": "call", "has": {"field": "function", "pattern": "$OWNER"}}
_ECMA_CALLS = (
    {"kind": "call_expression", "has": {"field": "function", "pattern": "$OWNER"}},
    {"kind": "new_expression", "has": {"field": "constructor", "pattern": "$OWNER"}},
)
_PHP_CALLS = (
    {"kind": "object_creation_expression", "has": {"any": [{"kind": "name"}, {"kind": "qualified_name"}], "pattern": "$OWNER"}},
    {"kind": "function_call_expression", "has": {"field": "function", "pattern": "$OWNER"}},
    {"kind": "scoped_call_expression", "has": {"field": "scope", "pattern": "$OWNER"}},
    {"kind": "member_call_expression", "has": {"field": "name", "pattern": "$OWNER"}},
)


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Node kinds: `arguments` name a value inside an `owners` call, `constants` outside of one, `setters` are calls that set one value."""

    arguments: tuple[str, ...]
    owners: tuple[Mapping[str, Any], ...]
    constants: tuple[str, ...]
    setters: tuple[str, ...] = ()


_ECMA_CONSTANTS = ("variable_declarator", "assignment_expression")
_TYPED = _Grammar(("pair",), _ECMA_CALLS, (*_ECMA_CONSTANTS, "public_field_definition"), ("call_expression",))
_GRAMMARS: Mapping[str, _Grammar] = {
    "python": _Grammar(("keyword_argument", "pair"), (_CALL,), ("assignment",)),
    "javascript": _Grammar(("pair",), _ECMA_CALLS, (*_ECMA_CONSTANTS, "field_definition"), ("call_expression",)),
    "typescript": _TYPED,
    "tsx": _TYPED,
    "go": _Grammar(
        ("keyed_element",),
        ({"kind": "composite_literal", "has": {"field": "type", "pattern": "$OWNER"}},),
        ("const_spec", "var_spec", "short_var_declaration"),
        ("call_expression",),
    ),
    "java": _Grammar((), (), ("variable_declarator",), ("method_invocation",)),
    "php": _Grammar(
        ("array_element_initializer", "argument"),
        _PHP_CALLS,
        ("const_element", "assignment_expression", "property_element"),
        ("member_call_expression",),
    ),
}
_PAIR = re.compile(
    r"\s*[\"'$]?(?:self\.|this\.|\$this->)?([A-Za-z_][\w.-]*)[\"']?\s*(?::\s*[\w.\[\], |]+?\s*=|=>|:=|=|:)\s*(.+?)[\s,]*", re.S
)
_CONSTANT = re.compile(r"\s*[$]?(?:self\.|this\.|\$this->)?([A-Za-z_][\w.-]*)(?:\s*:\s*[\w.\[\], |]+?)?\s*:?=(?!=)\s*(.+?)[\s,]*", re.S)
_SETTER = re.compile(r"(.*?)(?:\.|->)\s*(\w+)\(\s*([^(),]+|[\w.]+\([^()]*\))\s*\)", re.S)
_MEASURE = re.compile(r"\d+(?:\.\d+)?\s*[A-Za-z]{0,12}")
_SUM = re.compile(r"\d[\d_.]*(?:\s*(?:\*|<<|/)\s*[\w.]+)+|[A-Za-z_][\w.]*\s*\*\s*\d[\d_.]*")
_FORM = re.compile(
    r"(?i)(?!(?:self|this)\.)[\w.:\\-]*(?:serializ|json|pickle|msgpack|proto|avro|gzip|zstd|snappy|lz4|brotli|codec)[\w.:\\-]*"
)
_CLASS = re.compile(r"(?:[a-z]\w*[.:\\]+)*[A-Z][\w.]*|[a-z0-9]+")
_PASSED_ON = frozenset({"serializer", "deserializer", "serialization", "codec"})
_NUMBER = re.compile(r"[-+\d._*/ ()]*\d[-+\d._*/ ()]*[lLfF]?")
_CALLED = re.compile(r"(?i)[^(]*(?:duration|delta|second|minute|hour|milli|env|int|float|parse)\w*(?:\.\w+)?\(.*\)")
_WRITTEN = re.compile(r"[\"'`](.*)[\"'`]", re.S)


def extract(files: Mapping[str, str]) -> dict[str, list[Use]]:
    """The uses in each file that has any, in the order of their lines. Tests, examples and what is not ours are left out."""
    shipped = {path: text for path, text in files.items() if ships(path) and len(text) <= _LONGEST}
    found: dict[str, list[_Setting]] = {path: list(_configured(path, text)) for path, text in shipped.items() if format_of(path)}
    for language, grammar in _GRAMMARS.items():
        code = {path: text for path, text in shipped.items() if language_of(path) == language and re.search(HINT, text)}
        if code:
            for setting in _written(code, language, grammar):
                found.setdefault(setting.path, []).append(setting)
    return {path: uses for path, settings in found.items() if (uses := _grouped(settings))}


def ships(path: str) -> bool:
    """Whether a file is part of what runs in production, as its place and name say, and one that is read here."""
    parts = PurePosixPath(path).parts
    if _NOT_SHIPPED & {part.lower() for part in parts[:-1]} or _TEST_FILE.search(parts[-1]):
        return False
    return bool(format_of(path)) or language_of(path) in _GRAMMARS


@dataclass(frozen=True, slots=True)
class _Setting:
    path: str
    line: int
    name: str
    kind: str
    parameter: str
    value: Value


def _written(files: Mapping[str, str], language: str, grammar: _Grammar) -> Iterator[_Setting]:
    hits = scan(list(_rules(language, grammar)), files)
    for hit in sorted(hits, key=lambda hit: (hit.path, hit.span)):
        if hit.rule == "setter":
            read, owner = _SETTER.fullmatch(hit.text), None
            if read is None:
                continue
            owner, name, text = read[1], read[2], read[3]
        else:
            constant = hit.rule.startswith("constant")
            read = (_CONSTANT if constant else _PAIR).fullmatch(hit.text)
            if read is None or (constant and _counts(read[1], read[2])):
                continue
            owner, name, text = (hit.values or {}).get("OWNER", ""), read[1], read[2]
        yield from _setting(hit.path, hit.line, owner, name, text)


def _counts(name: str, text: str) -> bool:
    """Whether a variable is a state of the program rather than a setting: it begins at nothing, or says yes or no."""
    return text.strip(" ;").lower() in ("true", "false") or (text.strip(" ;") in ("0", "0.0") and not name.isupper())


def _rules(language: str, grammar: _Grammar) -> Iterator[dict[str, Any]]:
    for kind in grammar.arguments:
        rule = {"kind": kind, "regex": f"{HINT}|{SIZES}", "inside": {"any": [dict(one) for one in grammar.owners], "stopBy": "end"}}
        yield {"id": f"argument-{kind}", "language": language, "rule": rule}
    for kind in grammar.constants:
        yield {"id": f"constant-{kind}", "language": language, "rule": {"kind": kind, "regex": HINT}}
    for kind in grammar.setters:
        yield {"id": "setter", "language": language, "rule": {"kind": kind, "regex": HINT}}


def _setting(path: str, line: int, owner: str, name: str, text: str) -> Iterator[_Setting]:
    words = words_of(name.rpartition(".")[2])
    called = _subject(owner)
    whole = owner_kind(called)
    kind = kind_of(words) or (whole if whole in SIZED and re.match(SIZES, name) else "")
    value = _value(text, kind) if kind else None
    if value is None:
        return
    subject = called or subject_of(words)
    yield _Setting(path, line, name_of(subject, whole or kind), whole or kind, parameter_of(name.rpartition(".")[2]), value)


def _subject(owner: str) -> list[str]:
    """The words of the last two names of what is called: its module and itself."""
    names = re.findall(r"[A-Za-z_]\w*", owner.partition("(")[0])
    return [word for name in names[-2:] for word in words_of(name)]


def _configured(path: str, text: str) -> Iterator[_Setting]:
    for place, (key, value) in values(path, text).items():
        *parents, name = key.split(".")
        words = words_of(name)
        sections = [part for part in parents if part != "*" and part.lower() not in _GENERIC]
        kind = kind_of(words)
        if not kind and sections:  # a value of a section that says what it is: pool: {size: 5}
            kind = kind_of(words_of(sections[-1])) if isinstance(value, float) else ""
        telling = not isinstance(value, str) or _MEASURE.fullmatch(value) or (kind == "serialization" and _FORM.fullmatch(value))
        given = _given(value) if kind and telling else None
        if given is not None:
            subject = words_of(sections[-1]) if sections else subject_of(words)
            yield _Setting(path, _line_of(place, text), name_of(subject, kind), kind, parameter_of(name), given)


def _line_of(place: str, text: str) -> int:
    name = re.compile(rf"(?<![\w.-]){re.escape(place.rpartition('.')[2])}(?![\w-])")
    return next((number for number, line in enumerate(text.splitlines(), 1) if name.search(line)), 0)


def _value(text: str, kind: str) -> Value | None:
    """The value that the code writes down, or None where it only passes one on."""
    plain = " ".join(text.split()).rstrip(";,")
    if _NUMBER.fullmatch(plain):
        return _number(plain)
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    quoted = _WRITTEN.fullmatch(plain)
    said = quoted[1] if quoted else plain
    form = kind == "serialization" and _FORM.fullmatch(said) and (quoted or (_CLASS.fullmatch(said) and said not in _PASSED_ON))
    measured = _MEASURE.fullmatch(said) if quoted else _SUM.fullmatch(said) or (_CALLED.fullmatch(said) and any(map(str.isdigit, said)))
    return _given(said) if form or measured else None


def _number(text: str) -> Value | None:
    """Numbers and sums of them: 60 * 60 is 3600."""
    try:
        counted = _counted(ast.parse(text.strip().rstrip("lLfF"), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
        return None
    return counted


def _counted(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_counted(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Add | ast.Sub | ast.Div):
        left, right = _counted(node.left), _counted(node.right)
        match node.op:
            case ast.Mult():
                return left * right
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case _:
                return left / right
    raise ValueError(ast.dump(node))


def _given(value: Value) -> Value | None:
    """The value as it may be stored: short, and without credentials."""
    if not isinstance(value, str):
        return value
    cleaned: str = clean(value).strip()
    return cleaned if 0 < len(cleaned) <= _MOST_TEXT else None


def _grouped(settings: Iterable[_Setting]) -> list[Use]:
    """The settings of one file as uses; a parameter that is named again begins the next use."""
    done: list[tuple[_Setting, dict[str, Value]]] = []
    current: dict[str, tuple[_Setting, dict[str, Value]]] = {}
    for one in settings:
        known = current.get(one.name)
        if known is None or one.parameter in known[1]:
            known = (one, dict[str, Value]())
            current[one.name] = known
            done.append(known)
        known[1][one.parameter] = one.value
    return [Use(first.name, first.kind, parameters, first.path, first.line) for first, parameters in done]
