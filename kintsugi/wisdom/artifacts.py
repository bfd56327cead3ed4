"""The documents that a run leaves, read for what they claim: files, tests, signals, commits, tasks, and decisions with owner and date."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kintsugi.wisdom.reading import read_text
from mcp_servers.kit.errors import KintsugiError

INPUTS = ("observability_spec.md", "deployment_decision.md", "work_plan.md")
_MOST_CLAIMS = 400

Kind = Literal["file", "test", "signal", "commit", "version", "task"]

_SPAN = re.compile(r"`([^`\n]{1,300})`")
_LINK = re.compile(r"\]\(<?([^()<>\[\]\s]{1,300})>?(?:\s+\"[^\"]*\")?\)")
_URL = re.compile(r"\b\w+://\S+|\bmailto:\S+")
_PATH = re.compile(
    r"(?<![\w/.~-])((?:\.{0,2}/)?(?:[\w.@+-]+/)+[\w.@+*-]*\w\.\w{1,8}|[\w-]+\.(?:py|js|ts|tsx|go|rs|java|rb|php|cs|ya?ml|toml|sql|sh))(?![\w/])"
)
_PATHLIKE = re.compile(r"(?:\.{0,2}/|~/)?[\w.@+*-]+(?:/[\w.@+*-]+)*/?(?::\d+(?:[-:]\d+)?)?(?:::[\w.\[\]-]+)*(?:#\S*)?")
_TEST = re.compile(r"test_\w{2,}|Test[A-Z]\w+|\w+(?:Test|Tests|Spec)|test[A-Z]\w+")
_COMMIT = re.compile(r"(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}")
_VERSION = re.compile(r"v?\d+\.\d+(?:\.\d+)?(?:[-+][\w.]+)?")
_SIGNAL = re.compile(r"[A-Za-z_][\w]*(?:[._:-][\w]+)*")
_TASK = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[([ xX])\]\s+(.+)$")
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_GONE = re.compile(r"(?i)\b(?:remov|delet|drop|retir)\w*")
_CLAUSE = re.compile(r"[;.:`\])]\s?")
_LISTED = re.compile(r"(?i)\W*(?:and|or|plus)?\W*")
_SIGNALS = {"metric": "metrics", "log": "logs", "trac": "traces", "span": "traces", "alert": "metrics", "slo": "metrics", "sli": "metrics"}


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a document says and that can be looked up. `done`: what its task says of itself; `gone`: it shall not be there any more."""

    kind: Kind
    subject: str
    line: int
    text: str
    done: bool | None = None
    gone: bool = False
    under: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A part of a document: its title, how deep it stands, and its lines with their numbers."""

    title: str
    depth: int
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One of the inputs; `missing` says why it could not be read."""

    name: str
    parts: tuple[Heading, ...] = ()
    missing: str = ""

    def claims(self) -> list[Claim]:
        """What can be looked up, in the order of the document, each thing once; at most four hundred."""
        found: dict[tuple[str, str], Claim] = {}
        for part in self.parts:
            under = next((noun for word, noun in _SIGNALS.items() if word in part.title.lower()), "")
            for number, line in part.lines:
                for claim in _claims(line, number, under if self.name == INPUTS[0] else ""):
                    found.setdefault((claim.kind, claim.subject), claim)
        return list(found.values())[:_MOST_CLAIMS]


def artifact(root: Path, run: Path, name: str) -> Artifact:
    """The document of that name in the run's folder."""
    if not (run / name).exists() and not (run / name).is_symlink():
        return Artifact(name, missing="it is not there")
    try:
        return Artifact(name, tuple(parts_of(read_text(root, run / name))))
    except KintsugiError as error:
        return Artifact(name, missing=str(error).replace(f"{root}/", ""))


def parts_of(text: str) -> Iterator[Heading]:
    """The parts of a document by its headings, the part before the first among them; what is fenced holds none."""
    title, depth, fenced = "", 0, False
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading:
            yield Heading(title, depth, tuple(lines))
            title, depth, lines = heading[2], len(heading[1]), []
        lines.append((number, line[:2_000]))
    yield Heading(title, depth, tuple(lines))


def _claims(line: str, number: int, under: str) -> Iterator[Claim]:
    task = _TASK.match(line)
    done = task[1] != " " if task else None
    if task:
        yield Claim("task", task[2].strip(), number, line.strip(), done)
    gone = False
    for kind, subject in _named(line, under):
        gone = _taken_away(line, subject, gone)
        yield Claim(kind, subject, number, line.strip(), done, gone, under if kind == "signal" else "")


