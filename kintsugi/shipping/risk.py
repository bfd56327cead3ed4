"""How risky a change is, told by the past of its own repository: how often commits like it were followed by a fix or a revert.

The score only orders commits; what is told is the share among the past commits whose scores are nearest, with its 95 % interval (Wilson, 1927).
Large and spread changes to files that were mended often fail more (Kamei et al., "A large-scale empirical study of just-in-time quality
assurance", 2013). A fix in the same file is no proof that this commit was at fault: the share is an upper bound, and compares with the rest.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p, sqrt
from typing import Literal

Band = Literal["low", "usual", "high", "unknown"]
DAY = 86_400.0
HORIZON, MEMORY = 30 * DAY, 180 * DAY
LEAST, NEAREST = 60, 50
_MENDS = re.compile(r"(?i)^(?:hot|bug)?fix(?:es|ed)?\b|^revert\b|\b(?:bug|hotfix|regression|crash)\b")


@dataclass(frozen=True, slots=True)
class Past:
    """A commit: when it was made (seconds since 1970), what it says, whom it reverts, and the lines it changed in each file."""

    id: str
    at: float
    subject: str
    reverts: tuple[str, ...]
    files: Mapping[str, int]

    @property
    def mends(self) -> bool:
        return bool(self.reverts or _MENDS.search(self.subject))


@dataclass(frozen=True, slots=True)
class Risk:
    """`share` of the `of` past commits most like it were followed by a fix or revert, between `low` and `high`; `base` of all were."""

    band: Band
    reasons: tuple[str, ...]
    share: float = 0.0
    low: float = 0.0
    high: float = 1.0
    of: int = 0
    base: float = 0.0


@dataclass
class _Memory:
    """When each file was touched, and when it was mended, in the order of time."""

    touches: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))
    mends: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))

    def add(self, commit: Past) -> None:
        for path in commit.files:
            self.touches[path].append(commit.at)
            if commit.mends:
                self.mends[path].append(commit.at)


def assess(past: Sequence[Past], files: Mapping[str, int], now: float, cases: Mapping[str, int] | None = None) -> Risk:
    """The risk of changing these files (lines by path) now, after these commits (oldest first); `cases` counts earlier cases by file."""
    memory, scored = _replayed(past)
    reasons = tuple(_reasons(memory, files, now, cases or {}))
    known = sorted(scored)
    if len(known) < LEAST or not files:
        return Risk("unknown", (f"only {len(known)} commits of known outcome: too few to compare with", *reasons))
    near = _nearest(known, _score(memory, files, now))
    hits, base = sum(failed for _, failed in near), sum(failed for _, failed in known) / len(known)
    low, high = wilson(hits, len(near))
    band: Band = "high" if low > base else "low" if high < base else "usual"
    return Risk(band, reasons, hits / len(near), low, high, len(near), base)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z, share = 1.96, hits / of
    middle, spread = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max((middle - spread) / (1 + z * z / of), 0.0), min((middle + spread) / (1 + z * z / of), 1.0)


def _replayed(past: Sequence[Past]) -> tuple[_Memory, list[tuple[float, bool]]]:
    """What is known after all commits, and each commit that is old enough with its score at its time and whether a fix or revert followed."""
    later, memory = _Memory(), _Memory()
    for commit in past:
        later.add(commit)
    reverted = {id[:12] for commit in past for id in commit.reverts}
    end = max((commit.at for commit in past), default=0.0)
    scored: list[tuple[float, bool]] = []
    for commit in past:
        if commit.files and commit.at <= end - HORIZON:
            scored.append((_score(memory, commit.files, commit.at), commit.id[:12] in reverted or _mended(later, commit)))
        memory.add(commit)
    return memory, scored


def _mended(later: _Memory, commit: Past) -> bool:
    return any(_within(later.mends.get(path, ()), commit.at + 1, commit.at + HORIZON) for path in commit.files)


def _score(memory: _Memory, files: Mapping[str, int], at: float) -> float:
    mended = max((_within(memory.mends.get(path, ()), at - MEMORY, at - 1) for path in files), default=0)
    lately = max((_within(memory.mends.get(path, ()), at - HORIZON, at - 1) for path in files), default=0)
    churn = max((_within(memory.touches.get(path, ()), at - MEMORY / 2, at - 1) for path in files), default=0)
    return log1p(sum(files.values())) / 2 + log1p(len(files)) + 2 * log1p(mended) + log1p(lately) + log1p(churn)


def _within(times: Sequence[float], first: float, last: float) -> int:
    return bisect_right(times, last) - bisect_left(times, first)


def _nearest(known: Sequence[tuple[float, bool]], score: float) -> Sequence[tuple[float, bool]]:
    """The commits on both sides of a score; all that are equal to it are alike, so ties do not tip the scale."""
    at = (bisect_left(known, (score, False)) + bisect_right(known, (score, True))) // 2
    start = max(min(at - NEAREST // 2, len(known) - NEAREST), 0)
    return known[start : start + NEAREST]


def _reasons(memory: _Memory, files: Mapping[str, int], now: float, cases: Mapping[str, int]) -> Iterable[str]:
    """What speaks for care, the gravest first: at most two files of each sort."""
    broken = sorted((path for path in files if cases.get(path)), key=lambda path: (-cases[path], path))
    for path in broken[:2]:
        yield f"{path} had {_times(cases[path], 'production case')}"
    mended = {path: _within(memory.mends.get(path, ()), now - MEMORY, now) for path in files}
    for path in sorted((path for path in files if mended[path]), key=lambda path: (-mended[path], path))[:2]:
        yield f"{path} was mended {_times(mended[path], 'time')} in 180 days"
    churn = {path: _within(memory.touches.get(path, ()), now - MEMORY / 2, now) for path in files}
    busy = sorted((path for path in files if churn[path] >= 10), key=lambda path: (-churn[path], path))
    for path in busy[:2]:
        yield f"{path} changed {churn[path]} times in 90 days"
    lines = sum(files.values())
    if lines:
        yield f"{lines} lines in {_times(len(files), 'file')}"


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
