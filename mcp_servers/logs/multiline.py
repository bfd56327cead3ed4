"""Joins the lines of one entry (a stack trace, an indented or announced continuation) before it is parsed. Bounded; no line is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mcp_servers.logs.carriers import Carried, announced, carried, process_of, rejoined
from mcp_servers.logs.formats.jsons import records
from mcp_servers.logs.linemarks import (
    BEHIND,
    BLOCKS,
    CALM,
    CHAIN,
    COLOUR,
    CSV,
    ENDED,
    EXCEPTION,
    FRAME,
    GO,
    GO_FRAME,
    HEAD,
    PROBE,
    TRACEBACK,
    TRACEBACK_IN,
    UTILITY,
    UTILITY_HEAD,
    closes,
    opens_quote,
    stands_alone,
    thread_of,
)

MAX_LINES = 1_000
MAX_CHARACTERS = 256 * 1024
MAX_WAITING = 8
"""How many lines of others an interrupted trace waits for its next line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its text, the number of its first line, and how many lines it took.

    `numbers` are the numbers of its lines where others' lines stand between them, else empty. `lines` is 0 for a record of a batch that
    holds more of them: the last one counts the line.
    """

    text: str
    line: int
    lines: int = 1
    numbers: tuple[int, ...] = ()

    @property
    def span(self) -> Sequence[int]:
        """The numbers of its lines."""
        return self.numbers or range(self.line, self.line + self.lines)


@dataclass(slots=True)
class _Open:
    """An entry that may still grow. `headed`: it begins as entries of this log do; `expects`: a Python traceback's closing line is still to come."""

    lines: list[str]
    numbers: list[int]
    channel: str = ""
    carrier: bool = False
    part: bool = False
    headed: bool = False
    in_trace: bool = False
    expects: bool = False
    block: bool = False
    quoted: bool = False
    go: bool = False
    size: int = 0
    waited: int = 0
    engine: list[str] = field(default_factory=list[str])
    blank: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def fits(self, text: str) -> bool:
        return len(self.numbers) < MAX_LINES and self.size + len(text) < MAX_CHARACTERS

    def take(self, text: str, number: int) -> None:
        for blank, at in self.blank:
            self._append(blank, at)
        self.blank = []
        self._append(text, number)
        self.waited = 0

    def glue(self, text: str, number: int) -> None:
        """The further piece of a line that its carrier cut."""
        self.lines[-1] += text
        self.numbers.append(number)
        self.size += len(text)

    def _append(self, text: str, number: int) -> None:
        self.lines.append(text)
        self.numbers.append(number)
        self.size += len(text) + 1

    def entries(self) -> Iterator[Entry]:
        first, count = self.numbers[0], len(self.numbers)
        gaps = () if self.numbers[-1] - first + 1 == count else tuple(self.numbers)
        text = (
            rejoined(self.lines, ["\n".join(["", *self.lines[1:]])])
            if self.engine and count > 1 and not self.part
            else "\n".join(self.lines)
        )
        yield from unpacked(text, first) if count == 1 else [Entry(text, first, count, gaps)]
        for blank, at in self.blank:
            yield Entry(blank, at)


