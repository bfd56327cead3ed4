"""JavaScript traces: V8 (Node, Chrome, Deno), Firefox and Safari. Frames run from the throw outwards."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_servers.kit.stack import ExceptionInfo, Frame
from mcp_servers.logs.traces.grammar import After, Grammar, Verdict, header_above
from mcp_servers.logs.traces.lines import Line

_EVAL = re.compile(r"at (?:async )?\S+ \(eval at (?P<function>[\w$.<>]+) \((?:eval at [^()]* \()?(?P<file>[^()]+):(?P<line>\d+):\d+\).*")
_EVAL_LINE = re.compile(r"^\s*eval at (?P<function>\S+) \(eval at \S+ \((?P<file>[^()]+):(?P<line>\d+):\d+\)\)$")
_PLACE = r"(?P<file>(?:[^\s()]|\([^\s()]*\)|(?<=\w) (?=[\w./-]+:\d))*[A-Za-z<\]>'/][^\s]*?):(?P<line>\d+):\d+"
_AT = re.compile(
    r"^\s*at (?:async )?(?:(?P<function>[^()]*(?:\([^()]*\))?[^()]*?|\S+ \[as [^\]]+\]) \(|(?P<tight>[A-Z][\w$]*\.[\w$]+)\((?=\S+\)$)|)"
    rf"(?:address at )?(?:{_PLACE}|(?P<nowhere><anonymous>|native|index \d+|unknown location|wasm:\S+))\)?,?(?: \{{)?$"
)
_BARE = re.compile(r"^\s*at (?:async )?(?P<function>(?:new )?[A-Za-z_$][\w$]*(?:\.[\w$<>]+)*)(?: \[as \w+\])?$")
_GECKO = re.compile(
    r"^\s*(?P<function>[\w$.<>/*\[\] -]*)@(?:(?P<file>(?:https?|file|webpack|resource|chrome|moz-extension|app|blob|capacitor)[\w-]*:\S*?|/\S+?|\w:[\\/]\S+?"
    r"|[\w.-]+\.[cm]?[jt]sx?\b\S*?)(?: line \d+ > \w+)?:(?P<line>\d+)(?::\d+)?|\[native code\])$"
)
_TYPE = r"[A-Z][\w$]*(?:Error|Exception|Failure|Rejection|Warning|Abort)\w*|(?:Deprecation)?Warning|Error|DOMException|Trace"
_STRICT = re.compile(rf"(?:^|[\s(>:\]])(?:[\w$]+\.)*(?P<type>{_TYPE})(?: \[[\w-]+\])?(?:: (?P<message>.*)|:)?$")
_LOOSE = re.compile(r"^(?:Uncaught (?:\(in promise\) )?)?(?P<type>[A-Z][\w$]*)(?: \[[\w-]+\])?: (?P<message>.*)$")
_LINKED = re.compile(r"^\s*(?:\[?cause\]?:|Caused by:|caused by:|\[errors\]: \[)\s*(?P<rest>.*)$")
_MEMBERS = re.compile(r"^\s*\[errors\]: \[")
_MORE = re.compile(r"^\s*\.\.\. \d+ lines matching cause stack trace \.\.\.$|^\s*at \.\.\. \d+ more")
_UNHANDLED = re.compile(r"\bUnhandledPromiseRejectionWarning: (?=[A-Z]\w*: )")
_CLOSING = re.compile(r"^\s*[}\]]+,?$")
_FRAMELIKE = ("at ", "@")


def _anchor(text: str) -> bool:
    return any(sign in text for sign in _FRAMELIKE) and frame_of(text) is not None and not _BARE.match(text)


def _above(before: Sequence[Line], anchor: Line) -> list[int] | None:
    above = header_above(before, lambda text: bool(_STRICT.search(_told(text))))
    if above is not None:
        return above
    last = before[-1] if before else None
    if last is None or not last.text.strip() or last.text[:1].isspace():
        return None
    named = _LOOSE.match(_told(last.text)) or (last.headed and not anchor.headed) or _bare_words(last.text)
    return [len(before) - 1] if named else None


def _bare_words(text: str) -> bool:
    """A sentence that ends without a stop: what was given to the constructor of an error without a name."""
    return bool(re.match(r"[\w'\"(\[][^|{}]*[\w'\")\]!]$", text.rstrip())) and len(text) < 200


def _goes_on(block: Sequence[str], text: str, after: After) -> Verdict:
    if frame_of(text) is not None or _MORE.match(text):
        return Verdict.SURE if not after.state.get("braces") or text[:1].isspace() else Verdict.NO
    _count(block[-1], after)
    if after.state["braces"] > 0:
        return _in_braces(text, after)
    linked = _LINKED.match(text)
    if linked and _leads_to_frames(after) and _names_an_error(linked["rest"]):
        return Verdict.SURE
    if after.blank or (_STRICT.search(_told(text)) and not text[:1].isspace() and _leads_to_frames(after)):
        return Verdict.END
    return Verdict.NEXT if _message_of_cause(block, after) else Verdict.NO


def _names_an_error(rest: str) -> bool:
    return not rest or bool(_STRICT.search(_told(rest)) or _LOOSE.match(_told(rest)))


def _count(last: str, after: After) -> None:
    """How many braces stand open: Node prints the own properties of an error in a pair behind its frames."""
    if not after.state.get("braces"):
        after.state["braces"] = 1 if last.rstrip().endswith(" {") and frame_of(last) is not None else 0


def _in_braces(text: str, after: After) -> Verdict:
    if _CLOSING.match(text) and not text[:1].isspace():
        after.state["braces"] = -1
        return Verdict.SURE
    return Verdict.SURE if text[:1].isspace() else Verdict.END


def _leads_to_frames(after: After) -> bool:
    return any(frame_of(one) is not None for one in after.ahead)


def _message_of_cause(block: Sequence[str], after: After) -> bool:
    return any(_LINKED.match(line) for line in block[-3:]) and frame_of(block[-1]) is None and _leads_to_frames(after)


def parse(lines: Sequence[str]) -> tuple[ExceptionInfo, ...]:
    """The chain, root cause (`[cause]: …`, or the members of an aggregate) first."""
    chain: list[ExceptionInfo] = []
    told: list[str] = []
    frames: list[Frame] = []
    for line in lines:
        frame = frame_of(line)
        if frame is not None:
            frames.append(frame)
        elif _opens_a_part(line, bool(frames)):
            chain += _exception(told, frames)
            told, frames = [line], []
        elif not frames:
            told.append(line)
    chain += _exception(told, frames)
    aggregate = bool(chain) and any(_MEMBERS.match(line) for line in lines)
    return (*chain[1:], chain[0]) if aggregate else tuple(reversed(chain))


def _opens_a_part(line: str, behind_frames: bool) -> bool:
    return behind_frames and (bool(_LINKED.match(line)) or bool(_STRICT.search(_told(line)) and not re.match(r"^\s*\w+: ['\d]", line)))


def _exception(told: Sequence[str], frames: Sequence[Frame]) -> list[ExceptionInfo]:
    if not frames or not told:
        return []
    linked = _LINKED.match(told[0])
    if linked and not linked["rest"] and len(told) > 1:
        return _exception(told[1:], frames)
    first = _told(linked["rest"] if linked else told[0])
    found = _STRICT.search(first) or _LOOSE.match(first)
    kind, message = (found["type"], found["message"] or "") if found else ("Error", first.strip())
    return [ExceptionInfo(kind, "\n".join([message, *told[1:]]).strip(), tuple(reversed(frames)))]


def _told(line: str) -> str:
    return _UNHANDLED.sub("", line.strip().removesuffix("{").rstrip())


def frame_of(line: str) -> Frame | None:
    """The frame of a line, or None."""
    if "at " not in line and "@" not in line:
        return None
    folded = _EVAL.sub(r"at \g<function> (\g<file>:\g<line>:0)", line) if "eval at " in line else line
    found = _AT.match(folded)
    if found:
        return Frame(found["file"] or found["nowhere"] or "native", int(found["line"] or 0), _function(found["function"] or found["tight"]))
    if gecko := _GECKO.match(line) if "@" in line else None:
        return Frame(gecko["file"] or "native", int(gecko["line"] or 0), _function(gecko["function"]))
    if evaluated := _EVAL_LINE.match(line):
        return Frame(evaluated["file"], int(evaluated["line"]), _function(evaluated["function"]))
    bare = _BARE.match(line)
    return bare and Frame("<anonymous>", 0, _function(bare["function"]))


def _function(name: str | None) -> str:
    return (name or "").removeprefix("async*").strip() or "<anonymous>"


GRAMMAR = Grammar("javascript", _anchor, _above, _goes_on, parse)
