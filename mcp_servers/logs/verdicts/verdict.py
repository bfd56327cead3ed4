"""Did the fix help? Two counts over two exposures, judged so that asking again and again does not make it come true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mcp_servers.logs.statistics import sequential
from mcp_servers.logs.statistics.sequential import Rates

Word = Literal["verified", "improved", "not_shown_yet", "worse", "no_exposure"]
Unit = Literal["requests", "minutes"]

_HALF = 0.5
_SURE = 0.01
_FOREVER = 1e9


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often it happened, and how many chances it had: requests served (0 when they are not known) and minutes watched."""

    events: int
    requests: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ratio` is the rate after over the rate before, `low` to `high` its 95 % interval (None: without bound, or not known).

    `p` is the chance to see a difference like this, at any of the times one may look, if nothing had changed. `needed` is how
    much more exposure, in `unit`, without one further event would make it verified (0 when it is, None when no silence could).
    """

    word: Word
    p: float
    ratio: float | None
    low: float | None
    high: float | None
    explain: str
    needed: float | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Clumping:
    """How many events come at a time: variance over mean of counts before, over the whole time, and over parts as long as the time after.

    Where the time after is silent, the second is at most what the gaps between events before tell: they are how long silence lasts by itself.
    """

    before: float = 1.0
    after: float = 1.0


@dataclass(frozen=True, slots=True)
class _Counts:
    """What was seen; as rates, so many events at a time count as one."""

    before: int
    after: int
    exposure_before: float
    exposure_after: float
    clumping: Clumping

    @property
    def rates(self) -> Rates:
        early, late = self.clumping.before, self.clumping.after
        return Rates(self.before / early, self.after / late, self.exposure_before / early, self.exposure_after / late)


def compare(before: Exposure, after: Exposure, *, clumping: Clumping | None = None, opening: int = 0) -> Verdict:
    """The verdict over two periods: verified means that the rate at most halved, with 95 % confidence, and p < .01.

    `opening` events are the reason why the time before begins where it does: they are no evidence for its rate and do not count.
    """
    by_requests = before.requests > 0 and (after.requests > 0 or after.events == 0)
    unit: Unit = "requests" if by_requests else "minutes"
    counts = _Counts(
        max(0, before.events - opening),
        after.events,
        float(before.requests) if by_requests else before.minutes,
        float(after.requests) if by_requests else after.minutes,
        clumping or Clumping(),
    )
    if counts.exposure_before <= 0 or counts.exposure_after <= 0:
        when = "after the fix" if counts.exposure_after <= 0 else "before the fix"
        return Verdict("no_exposure", 1.0, None, None, None, f"Nothing can be said: no {unit} were seen {when}.", None, unit)
    if before.events + after.events == 0:
        return Verdict("not_shown_yet", 1.0, None, None, None, "The event was seen neither before nor after the fix.", None, unit)
    return _judge(counts, unit, before.events)


def _judge(counts: _Counts, unit: Unit, seen_before: int) -> Verdict:
    rates = counts.rates
    low, high = sequential.interval(rates)
    needed = _needed(counts)
    p = sequential.p_more(rates) if rates.ratio > 1 else sequential.p_less(rates)
    word = word_of(rates)
    ratio = rates.ratio if rates.before else None
    return Verdict(word, p, ratio, low, high, _explain(word, counts, unit, high, p, needed, seen_before), needed, unit)


def word_of(rates: Rates) -> Word:
    """The word alone: three evaluations and no search."""
    if _verified(rates):
        return "verified"
    if rates.before and sequential.below(rates, 1.0):
        return "improved"
    return "worse" if sequential.above(rates, 1.0) and sequential.p_more(rates) < _SURE else "not_shown_yet"


def _verified(rates: Rates) -> bool:
    return rates.before > 0 and sequential.below(rates, _HALF) and sequential.p_less(rates) < _SURE


def _needed(counts: _Counts) -> float | None:
    """How much longer it must stay silent: silence only adds to what speaks for the fix, so the point is found by halving."""
    if _verified(counts.rates):
        return 0.0
    if not counts.before:
        return None

    def enough(more: float) -> bool:
        return _verified(replace(counts, exposure_after=counts.exposure_after + more).rates)

    longest = counts.exposure_before
    while not enough(longest):
        longest *= 2
        if longest > _FOREVER * counts.exposure_before:
            return None
    return _above(sequential.crossing(enough, 0.0, longest))


def _above(edge: float) -> float:
    return edge * (1 + 1e-9)


def _explain(word: Word, counts: _Counts, unit: Unit, high: float | None, p: float, needed: float | None, seen_before: int) -> str:
    bound = "with no upper bound yet" if high is None else f"at most {_figure(high)} times the rate before, with 95 % confidence"
    seen = (
        f"{seen_before} {'event' if seen_before == 1 else 'events'} in {_figure(counts.exposure_before)} {unit} before, "
        f"{counts.after} in {_figure(counts.exposure_after)} after: {bound} (p = {p:.2g}, however often one looks)."
    )
    if counts.clumping.after > 1:
        seen += f" Before, events came about {_figure(counts.clumping.after)} at a time: they count for that much less."
    if word == "verified" or needed is None:
        return seen
    return f"{seen} {_figure(needed)} more {unit} without one would verify it."


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"
