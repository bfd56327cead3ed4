"""Text of strangers, made so that no tracker acts on it: no mention, no link, no image, no closing word, no command, no markup."""

from __future__ import annotations

import re

from mcp_servers.kit.redaction import clean

_CUT = "…"
_ACTIVE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"@(?=[\w-])"), "(at)"),
    (re.compile(r"#(?=\w)"), "# "),
    (re.compile(r"(?i)\b(gh-)(?=\d)"), r"\1 "),
    (re.compile(r"(?i)\b((?:fix(?:e[sd])?|close[sd]?|resolve[sd]?)\b\W{1,3}[a-z][a-z0-9]{1,9}-)(?=\d)"), r"\1 "),
    (re.compile(r"://"), "[:]//"),
    (re.compile(r"(?i)(mailto|javascript|vbscript|\bdata|\btel):"), r"\1[:]"),
    (re.compile(r"(?i)\bwww\.(?=\w)"), "www[.]"),
    (re.compile(r"!(?=\[)"), "! "),
    (re.compile(r"\](?=[(\[])"), "] "),
    (re.compile(r"(?m)^([ \t>*+\-\d.)]*\[[^\]\n]*\])(?=:)"), r"\1 "),
    (re.compile(r"(?m)^([ \t]*)/(?=[a-z][\w-]*(?:\s|$))"), r"\1/ "),
)
_TICKS = re.compile(r"`+")


def inert(text: str) -> str:
    """The text, redacted, with everything that a tracker would act on taken apart. Still readable, never clickable."""
    cleaned: str = clean(text.encode("utf-8", "replace").decode("utf-8"))
    for pattern, replacement in _ACTIVE:
        cleaned = pattern.sub(replacement, cleaned)
    return cleaned


def line(text: str, length: int = 300) -> str:
    """One line of prose: inert, blanks folded, without markup."""
    folded = " ".join(inert(text).split())
    short = folded if len(folded) <= length else folded[: length - 1] + _CUT
    return short.replace("&", "&amp;").replace("<", "&lt;").replace("`", "'").replace("|", "\\|")


def plain(text: str, length: int = 150) -> str:
    """One line for a title, where no tracker reads markup: inert, blanks folded."""
    folded = " ".join(inert(text).split())
    return folded if len(folded) <= length else folded[: length - 1] + _CUT


def fenced(text: str, length: int = 3000) -> str:
    """A fenced block that its content cannot leave."""
    return block(inert(text), "text", length)


def block(content: str, language: str, length: int) -> str:
    """A fenced block of what is safe already, such as code: cut at `length`, in a fence that it cannot leave."""
    content = content if len(content) <= length else content[:length] + f"\n{_CUT} {len(content) - length} more characters"
    fence = "`" * max(3, max((len(run) for run in _TICKS.findall(content)), default=0) + 1)
    return f"{fence}{language}\n{content}\n{fence}"
