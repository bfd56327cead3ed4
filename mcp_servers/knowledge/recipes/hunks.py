"""What a change did to a file: whole statements before and after, with as much around an insertion as gives it a place."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from mcp_servers.knowledge.recipes.importing import is_import
from mcp_servers.knowledge.recipes.tokens import language_of, tokens


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines `first:last` (from 0) of the file before became lines `now:until` of the file after."""

    path: str
    before: str
    after: str
    first: int
    last: int
    now: int
    until: int

    @property
    def removed(self) -> str:
        return _lines(self.before, self.first, self.last)

    @property
    def added(self) -> str:
        return _lines(self.after, self.now, self.until)

    @property
    def language(self) -> str:
        return language_of(self.path)


def hunks(path: str, before: str, after: str) -> tuple[list[Hunk], list[str]]:
    """The changed statements of a file, in order, and the lines that it gained among its imports."""
    old, new = before.split("\n"), after.split("\n")
    language = language_of(path)
    ours = (_Statements(before, language), _Statements(after, language))
    found: list[Hunk] = []
    imported: list[str] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gained = [line for line in new[j1:j2] if line.strip()]
        if kind == "insert" and gained and all(is_import(line, language) for line in gained):
            imported += gained
            continue
        whole = _whole(Hunk(path, before, after, i1, i2, j1, j2), ours)
        if found and whole.first < found[-1].last:
            whole = _whole(_joined(found.pop(), whole), ours)
        found.append(whole)
    return found, imported


def wider(hunk: Hunk) -> Hunk | None:
    """The hunk with one more statement above it; None at the top of the file."""
    ours = (_Statements(hunk.before, hunk.language), _Statements(hunk.after, hunk.language))
    if hunk.first == 0 or hunk.now == 0:
        return None
    return _grown(Hunk(hunk.path, hunk.before, hunk.after, hunk.first - 1, hunk.last, hunk.now - 1, hunk.until), ours)


class _Statements:
    """Which lines of a text only go on with a statement, and how deep each statement stands."""

    def __init__(self, text: str, language: str) -> None:
        self.depth: dict[int, int] = {}
        self._continued: set[int] = set()
        first, line, at = 0, 0, 0
        for token in tokens(text, language):
            line += text.count("\n", at, token.start)
            at = token.start
            if token.kind == "line":
                first, self.depth[line] = line, int(token.text)
            self._continued.update(range(first + 1, line + token.text.count("\n") + 1 if token.kind != "line" else line + 1))
        self.count = text.count("\n") + 1

    def continues(self, line: int) -> bool:
        return line in self._continued

    def blank(self, line: int) -> bool:
        return line not in self.depth and line not in self._continued


def _whole(hunk: Hunk, ours: tuple[_Statements, _Statements]) -> Hunk:
    hunk = _grown(hunk, ours)
    has_code = any(not ours[0].blank(line) for line in range(hunk.first, hunk.last))
    keeps_code = any(not ours[1].blank(line) for line in range(hunk.now, hunk.until))
    return hunk if has_code and keeps_code else _anchored(hunk, ours)


def _grown(hunk: Hunk, ours: tuple[_Statements, _Statements]) -> Hunk:
    first, last, now, until = hunk.first, hunk.last, hunk.now, hunk.until
    while first > 0 and now > 0 and (ours[0].continues(first) or ours[1].continues(now)):
        first, now = first - 1, now - 1
    while last < ours[0].count and until < ours[1].count and (ours[0].continues(last) or ours[1].continues(until)):
        last, until = last + 1, until + 1
    return Hunk(hunk.path, hunk.before, hunk.after, first, last, now, until)


def _anchored(hunk: Hunk, ours: tuple[_Statements, _Statements]) -> Hunk:
    """With the statement that follows at the same depth, or else the one above."""
    changed = [ours[1].depth[line] for line in range(hunk.now, hunk.until) if line in ours[1].depth]
    changed = changed or [ours[0].depth[line] for line in range(hunk.first, hunk.last) if line in ours[0].depth]
    following = next((line for line in range(hunk.last, ours[0].count) if line in ours[0].depth), None)
    if following is not None and changed and ours[0].depth[following] == changed[0]:
        step = following + 1 - hunk.last
        return _grown(Hunk(hunk.path, hunk.before, hunk.after, hunk.first, hunk.last + step, hunk.now, hunk.until + step), ours)
    above = next((line for line in range(hunk.first - 1, -1, -1) if line in ours[0].depth), None)
    if above is None:
        return hunk
    step = hunk.first - above
    return _grown(Hunk(hunk.path, hunk.before, hunk.after, above, hunk.last, hunk.now - step, hunk.until), ours)


def _joined(one: Hunk, other: Hunk) -> Hunk:
    return Hunk(one.path, one.before, one.after, one.first, max(one.last, other.last), one.now, max(one.until, other.until))


def _lines(text: str, first: int, last: int) -> str:
    return "\n".join(text.split("\n")[first:last])
