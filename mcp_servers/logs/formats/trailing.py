"""JSON that a logger writes behind its message: Monolog's context and extra, the fields of zap on a console."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from mcp_servers.logs.formats.fields import HEADER, Fields

_MONOLOG = re.compile(r"\[[^\]]{10,40}\] [\w.-]{1,80}\.(?:DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY): ")
_BEGINS = re.compile(r"(?:^|(?<=\s))(?=[{\[])")
_DECODER = json.JSONDecoder()
_MOST_BEGINNINGS = 20


def take_trailing(text: str, fields: Fields) -> None:
    """Moves JSON behind the message into the attributes, where the line is of a logger that writes it so; names already taken stay."""
    body = fields.body.rstrip()
    if body[-1:] not in ("}", "]") or not ("\t{" in body or _MONOLOG.match(text, 0, HEADER)):
        return
    for at, found in enumerate(_BEGINS.finditer(body)):
        if at == _MOST_BEGINNINGS:
            return
        if (values := _values(body, found.start())) is not None:
            fields.body = body[: found.start()].rstrip()
            for value in values:
                fields.attributes = {**value, **fields.attributes}
            return


def _values(body: str, at: int) -> list[dict[str, Any]] | None:
    """The objects (an empty list is one without fields) that make up the rest of the text; None where it is anything else."""
    found: list[dict[str, Any]] = []
    while at < len(body):
        try:
            value, at = _DECODER.raw_decode(body, at)
        except (ValueError, RecursionError):
            return None
        if value != [] and not isinstance(value, dict):
            return None
        found.append(cast(dict[str, Any], value or {}))
        at += len(body[at:]) - len(body[at:].lstrip())
    return found if len(found) <= 2 else None
