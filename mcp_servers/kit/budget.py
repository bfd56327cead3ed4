"""Answers fit their reader by construction: sizes in tokens, and what was left out is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

DEFAULT_BUDGET = 8_000
BYTES_PER_TOKEN = 3  # tool lists and prose run at 3.3–4 bytes a token, lines full of digits at 1.8–2.9 (benchmarks/tokenizers.py)

Item = TypeVar("Item")


def tokens(value: Any) -> int:
    """An upper estimate of the tokens that a value costs a model, as compact JSON (or as it is, for text)."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def fit(items: Sequence[Item], budget: int) -> tuple[list[Item], int]:
    """The longest prefix of `items` that fits into `budget` tokens, and how many were omitted."""
    kept: list[Item] = []
    left = budget
    for item in items:
        left -= tokens(item) + 1
        if left < 0:
            break
        kept.append(item)
    return kept, len(items) - len(kept)