class Joiner:
    """Takes lines one by one and gives entries back as soon as they are known to be complete, in the order of their first lines.

    Lines whose carrier names a writer (process, container, stream) are joined within that writer. A trace that another thread's line
    interrupts waits for its next line. What was given back is always all lines up to some number, each exactly once.
    """

    def __init__(self) -> None:
        self._single: tuple[str, int] | None = None  # a line that nothing is known to follow: most lines stay that way
        self._open: dict[str, _Open] = {}
        self._done: list[_Open] = []
        self._last = ""

    def feed(self, text: str, number: int) -> Iterator[Entry]:
        """The entries that this line completes (none, one with the blank lines behind it, or those that waited for it)."""
        bare = COLOUR.sub("", text) if "\x1b" in text else text
        if bare.isspace() or not bare:
            self._settle()
            return self._blank(text, number)
        if not self._busy() and stands_alone(text):
            single, self._single = self._single, (text, number)
            if single is not None:
                return iter((Entry(*single),))
            self._done += self._open.values()
            self._open = {}
            return self._given()
        self._settle()
        self._place(text, number)
        return self._given()

    def flush(self) -> Iterator[Entry]:
        """What is held, as it is."""
        self._settle()
        self._done += self._open.values()
        self._open = {}
        return self._given()

    @property
    def waits(self) -> bool:
        """Whether all that is held is a trace that a line standing alone has interrupted, and that line."""
        held = self._open.get("")
        return not self._done and self._open.keys() == {"waiting", ""} and held is not None and len(held.numbers) == 1 and not held.in_trace

    # lines

    def _busy(self) -> bool:
        """Whether something is open that a line which stands alone might belong to, or must wait for."""
        return bool(self._done) or (
            bool(self._open) and any(held.in_trace or held.part or held.block or held.quoted for held in self._open.values())
        )

    def _settle(self) -> None:
        """Opens an entry for the line that stood alone so far."""
        if self._single is not None:
            single, self._single = self._single, None
            self._place(*single)

    def _place(self, text: str, number: int) -> None:
        probe = COLOUR.sub("", text) if "\x1b" in text else text
        behind = carried(probe)
        if behind is not None:
            self._carry(behind, text, number)
        elif not self._resumes(text, probe, number):
            self._plain(text, probe, number)

    def _plain(self, text: str, probe: str, number: int) -> None:
        held = self._open.get("") if self._last == "" else None
        if held is not None and held.fits(text) and _continues(held, probe):
            held.take(_told(held, probe, text), number)
            return
        self._shut("", probe)
        self._begin(_Open([text], [number], size=len(text)), probe, HEAD.match(probe) is not None)

    def _carry(self, behind: Carried, text: str, number: int) -> None:
        held = self._open.get(behind.channel)
        if held is not None and held.part and held.fits(behind.text):
            if held.engine:
                held.lines[-1] = rejoined(held.lines[-1:], [behind.text if behind.part else behind.text + "\n"])
                held.numbers.append(number)
            else:
                held.glue(behind.text, number)
            held.part, self._last = behind.part, behind.channel
            return
        payload = behind.text
        if held is not None and held.fits(payload) and _continues_strictly(held, payload):
            held.take(payload, number)
            self._last = behind.channel
            return
        self._shut(behind.channel, payload)
        opened = _Open([text], [number], behind.channel, carrier=True, part=behind.part, size=len(text))
        if text.startswith("{"):
            opened.engine = [payload]
        self._begin(opened, payload, headed=True)

    def _resumes(self, text: str, probe: str, number: int) -> bool:
        """Whether the line goes on with a trace that another thread's head interrupted."""
        waiting, current = self._open.get("waiting"), self._open.get("")
        if waiting is None or current is None or current.in_trace or not waiting.fits(text) or HEAD.match(probe):
            return False
        if not (FRAME.match(probe) or (waiting.expects and closes(probe))):
            return False
        self._done.append(self._open.pop(""))
        self._open[""] = self._open.pop("waiting")
        _continues(waiting, probe)
        waiting.take(text, number)
        return True

    def _begin(self, opened: _Open, payload: str, headed: bool) -> None:
        opened.headed = headed
        opened.expects = TRACEBACK_IN in payload[:PROBE]
        opened.go = GO.match(payload) is not None
        opened.in_trace = opened.expects or ((opened.carrier or not headed) and EXCEPTION.match(payload) is not None)
        opened.block = payload.startswith(BLOCKS)
        opened.quoted = opens_quote(payload)
        self._open[opened.channel] = opened
        self._last = opened.channel

    def _shut(self, channel: str, probe: str) -> None:
        """Ends the channel's entry, and those of others that are no traces or have waited long enough."""
        for key in list(self._open):
            held = self._open[key]
            held.waited += 1
            if key == "waiting" and (thread_of(held.lines[0]) != thread_of(probe) or not HEAD.match(probe)) and held.waited <= MAX_WAITING:
                continue
            if key == channel == "" and "waiting" not in self._open and _interrupts(held, probe):
                self._open["waiting"] = self._open.pop(key)
                continue
            if key != channel and key != "waiting" and (held.in_trace or held.part) and held.carrier and held.waited <= MAX_WAITING:
                continue
            self._done.append(self._open.pop(key))

    def _blank(self, text: str, number: int) -> Iterator[Entry]:
        held = self._open.get(self._last)
        if (
            held is not None
            and (held.in_trace or held.block or held.quoted)
            and not held.carrier
            and len(held.blank) < 3
            and held.fits(text)
        ):
            held.blank.append((text, number))
            return iter(())
        self._done += self._open.values()
        self._open = {}
        return iter([*self._given(), Entry(text, number)])

    def _given(self) -> Iterator[Entry]:
        """The complete entries before whose last line nothing is open any more."""
        if not self._done:
            return iter(())
        first_open = min((held.numbers[0] for held in self._open.values()), default=None)
        if first_open is not None and any(_last(held) > first_open for held in self._done):
            return iter(())
        done = sorted(self._done, key=lambda held: held.numbers[0]) if len(self._done) > 1 else self._done
        self._done = []
        return iter([entry for held in done for entry in held.entries()])


