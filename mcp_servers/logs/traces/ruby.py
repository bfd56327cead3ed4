"""Ruby: printed by the interpreter in both orders, or logged as `Type (message):` above the frames."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, header_above
from mcp_servers.logs.traces.lines import Line

_FILE = r"(?:[\w.-]+ \([\d.]+\) )?(?:\w:)?[^\s:\"]*(?:\.(?:rb|erb|ru|rake|haml|slim|builder|jbuilder|gemspec)|/bin/[\w-]+|/(?:Rakefile|Gemfile|Capfile))|<internal:[^>]+>|\(eval[^)]*\)|-e"
_FRAME = re.compile(rf"^\s*(?:from |\d+: from |-> )?(?P<file>{_FILE}):(?P<line>\d+):in [`'](?P<function>[^']+)'\s*$")
_REASON = re.compile(rf"^.*?(?P<file>{_FILE}):(?P<line>\d+):in [`'](?P<function>[^']+)': (?P<message>.*?)(?: \((?P<type>[A-Z][\w:]*)\))?$")
_TYPED_END = re.compile(r"^(?P<message>.*) \((?P<type>[A-Z]\w*(?:::\w+)*)\)$")
_TYPE = r"(?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception|NotFound|Invalid|Failure|Failed|Denied|Timeout|Exists?|Unique|Refused|Expired|Forbidden|Unauthorized|Interrupt)|(?:[A-Z]\w*::)+[A-Z]\w*|E[A-Z]{3,}"
_LOGGED = re.compile(rf"(?:^|\s)(?:#<(?={_TYPE}: .*>$))?(?P<type>{_TYPE})(?: \((?P<inside>.*)\):?|: (?P<message>.*?)(?:(?<=[^>])>)?|:?)$")
_CAUSES = re.compile(r"^\s*(?:Causes?:|Caused by:?)\s*$|^\s*Caused by:? (?P<rest>.+)$")
_OLD_HEADER = "Traceback (most recent call last):"
_MESSAGE_ENDS = re.compile(r"\([A-Z][\w:]*\)$")


# --- where it begins and ends ---


def _anchor(text: str) -> bool:
    return ":in " in text and bool(_FRAME.match(text) or (_REASON.match(text) and _reason_at_start(text)))


def _reason_at_start(text: str) -> bool:
    found = _REASON.match(text)
    return found is not None and not text[: found.start("file")].strip()


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    if _reason(anchor.text):
        return []
    if re.match(r"^\s*\d+: from ", anchor.text):
        return [len(before) - 1] if before and _OLD_HEADER in before[-1].text else []
    above = header_above(before, lambda text: bool(_LOGGED.search(text.strip())) or _reason(text), blanks=1)
    return above


def _reason(text: str) -> bool:
    return ":in " in text and not _FRAME.match(text) and _REASON.match(text) is not None


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if ":in " in text and (_FRAME.match(text) or _is_next_cause(block, text, after)):
        return Verdict.SURE
    causes = _CAUSES.match(text)
    if causes and (not causes["rest"] or _LOGGED.search(causes["rest"])) and any(_anchor(one) for one in after.ahead[:2]):
        return Verdict.SURE
    if _is_cause_header(block, text):
        return Verdict.NEXT
    if _anchor(text) or (_LOGGED.search(text.strip()) and any(_anchor(one) for one in after.ahead)):
        return Verdict.END
    frameless = not any(_FRAME.match(line) for line in block)
    return Verdict.NEXT if frameless and not after.blank and _closes(text, after) else Verdict.NO


def _closes(text: str, after: After) -> bool:
    """Whether further lines of a message lead to its end or to frames."""
    return bool(_MESSAGE_ENDS.search(text)) or any(_FRAME.match(one) for one in after.ahead)


def _is_next_cause(block: Sequence[str], text: str, after: After) -> bool:
    """The interpreter prints a cause behind the frames, whose outer calls are the same; in the old order it prints the reason behind them."""
    if not _reason_at_start(text) or not _FRAME.match(block[-1]):
        return False
    if re.match(r"^\s*\d+: from ", block[-1]):
        return True
    return not after.strays and text != block[0] and any(_FRAME.match(one) and one in block for one in after.ahead)


def _is_cause_header(block: Sequence[str], text: str) -> bool:
    last = next((line for line in reversed(block) if line.strip()), "")
    return bool(_CAUSES.match(last)) and bool(_LOGGED.search(text.strip()))


# --- what it says ---


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The chain, root cause first; Ruby prints the cause behind what it caused."""
    if any(re.match(r"^\s*\d+: from ", line) for line in lines):
        return _old_order(lines)
    parts: list[list[str]] = [[]]
    for line in lines:
        opens = not _FRAME.match(line) and bool(line.strip()) and any(_FRAME.match(one) or _reason(one) for one in parts[-1])
        if opens and (_reason_at_start(line) or _LOGGED.search(line.strip()) or _CAUSES.match(line)):
            parts.append([])
        parts[-1].append(line)
    return tuple(reversed([exception for part in parts if (exception := _exception(part))]))


def _old_order(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """Outermost call first, the reason last."""
    frames = [frame for line in lines if (frame := _frame(line))]
    reason = next((found for line in reversed(lines) if not _FRAME.match(line) and (found := _REASON.match(line))), None)
    if not reason:
        return ()
    top = Frame(reason["file"].strip(), int(reason["line"]), reason["function"])
    return (ExceptionInfo(reason["type"] or "RuntimeError", reason["message"].strip(), (*frames, top)),)


def _exception(part: Sequence[str]) -> ExceptionInfo | None:
    frames = [frame for line in part if (frame := _frame(line))]
    head = [line for line in part if not _FRAME.match(line) and not re.match(r"^\s*Causes?:\s*$", line)]
    if not head:
        return None
    text = "\n".join(head).strip()
    if reason := _REASON.match(head[0]):
        return _interpreted(reason, head, frames)
    found = _LOGGED.search(head[0].strip()) or _LOGGED.search(text.partition("\n")[0].strip())
    if not found or not frames:
        return None
    message = "\n".join([found["inside"] or found["message"] or "", *head[1:]]).strip()
    return ExceptionInfo(found["type"], message.removesuffix("):").strip(), tuple(reversed(frames)))


def _interpreted(reason: re.Match[str], head: Sequence[str], frames: Sequence[Frame]) -> ExceptionInfo:
    kind, message = reason["type"], reason["message"]
    if not kind:
        ended = next((found for line in head[1:] if (found := _TYPED_END.match(line))), None)
        kind = ended["type"] if ended else "RuntimeError"
    top = Frame(reason["file"].strip(), int(reason["line"]), reason["function"])
    return ExceptionInfo(kind, "\n".join([message, *head[1:]]).strip(), tuple(reversed([top, *frames])))


def _frame(line: str) -> Frame | None:
    found = _FRAME.match(line) if ":in " in line else None
    return found and Frame(found["file"].strip(), int(found["line"]), found["function"])


GRAMMAR = Grammar("ruby", _anchor, _above, _goes_on, parse)
