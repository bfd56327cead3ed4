"""Text to stack trace: one grammar per language, tried in turn, and one rule for which frames are our own code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.logs import traces_go_php_ruby, traces_java_js_csharp, traces_python

_LONGEST = 128 * 1024
_LONG_LINE = re.compile(r"^(.{2000}).+$", re.M)
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GRAMMARS: tuple[tuple[str, Callable[[str], tuple[ExceptionInfo, ...]]], ...] = (
    ("python", traces_python.parse),
    ("go", traces_go_php_ruby.parse_go),
    ("php", traces_go_php_ruby.parse_php),
    ("csharp", traces_java_js_csharp.parse_csharp),
    ("java", traces_java_js_csharp.parse_java),
    ("javascript", traces_java_js_csharp.parse_javascript),
    ("ruby", traces_go_php_ruby.parse_ruby),
)
_NOT_OURS = re.compile(
    r"""(?x)
    (?:^|/)(?:site-packages|dist-packages|node_modules|vendor|gems|bower_components)/
    | (?:^|/)lib(?:64)?/python\d | /python[\d.]*/lib/ | python\d+\.zip/
    | (?:^|/)(?:usr(?:/local)?|\.?venv|env)/bin/ | (?:^|/)Python\d+/Lib/
    | ^/usr/(?:lib|share)/ | /go/src/(?:runtime|net|internal|sync|syscall|reflect|os|io)\b | /go/pkg/mod/ | /lib/ruby/
    | ^<(?:frozen|internal|builtin) | ^(?:node:|internal/|native$|\[internal\ function\])
    | ^(?:java|javax|jakarta|sun|com/sun|jdk|kotlin|kotlinx|scala)/ | ^org/(?:springframework|apache|hibernate|junit|eclipse|jboss)/
    | ^(?:System|Microsoft)\.
    """
)


def parse(text: str, app_roots: Sequence[str] = ()) -> StackTrace | None:
    """The first stack trace in the text, root cause first; None when the text holds none.

    A log message may stand before the trace. `app_roots` are folders of our own code and override the default rules.
    """
    trace = _parsed(text[:_LONGEST])
    return mark_in_app(trace, app_roots) if trace and app_roots else trace


@lru_cache(maxsize=1024)
def _parsed(text: str) -> StackTrace | None:
    """A program that fails in one place prints one text again and again."""
    levelled = _levelled(text)
    for language, grammar in _GRAMMARS:
        exceptions = grammar(levelled)
        if exceptions:
            return mark_in_app(StackTrace(language, exceptions))
    return None


def mark_in_app(trace: StackTrace, app_roots: Sequence[str] = ()) -> StackTrace:
    """The same trace with every frame told apart as ours or not; roots that fit no frame at all are ignored."""
    files = [frame.file for exception in trace.exceptions for frame in exception.frames]
    roots = [root for root in app_roots if any(_below(file, root) is not None for file in files)]
    return replace(trace, exceptions=tuple(_marked(exception, roots) for exception in trace.exceptions))


def in_app(file: str, app_roots: Sequence[str] = ()) -> bool:
    """Whether a printed path is our own code: below one of the roots (or anywhere, without roots) and not in a library's folder."""
    path = file.replace("\\", "/")
    if not app_roots:
        return bool(path) and not _NOT_OURS.search(path)
    below = [rest for root in app_roots if (rest := _below(path, root)) is not None]
    return any(not _NOT_OURS.search(rest) for rest in below)


def _levelled(text: str) -> str:
    if "\n" not in text and "\\n" in text:
        text = text.replace("\\r", "").replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    return _LONG_LINE.sub(r"\1", text.replace("\r\n", "\n").replace("\r", "\n"))


def _marked(exception: ExceptionInfo, roots: Sequence[str]) -> ExceptionInfo:
    frames = tuple(_marked_frame(frame, roots) for frame in exception.frames)
    return replace(exception, frames=frames)


def _marked_frame(frame: Frame, roots: Sequence[str]) -> Frame:
    ours = in_app(frame.file or frame.function, roots)
    return frame if frame.in_app == ours else replace(frame, in_app=ours)


def _below(file: str, root: str) -> str | None:
    """The path from the root on, or None when the file does not lie there; a relative root may begin anywhere in the path."""
    path, root = file.replace("\\", "/"), root.replace("\\", "/").removeprefix("./").rstrip("/") + "/"
    if path.startswith(root):
        return path[len(root) :]
    if root.startswith("/"):
        return None
    at = path.rfind("/" + root)
    return path[at + 1 + len(root) :] if at >= 0 else None
