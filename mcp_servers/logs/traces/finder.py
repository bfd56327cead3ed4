"""Where the stack traces of a text begin and end, whatever stands around and between their lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.logs.traces import csharp, dart, elixir, go, java, javascript, lines, php, python, ruby, rust
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict
from mcp_servers.logs.traces.lines import Line

GRAMMARS: tuple[Grammar, ...] = (
    python.GRAMMAR, ruby.GRAMMAR, go.GRAMMAR, rust.GRAMMAR, dart.GRAMMAR, php.GRAMMAR, elixir.GRAMMAR,
    java.GRAMMAR, javascript.GRAMMAR, csharp.GRAMMAR,
)  # fmt: skip
MOST_LINES = 2_000
_ESCAPED = re.compile(r'\\([nrt"\\/])')
_MEANT = {"n": "\n", "t": "\t", "r": ""}
HINT = re.compile(
    r"""(?:\bat|\\tat|^at) |@|Traceback \(|File \\?"|:in |goroutine \d|\.go:\d|panicked|aused by:|tack backtrace|#\d|package:|dart:"""
    r"""|\.(?:exs?|erl|eex|heex|leex):\d|\d\. |\) in |(?:^| )(?:Exception in |Unhandled |Uncaught )|, js engine: """
)
"""What a line near a trace holds; a line without it is never the one that gives a trace away."""

_ANNOUNCES = ("Exception in thread ", "Unhandled ", "Uncaught ", "PHP Fatal error: ")
_ANNOUNCED = (
    ("java", re.compile(r'Exception in thread "[^"]*" (?P<type>(?:\w+\.)*[A-Z][\w$]*)(?:: (?P<message>.*))?$')),
    ("csharp", re.compile(r"Unhandled [Ee]xception[.:] (?P<type>(?:\w+\.)+\w+): (?P<message>.*)$")),
    ("php", re.compile(r"PHP Fatal error: +Uncaught (?P<type>[\w\\]+): (?P<message>.*) in (?P<file>\S.*):(?P<line>\d+)$")),
    ("javascript", re.compile(r"(?:.{0,80}[ :])??(?P<type>[A-Z]\w*(?:Error|Exception)|Error): (?P<message>.*), js engine: \w+$")),
    ("javascript", re.compile(r"Uncaught (?:\(in promise\) )?(?P<type>[A-Z]\w*): (?P<message>.*)$")),
)
_LOOK_BACK = 15
_LOOK_AHEAD = 4
_MOST_BLANK = 3
_MOST_FOREIGN = 60
_MOST_STRAY = 3
_DEEPEST = 6
_MOST_EFFORT = 8
_SHORT = 16
_TOLD_TYPE = ("exception.type", "error.type", "type", "name", "kind", "class", "exc_type")
_TOLD_MESSAGE = ("exception.message", "error.message", "message", "msg", "error", "err", "exc_value")


@dataclass(frozen=True, slots=True)
class Found:
    """A stack trace with the numbers of its first and last physical line, both counted in."""

    first: int
    last: int
    trace: StackTrace


@dataclass(slots=True)
class _Growing:
    """A trace being read: the positions taken, their texts, and what may yet turn out to belong to it."""

    positions: list[int]
    block: list[str]
    stamped: bool | None
    stamped_above: bool
    blanks: list[int] = field(default_factory=list[int])
    state: dict[str, int] = field(default_factory=dict[str, int])
    passed: int = 0
    strays: int = 0

    def take(self, position: int, text: str) -> None:
        self.block += [""] * len(self.blanks)
        self.block.append(text)
        self.positions += [*self.blanks, position]
        self.blanks, self.passed, self.strays = [], 0, 0


@dataclass(slots=True)
class _Effort:
    """What reading on in vain may cost: once `left` lines are spent, what was read in vain is only looked a few lines into."""

    left: int
    vain: dict[str, int] = field(default_factory=dict[str, int])

    def reach(self, grammar: Grammar, position: int) -> int:
        return MOST_LINES if self.left > 0 or position > self.vain.get(grammar.language, -1) else _SHORT

    def in_vain(self, grammar: Grammar, growing: _Growing) -> None:
        self.left -= len(growing.block)
        self.vain[grammar.language] = max(growing.positions[-1], self.vain.get(grammar.language, -1))


