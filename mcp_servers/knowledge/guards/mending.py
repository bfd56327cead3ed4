"""Autofixes: what a place would read like, where the lesson's own change says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mcp_servers.knowledge.guards.model import Finding, Hit


def mended(fix: Mapping[str, str], hit: Hit) -> str | None:
    """The text for a place: an argument put in, another head, another argument or another number. None where there is no safe one."""
    text, values = hit.text, hit.values or {}
    if "insert" in fix and text.endswith(")"):
        inner = text[:-1].rstrip()
        between = "" if inner.endswith("(") else " " if inner.endswith(",") else ", "
        return f"{inner}{between}{fix['insert']})"
    if "head" in fix:
        head, paren, rest = text.partition("(")
        return f"{fix['head']}{head[len(head.rstrip()) :]}{paren}{rest}" if paren else None
    if "argument" in fix:
        name = fix["argument"].partition("=")[0]
        given = re.compile(rf"(?<=[(,\s]){re.escape(name)}\s*=\s*\w+")
        return given.sub(lambda _: fix["argument"], text, count=1) if len(given.findall(text)) == 1 else None
    if "value" in fix and values.get("VALUE") and len(re.findall(rf"(?<![\w.]){re.escape(values['VALUE'])}(?![\w.])", text)) == 1:
        return re.sub(rf"(?<![\w.]){re.escape(values['VALUE'])}(?![\w.])", lambda _: fix["value"], text)
    return None


def apply(text: str, findings: Sequence[Finding]) -> str:
    """The text with every finding that has a replacement mended; of two that overlap the outer one waits."""
    data = text.encode("utf-8", "surrogateescape")
    end = len(data)
    for finding in sorted((one for one in findings if one.replacement is not None), key=lambda one: one.span, reverse=True):
        first, last = finding.span
        if finding.replacement is not None and last <= end:
            data = data[:first] + finding.replacement.encode("utf-8", "surrogateescape") + data[last:]
            end = first
    return data.decode("utf-8", "surrogateescape")
