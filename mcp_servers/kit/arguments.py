"""What a caller got wrong in the arguments of a tool, as a sentence that says the value and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.redaction import clean

_MOST = 3
_SHOWN = 60


def known(tool: str, given: Collection[str], parameters: Collection[str]) -> None:
    """Raises `Refusal` for an argument that the tool does not have: left alone it would be ignored, and the answer be to another question."""
    for name in given:
        if name not in parameters:
            near = get_close_matches(name, parameters, 1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(parameters) or 'none'}."
            raise Refusal(f"{tool} has no argument {str(clean(name))[:_SHOWN]!r}; {hint}", code="invalid_arguments")


def refused(tool: str, error: ValidationError) -> Refusal:
    """The sentence for arguments that are not of the tool's schema: each with its place, what it should be and what it was."""
    errors = error.errors(include_url=False)
    told = "; ".join(_told(one) for one in errors[:_MOST])
    more = f"; and {len(errors) - _MOST} more" if len(errors) > _MOST else ""
    return Refusal(f"{tool} cannot take these arguments: {told}{more}. Mend them and call it again.", code="invalid_arguments")


def _told(error: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"]) or "the whole"
    if error["type"] == "missing":
        return f"{place} is missing"
    words = str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return f"{place} {words[:1].lower()}{words[1:]}, not {_shown(error['input'])}"


def _shown(value: Any) -> str:
    text = repr(clean(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