def find(read: Sequence[Line], *, whole: bool = False) -> list[Found]:
    """Every trace in these lines, in the order of their first lines. `whole`: the lines are one entry, and what follows a trace is its message."""
    taken = bytearray(len(read))
    found: list[Found] = []
    effort = _Effort(_MOST_EFFORT * len(read) + MOST_LINES)
    for position, line in enumerate(read):
        if taken[position] or not HINT.search(line.raw):
            continue
        one = _embedded(line) if "\\n" in line.raw else _around(read, position, taken, whole, effort)
        if one is not None:
            found.append(one)
    found += [one for position, line in enumerate(read) if not taken[position] and (one := announced(line))]
    return sorted(found, key=lambda one: (one.first, one.last))


def find_in(texts: Sequence[str], *, whole: bool = False) -> list[Found]:
    """As `find`, of physical lines counted from 1."""
    return find(list(lines.read(texts)), whole=whole)


def _around(read: Sequence[Line], position: int, taken: bytearray, whole: bool, effort: _Effort) -> Found | None:
    anchor = read[position]
    for grammar in GRAMMARS:
        if not grammar.anchor(anchor.text):
            continue
        growing = _begun(grammar, read, position, taken)
        if growing is None:
            continue
        reach = effort.reach(grammar, position)
        _grow(grammar, growing, read, taken, whole, growing.positions[-1] + reach)
        exceptions = grammar.parse(growing.block)
        if not exceptions:
            effort.in_vain(grammar, growing)
        elif reach < MOST_LINES:
            effort.vain.pop(grammar.language, None)
            return _around(read, position, taken, whole, effort)
        if exceptions:
            for one in growing.positions:
                taken[one] = 1
            trace = StackTrace(grammar.language, exceptions)
            return Found(read[growing.positions[0]].first, read[growing.positions[-1]].last, trace)
    return None


def _begun(grammar: Grammar, read: Sequence[Line], position: int, taken: bytearray) -> _Growing | None:
    anchor = read[position]
    nearby: list[int] = []
    for back in range(position - 1, max(position - _LOOK_BACK, -1), -1):
        if read[back].source != anchor.source or _other_thread(read[back], anchor.thread):
            continue
        if taken[back]:
            break
        nearby.insert(0, back)
    above = grammar.above([read[one] for one in nearby], anchor)
    if above is None:
        return None
    head = [nearby[one] for one in above]
    stamped = None if anchor.headed else False
    texts = [read[one].text for one in head]
    return _Growing([*head, position], [*texts, anchor.text], stamped, bool(head) and read[head[-1]].headed)


def _other_thread(line: Line, thread: str) -> bool:
    return bool(line.thread and thread and line.thread != thread)


def _grow(grammar: Grammar, growing: _Growing, read: Sequence[Line], taken: bytearray, whole: bool, end: int) -> None:
    """Takes the lines that follow, past what others wrote between them."""
    start = growing.positions[-1]
    source, thread = read[start].source, read[start].thread
    for position in range(start + 1, min(len(read), end)):
        line = read[position]
        if taken[position] or line.source != source or _other_thread(line, thread):
            continue
        if not line.text.strip():
            growing.blanks.append(position)
            if len(growing.blanks) > _MOST_BLANK and not whole:
                return
            continue
        verdict = _judged(grammar, growing, line, read, position, whole)
        if verdict is Verdict.END:
            return
        if verdict is Verdict.SURE and growing.passed and _begins_another(grammar, growing, read, position):
            return
        if verdict is Verdict.SURE or (verdict is Verdict.NEXT and not growing.passed):
            growing.stamped = line.headed if growing.stamped is None else growing.stamped
            growing.take(position, line.text if line.headed else line.raw)
        elif not _waits(growing, line):
            return


