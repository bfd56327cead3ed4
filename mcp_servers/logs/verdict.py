"""Did the fix help? Exact answers for two counts over two exposures: few events and silence are where intuition fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from mcp_servers.logs import statistics

Word = Literal["verified", "improved", "not_shown_yet", "worse", "no_exposure"]

_HALF = 0.5
_SURE = 0.01
_CONFIDENT = 0.975
_FOREVER = 1e9


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often it happened, and how many chances it had: requests served (0 when they are not known) and minutes watched."""

    events: int
    requests: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ratio` is the rate after over the rate before, `low` to `high` its exact 95 % interval (None: without bound, or not known).

    `p` is the chance to see so few events after if nothing had changed. `needed` is how much more exposure, in `unit`,
    without one further event would make it verified (0 when it is, None when no silence could show it).
    """

    word: Word
    p: float
    ratio: float | None
    low: float | None
    high: float | None
    explain: str
    needed: float | None
    unit: Literal["requests", "minutes"]


@dataclass(frozen=True, slots=True)
class _Counts:
    before: int
    after: int
    time_before: float
    time_after: float

    @property
    def p(self) -> float:
        return statistics.binomial_at_most(self.after, self.before + self.after, self.time_after / (self.time_before + self.time_after))

    @property
    def interval(self) -> tuple[float, float | None]:
        low, high = statistics.clopper_pearson(self.after, self.before + self.after)
        scale = self.time_before / self.time_after
        return scale * low / (1 - low), None if high >= 1 else scale * high / (1 - high)

    @property
    def verified(self) -> bool:
        """Whether the interval ends below one half (asked of the distribution itself: one evaluation, not a search) and p is small."""
        if not self.before:
            return False
        at_half = _HALF * self.time_after / (self.time_before + _HALF * self.time_after)
        return statistics.beta_cdf(at_half, self.after + 1, self.before) > _CONFIDENT and self.p < _SURE


def compare(before: Exposure, after: Exposure) -> Verdict:
    """The verdict over two periods: verified means that the rate at most halved, with 95 % confidence, and p < .01."""
    by_requests = before.requests > 0 and (after.requests > 0 or after.events == 0)
    unit: Literal["requests", "minutes"] = "requests" if by_requests else "minutes"
    counts = _Counts(
        before.events,
        after.events,
        float(before.requests) if by_requests else before.minutes,
        float(after.requests) if by_requests else after.minutes,
    )
    if counts.time_before <= 0 or counts.time_after <= 0:
        when = "after the fix" if counts.time_after <= 0 else "before the fix"
        return Verdict("no_exposure", 1.0, None, None, None, f"Nothing can be said: no {unit} were seen {when}.", None, unit)
    if before.events + after.events == 0:
        return Verdict("not_shown_yet", 1.0, None, None, None, "The event was seen neither before nor after the fix.", None, unit)
    return _judge(counts, unit)


def _judge(counts: _Counts, unit: Literal["requests", "minutes"]) -> Verdict:
    low, high = counts.interval
    needed = _needed(counts)
    word = _word(counts)
    ratio = counts.after / counts.time_after / (counts.before / counts.time_before) if counts.before else None
    return Verdict(word, counts.p, ratio, low, high, _explain(word, counts, unit, needed), needed, unit)


def _word(counts: _Counts) -> Word:
    low, high = counts.interval
    if counts.verified:
        return "verified"
    if high is not None and high < 1:
        return "improved"
    return "worse" if low > 1 else "not_shown_yet"


def _needed(counts: _Counts) -> float | None:
    """How much longer it must stay silent: both conditions can only get truer as silence lasts, so the point is found by halving."""
    if counts.verified:
        return 0.0
    if not counts.before:
        return None

    def enough(more: float) -> bool:
        return replace(counts, time_after=counts.time_after + more).verified

    longest = counts.time_before
    while not enough(longest):
        longest *= 2
        if longest > _FOREVER * counts.time_before:
            return None
    return _first(enough, longest)


def _first(enough: Callable[[float], bool], high: float) -> float:
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _explain(word: Word, counts: _Counts, unit: str, needed: float | None) -> str:
    high = counts.interval[1]
    bound = "with no upper bound yet" if high is None else f"at most {_figure(high)} times the rate before, with 95 % confidence"
    seen = (
        f"{counts.before} {'event' if counts.before == 1 else 'events'} in {_figure(counts.time_before)} {unit} before, {counts.after} in {_figure(counts.time_after)} after: "
        f"{bound} (p = {counts.p:.2g})."
    )
    if word == "verified" or needed is None:
        return seen
    return f"{seen} {_figure(needed)} more {unit} without one would verify it."


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"
