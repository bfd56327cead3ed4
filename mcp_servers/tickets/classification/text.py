"""A request as it is read: its title, its prose without what machines wrote, and the parts that its author marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_QUOTED = re.compile(r"^[ \t]*>.*$", re.M)
_ADDRESS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|https?://\S+")
_CHOICE = re.compile(r"\b(?:bug|feature|question)\b", re.I)
_TRACE = re.compile(
    r"^[ \t]*Traceback \(most recent|^[ \t]*File \"[^\"\n]+\", line \d+|^[ \t]+at [\w$.<>/ ]+[(:]|^panic: |^goroutine \d+ \[|^Caused by: |\bthread '\w+' panicked"
    r"|^#\d+ +(?:0x)?[0-9a-f]+ ",
    re.M,
)
_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,2}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(\S.*)$", re.M)
_HEADING = re.compile(
    r"^(?:#{1,6}[ \t]+(?P<marks>.+?)[ \t#]*|\*\*(?P<bold>[^*\n]+)\*\*:?[ \t]*|(?P<colon>[A-Z][\w /-]{2,40}):[ \t]*)$", re.M
)
_EMPTY = re.compile(r"\W*(?:_?no response_?|n/?a|none|tbd|\.+)?\W*", re.I)
_CRITERIA = re.compile(
    r"\b(?:acceptance|definition of done|done when|requirements?|success criteria|must have|deliverables?)\b|^(?:a\.?c\.?|dod)$", re.I
)
_NOT_WORK = re.compile(
    r"\b(?:steps? to|repro\w*|expected|actual|environment|versions?|logs?|context|background|alternatives?|links?|references?|out of scope|non-?goals?)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading (`""` before the first), and the list items in it."""

    heading: str
    text: str

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(" ".join(item.split()) for item in _ITEM.findall(self.text))

    @property
    def is_criteria(self) -> bool:
        """Whether its list says when the work is done."""
        return bool(_CRITERIA.search(self.heading))

    @property
    def is_work(self) -> bool:
        """Whether its list says what is to be done, and not how to reproduce, which versions and the like."""
        return bool(self.items) and not self.is_criteria and not _NOT_WORK.search(self.heading)


@dataclass(frozen=True)
class Request:
    """What somebody asks for."""

    title: str
    description: str = ""

    @cached_property
    def prose(self) -> str:
        """The description without code, comments, quotes and addresses."""
        text = _FENCE.sub("\n", _COMMENT.sub("", self.description))
        return _ADDRESS.sub(lambda found: found[1] or "", _QUOTED.sub("", text))

    @cached_property
    def told(self) -> str:
        """Title and prose without what only its form says: headings that nobody wrote under, and the offer to choose between a bug and a feature."""
        written = (f"{section.heading}\n{section.text}" for section in self.sections if not _EMPTY.fullmatch(section.text))
        lines = (line for text in written for line in text.splitlines() if len({word.lower() for word in _CHOICE.findall(line)}) < 2)
        return "\n".join((self.title, *lines))

    @cached_property
    def has_trace(self) -> bool:
        """Whether somebody pasted a stack trace, in a block of code or not."""
        return _TRACE.search(self.description) is not None

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The prose by its headings, in order."""
        prose, found = self.prose, list(_HEADING.finditer(self.prose))
        if not found:
            return (Section("", prose),)
        ends = [*(match.start() for match in found[1:]), len(prose)]
        named = [
            Section((match["marks"] or match["bold"] or match["colon"]).strip(" :*"), prose[match.end() : end])
            for match, end in zip(found, ends, strict=True)
        ]
        return (Section("", prose[: found[0].start()]), *named)

    @cached_property
    def work(self) -> tuple[Section, ...]:
        """The sections whose lists say what is to be done."""
        return tuple(section for section in self.sections if section.is_work)