def _judged(grammar: Grammar, growing: _Growing, line: Line, read: Sequence[Line], position: int, whole: bool) -> Verdict:
    if growing.stamped is not None and growing.stamped != line.headed:
        return Verdict.NO
    ahead = [
        one.text for one in read[position + 1 : position + 1 + 3 * _LOOK_AHEAD] if one.source == line.source and one.headed == line.headed
    ]
    verdict = grammar.goes_on(
        growing.block, line.text, After(bool(growing.blanks), growing.strays, ahead[:_LOOK_AHEAD], whole, growing.state)
    )
    if growing.stamped is None and line.headed and verdict is not Verdict.SURE and not growing.stamped_above:
        return Verdict.NO
    return verdict


def _begins_another(grammar: Grammar, growing: _Growing, read: Sequence[Line], position: int) -> bool:
    """Whether what was passed over is the head of a second trace."""
    line = read[position]
    passed = [one for one in read[growing.positions[-1] + 1 : position] if one.source == line.source and one.headed == line.headed]
    return grammar.anchor(line.text) and bool(grammar.above(passed[-_LOOK_BACK:], line))


def _waits(growing: _Growing, line: Line) -> bool:
    """Whether the trace may go on behind a line that is not its own: another thread's entry, or a stray print."""
    growing.passed += 1
    growing.strays += not line.headed
    return growing.passed - growing.strays <= _MOST_FOREIGN and growing.strays <= _MOST_STRAY and not (growing.blanks and not line.headed)


def announced(line: Line) -> Found | None:
    """An uncaught error that its runtime announces without any frame."""
    if not line.text.startswith(_ANNOUNCES) and ", js engine: " not in line.text:
        return None
    for language, pattern in _ANNOUNCED:
        if said := pattern.match(line.text):
            frames = (Frame(said["file"], int(said["line"]), ""),) if language == "php" else ()
            error = ExceptionInfo(said["type"], (said["message"] or "").strip(), frames)
            return Found(line.first, line.last, StackTrace(language, (error,)))
    return None


# --- a trace inside one line ---


def _embedded(line: Line) -> Found | None:
    """The trace in a field of a JSON line, or with its line breaks escaped."""
    value: Any = None
    begin = line.raw.find("{")
    if begin >= 0:
        try:
            value = json.loads(line.raw[begin:])
        except (ValueError, RecursionError):
            value = None
    if isinstance(value, dict):
        traces = list(_in_fields(cast(dict[str, Any], value), 0))
    else:
        text = unescaped(line.raw)
        traces = [one.trace for one in find_in(text.split("\n"), whole=True)]
    best = max(traces, key=lambda trace: len(trace.exceptions), default=None)
    return best and Found(line.first, line.last, best)


def unescaped(text: str) -> str:
    """A text whose line breaks, tabs and quotes were escaped to fit into one line."""
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def _in_fields(fields: dict[str, Any], depth: int) -> Iterator[StackTrace]:
    for value in fields.values():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _in_fields(cast(dict[str, Any], value), depth + 1)
        elif isinstance(value, list):
            items = cast(list[Any], value)
            for item in items:
                if isinstance(item, dict) and depth < _DEEPEST:
                    yield from _in_fields(cast(dict[str, Any], item), depth + 1)
            if items and all(isinstance(item, str) for item in items):
                yield from _in_text("\n".join(cast(list[str], items)), fields)
        elif isinstance(value, str) and ("\n" in value or "\\n" in value):
            yield from _in_text(value if "\n" in value else unescaped(value), fields)


def _in_text(text: str, fields: dict[str, Any]) -> Iterator[StackTrace]:
    """The first trace of a field; a field that holds only frames takes type and message from its neighbours."""
    physical = text.split("\n")
    found = find_in(physical, whole=True) or find_in([_told(fields), *physical], whole=True)
    if found:
        yield found[0].trace


def _told(fields: dict[str, Any]) -> str:
    kind = next((fields[name] for name in _TOLD_TYPE if isinstance(fields.get(name), str)), "") or "Error"
    message = next((fields[name] for name in _TOLD_MESSAGE if isinstance(fields.get(name), str)), "")
    first = str(message).partition("\n")[0]
    return f"{kind}: {first}" if first else str(kind)
