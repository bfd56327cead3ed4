"""What the change took away, as it stood: first with any literals and any number, then to the letter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_servers.kit import syntax
from mcp_servers.knowledge.guards.change import OWN, Candidate, Change, anchors_of, held, is_local, known_by_name, telling
from mcp_servers.knowledge.guards.constructs import Rule

_TELLING = (ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.Compare)
_NODES = (ast.Call, ast.Subscript, ast.BinOp, ast.Compare, ast.BoolOp, ast.Assign, ast.Return, ast.Raise, ast.AugAssign)
_SHORTEST = 6
_LIVE_LINE = re.compile(r"^(?!//|#|\*|/\*|--).*\w(?:[.(\[]|\s*:?=)")
_LITERAL = re.compile(r"(?<![\w.$])(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\d+(?:\.\d+)?)(?![\w.])")
_ASSIGNED = re.compile(
    r"((?:(?:const|let|var|final|static|public|private|protected|export|int|float|double|long)\s+)*\$?[\w.]{4,}\s*:?=\s*)(-?\d+(?:\.\d+)?)(;?)"
)
_UNSEEN = re.compile(r"(?P<names>(?:\w+,\s*)*_(?:,\s*\w+)*|_(?:,\s*\w+)+)(?P<sign>\s*:?=\s*)(?P<head>[A-Za-z_][\w.]*)\(.*\)")


def candidates(change: Change) -> Iterator[Candidate]:
    """Numbers that were on the wrong side, statements with their literals left open, and the statements themselves."""
    if not change.language:
        return
    yield from _bounds(change)
    yield from _dropped(change)
    texts = list(_texts(change))
    for text in texts:
        opened = _opened(text)
        if opened != text and telling(_LITERAL.sub("", text)) and text.count("(") + text.count("=") > 0:
            yield Candidate(_placed(change, text, opened), anchors_of(_LITERAL.sub("", text)))
    for text in texts:
        yield Candidate(_placed(change, text, text), anchors_of(_LITERAL.sub("", text)))


def _placed(change: Change, text: str, pattern: str) -> Rule:
    """The pattern; of what hangs on a local name only where that means the same."""
    one = next((one for one in change.old if one.text == text), None)
    root = re.match(r"[$\w]+", text)
    where = held(change, one, root[0]) if one and root and is_local(change, one) and root[0] not in OWN else []
    return {"pattern": pattern, "all": where} if where else {"pattern": pattern}


def _bounds(change: Change) -> Iterator[Candidate]:
    new = {
        found[1]: found for number, line in enumerate(change.after.splitlines(), 1) if number in change.added if (found := _assigned(line))
    }
    for number, line in enumerate(change.before.splitlines(), 1):
        old = _assigned(line) if number in change.removed else None
        now = new.get(old[1]) if old else None
        if old and now and float(old[2]) != float(now[2]):
            bound = "at_least" if float(now[2]) > float(old[2]) else "at_most"
            pattern = f"{old[1]}$VALUE{old[3]}"
            yield Candidate({"pattern": pattern}, anchors_of(old[1]), {"VALUE": {bound: float(now[2])}}, {"value": now[2]})


def _dropped(change: Change) -> Iterator[Candidate]:
    """A result that nobody looked at: `data, _ := read(path)`, whatever the names and the arguments."""
    for number, line in enumerate(change.before.splitlines(), 1):
        found = _UNSEEN.fullmatch(line.strip()) if number in change.removed else None
        call = next((one for one in change.old if found and one.head == found["head"]), None)
        if found and call and known_by_name(change, call):
            names = [name.strip() for name in found["names"].split(",")]
            kept = ", ".join(name if name == "_" else f"$N{place}" for place, name in enumerate(names))
            yield Candidate({"pattern": f"{kept}{found['sign']}{found['head']}($$$ARGS)"}, anchors_of(found["head"]))


def _assigned(line: str) -> re.Match[str] | None:
    return _ASSIGNED.fullmatch(line.strip())


def _opened(text: str) -> str:
    numbers = iter(range(1, 100))
    return _LITERAL.sub(lambda _: f"$L{next(numbers)}", text)


def _texts(change: Change) -> list[str]:
    found = _python(change) if change.language == "python" else None
    return [
        text for text in (found if found is not None else _lines(change)) if len(text) >= _SHORTEST and not re.search(r"\$[A-Z_]", text)
    ]


def _python(change: Change) -> list[str] | None:
    try:
        tree = syntax.parse(change.before)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    nodes = [node for node in ast.walk(tree) if isinstance(node, _NODES) and _touches(node, change.removed)]
    told = (node for node in nodes if any(isinstance(part, _TELLING) for part in ast.walk(node)))
    texts = {ast.get_source_segment(change.before, node) or "" for node in told}
    return sorted(texts, key=lambda text: (len(text), text))


def _touches(node: ast.expr | ast.stmt, lines: frozenset[int]) -> bool:
    return not lines.isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _lines(change: Change) -> list[str]:
    lines = [line.strip().rstrip(";") for number, line in enumerate(change.before.splitlines(), 1) if number in change.removed]
    return [line for line in lines if _LIVE_LINE.match(line) and not line.endswith(("{", ",", "("))]
