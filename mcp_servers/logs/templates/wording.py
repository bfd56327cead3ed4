"""How a template reads: a mask folds and spells so that equal messages meet, people want what the messages really say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mcp_servers.logs.templates.masking import HOLE, SEPARATORS, canonical, fold, unfolded

_KEPT = re.compile(r"(?<![\w%])%[A-Z][A-Z0_]*-0-[A-Z0_]+|(?<![\w$])[\w$]*0[\w$]*")
_RUN = rf"(<\*>(?:{SEPARATORS}<\*>)*+|\S+?)"
_MOST_HOLES = 24
_SPREAD_BY = 3


def worded(text: str, samples: Iterable[str], unfold: Callable[[str], str] = unfolded) -> str:
    """A template's text as its messages have it, told by a few of them.

    Where all samples show the same separators between values, `<*>` is `<*>, <*>` again. Names that the mask kept have their digits
    back (`ssh0` is `ssh2`) where all samples agree, and are `<*>` where they do not. What a sample does not settle stays.
    `unfold` is `masking.unfolded`, or one that remembers.
    """
    samples = sorted(set(samples))
    return _KEPT.sub(lambda kept: _spelled(kept[0], samples), _spread(text, set(map(unfold, samples[:_SPREAD_BY]))))


def _spread(text: str, forms: set[str]) -> str:
    literals = text.split(HOLE)
    if not 0 < len(literals) - 1 <= _MOST_HOLES or all(fold(form) == form for form in forms):
        return text
    pattern = re.compile(_RUN.join(map(re.escape, literals)))
    found = [match.groups() for form in forms if (match := pattern.fullmatch(form))]
    if not found or len(found) < len(forms):
        return text
    runs = [column[0] if len(set(column)) == 1 and fold(column[0]) == HOLE else HOLE for column in zip(*found, strict=True)]
    return "".join(part for pair in zip(literals, [*runs, ""], strict=True) for part in pair)


def _spelled(kept: str, samples: list[str]) -> str:
    seen = {spelling for sample in samples if (spelling := _as_in(sample, kept))}
    return HOLE if len(seen) > 1 else next(iter(seen), kept)


def _as_in(sample: str, kept: str) -> str:
    pattern = r"[^\W_]*\d[^\W_]*".join(map(re.escape, kept.split("0")))
    names = (found[0] for found in re.finditer(rf"(?<![\w$]){pattern}(?![\w$])", sample))
    return next((name for name in names if canonical(name) == kept), "")