def _taken_away(line: str, subject: str, before: bool) -> bool:
    """Whether the words right before a name say that it goes; in a mere list what holds for the name before."""
    words = _CLAUSE.split(line[: max(line.find(subject), 0)].rstrip("` ["))[-1]
    return before if _LISTED.fullmatch(words) else bool(_GONE.search(words))


def _named(line: str, under: str) -> Iterator[tuple[Kind, str]]:
    rest = _URL.sub(" ", line)
    for word in [*_SPAN.findall(rest), *_LINK.findall(rest)]:
        if kind := _kind(word.strip(), under):
            yield kind, word.strip().partition("#")[0]
    for path in _PATH.findall(_SPAN.sub(" ", _LINK.sub("] ", rest))):
        yield "file", path


def _kind(word: str, under: str) -> Kind | None:
    """What a word in backticks means; under a heading of logs any words are what a line shall say."""
    if _TEST.fullmatch(word) or ("::" in word and _PATHLIKE.fullmatch(word)):
        return "test"
    if _VERSION.fullmatch(word):
        return "version"
    if _COMMIT.fullmatch(word):
        return "commit"
    if _PATHLIKE.fullmatch(word) and (
        _PATH.fullmatch(word.partition(":")[0]) or "/" in word.strip("/") or word.startswith(("/", "../", "~/"))
    ):
        return "file"
    expected = len(word) > 2 and (under == "logs" or (bool(under) and _SIGNAL.fullmatch(word)))
    return "signal" if expected else None


_FIELD = re.compile(r"^[^A-Za-z]{0,20}([A-Za-z][A-Za-z -]{1,30}?)\**\s*(?::|\||–|—)\**\s*(.*?)[\s|*]*$")
_DECIDES = re.compile(r"(?i)^(?:final\s+)?(?:decision|verdict|outcome|go/no-go|recommendation)\b")
_OWNER = re.compile(
    r"(?i)^(?:decision\s+|release\s+)?(?:owners?|approvers?|approved by|decided by|decision makers?|decider|author|responsible|signed off by|sign-off|dri)$"
)
_DATE = re.compile(r"(?i)^(?:decision\s+|deployment\s+)?(?:date|decided on|decided at|approved on|approved at|when|time|timestamp)$")
_MOMENT = re.compile(
    r"\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}\.? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w* \d{4}|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w* \d{1,2},? \d{4})\b"
)
_NOBODY = re.compile(r"(?i)^(?:|tbd|tba|todo|none|n/?a|unknown|unassigned|\?+|-+|–|<.*>|\[.*\]|_+|x+)$")


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as a document tells it; owner and date are empty where it names none."""

    line: int
    text: str
    owner: str
    date: str


def decisions(told: Artifact) -> list[Decision]:
    """Each part that decides something: its own owner and date, else those that the head of the document gives for all."""
    head = [line for part in told.parts if part.depth < 2 for line in part.lines]
    found: list[Decision] = []
    for part in told.parts:
        stated = _stated(part)
        if stated:
            number, text = stated
            found.append(Decision(number, text, _given(part.lines, _OWNER) or _given(head, _OWNER), _dated(part.lines) or _dated(head)))
    return found


def _stated(part: Heading) -> tuple[int, str] | None:
    """Where a part says what was decided: a field, else a heading with a sentence under it."""
    for number, line in part.lines:
        field = _FIELD.match(line)
        if field and _DECIDES.match(field[1]) and not _NOBODY.match(field[2]):
            return number, field[2]
    if not _DECIDES.match(part.title):
        return None
    said = [(number, line.strip()) for number, line in part.lines[1:] if line.strip() and not _FIELD.match(line)]
    return said[0] if said else (part.lines[0][0], part.title)


def _given(lines: Sequence[tuple[int, str]], wanted: re.Pattern[str]) -> str:
    fields = (_FIELD.match(line) for _, line in lines)
    return next((one[2].strip() for one in fields if one and wanted.match(one[1].strip()) and not _NOBODY.match(one[2].strip())), "")


def _dated(lines: Sequence[tuple[int, str]]) -> str:
    given = _MOMENT.search(_given(lines, _DATE))
    found = given or next(filter(None, (_MOMENT.search(line) for _, line in lines)), None)
    return found[0] if found else ""