def join(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of a finished text, numbered from line 1."""
    joiner = Joiner()
    for number, line in enumerate(lines, start=1):
        yield from joiner.feed(line, number)
    yield from joiner.flush()


def unpacked(text: str, number: int) -> list[Entry]:
    """The records of a batch one by one; every other line as it is."""
    found = records(text) if text[:2] == '{"' else None
    if found is None:
        return [Entry(text, number)]
    return [Entry(record, number, int(position == len(found))) for position, record in enumerate(found, start=1)]


def _last(held: _Open) -> int:
    return held.blank[-1][1] if held.blank else held.numbers[-1]


def _told(held: _Open, probe: str, text: str) -> str:
    """PostgreSQL repeats its prefix in front of each further line of an entry: only what comes behind it is kept."""
    further = announced(probe) if held.headed else None
    return further[1] if further else text


def _interrupts(held: _Open, probe: str) -> bool:
    """Whether this head is of another thread than a trace that has begun."""
    if not (held.in_trace and held.headed and len(held.numbers) > 1 and HEAD.match(probe)):
        return False
    mine, other = thread_of(held.lines[0]), thread_of(probe)
    return bool(mine and other and mine != other)


def _continues(held: _Open, text: str) -> bool:
    if held.quoted and not CSV.match(text):
        held.quoted = text.count('"') % 2 == 0
        return True
    if held.block:
        return not text.startswith(("__CURSOR=", "# Time: ")) and (
            not text.startswith("# User@Host: ") or held.lines[-1].startswith("# Time: ")
        )
    if UTILITY.match(text) and len(held.numbers) == 1 and UTILITY_HEAD.match(held.lines[0]):
        return True
    if held.headed and ":  " in text[:300] and (further := announced(text)):
        return further[0] == process_of(held.lines[0])
    if text[0] == "{" or HEAD.match(text) or (not held.in_trace and ENDED.match(text) and CALM.search(held.lines[0][:PROBE])):
        return False
    if TRACEBACK.match(text):
        return _takes_traceback(held, text)
    if text[0] in " \t":
        continues = held.in_trace or not held.blank
        held.in_trace = held.in_trace or FRAME.match(text) is not None
        return continues
    if text[0] == "}" and held.lines[0].rstrip() == "{":
        return True
    return _continues_trace(held, text)


def _continues_strictly(held: _Open, text: str) -> bool:
    """Behind a carrier every line has a head of its own: only what belongs to a trace, or could be nothing else, is joined."""
    if not text.strip():
        return held.in_trace
    if FRAME.match(text) and text[0].isspace():
        held.in_trace = True
        return True
    if not held.in_trace:
        return False
    if text[0] in " \t":
        return not HEAD.match(text)
    if HEAD.match(text) or text[0] == "{":
        return False
    if TRACEBACK.match(text):
        return _takes_traceback(held, text)
    if held.expects:
        held.expects = False
        return EXCEPTION.match(text) is not None
    return bool(CHAIN.match(text) or BEHIND.match(text) or (held.go and GO_FRAME.match(text)))


def _takes_traceback(held: _Open, text: str) -> bool:
    chained = CHAIN.match(held.lines[-1]) is not None
    nested = held.in_trace and text[0] in " \t"
    joins = chained or nested or (held.headed and not held.in_trace)
    held.in_trace = held.expects = True
    return joins


def _continues_trace(held: _Open, text: str) -> bool:
    if not held.in_trace:
        held.in_trace = held.headed and EXCEPTION.match(text) is not None
        held.go = held.go or (held.in_trace and GO.match(text) is not None)
        return held.in_trace
    if CHAIN.match(text) or BEHIND.match(text):
        held.go = held.go or GO.match(text) is not None
        return True
    if held.go and GO_FRAME.match(text):
        return True
    if held.blank:
        return False
    if held.expects:
        held.expects = False
        return True
    return held.headed  # more lines of the message belong here only where the next entry is known by its head
