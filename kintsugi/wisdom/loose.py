"""Values of strangers' documents, taken for what they are worth: a value of another kind is as good as none."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

_MOST = 10**9


def mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def text(value: object, most: int = 20_000) -> str:
    return value[:most] if isinstance(value, str) else ""


def number(value: object) -> float:
    """A finite number from 0 to a thousand millions, also where it is written as text; 0 for everything else."""
    try:
        found = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return found if isfinite(found) and 0 <= found <= _MOST else 0.0


def whole(value: object) -> int:
    return int(number(value))
