"""Two rates, looked at again and again: intervals and p-values that stay true however often, and whenever, one looks.

The likelihood of the ratio r of two Poisson rates, the unknown rate integrated out with its right Haar prior, is
r^x₁ (T₀ + r·T₁)^-(x₀+x₁); mixed over fixed alternatives and divided by its value at r₀ it is an e-process for r₀, so that by Ville's
inequality it ever exceeds 1/α with probability at most α. Sources: Howard, Ramdas, McAuliffe & Sekhon 2021 (confidence sequences by
mixtures); Pérez-Ortiz, Lardy, de Heide & Grünwald 2024 (nuisance scale parameters); Lindon & Malek 2022 (count processes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, log

_ALPHA = 0.05
_GONE = 0.45  # the share of the prior on "it never happens again", which is what most fixes do
_USUAL = 4.0  # how far the bulk of the other alternatives reaches, either way
_STEPS = range(-40, 29)  # alternatives 2^(step / 2): from a millionth to sixteen thousand times the rate
_FAR = 60.0


def _alternatives() -> tuple[tuple[float, float], ...]:
    ratios = [2.0 ** (step / 2) for step in _STEPS if step]
    weights = [(1 + (log(ratio) / log(_USUAL)) ** 2) ** -1.5 for ratio in ratios]
    rest = (1 - _GONE) / sum(weights)
    return ((0.0, _GONE), *((ratio, weight * rest) for ratio, weight in zip(ratios, weights, strict=True)))


_PRIOR = _alternatives()
_LESS = tuple((ratio, weight) for ratio, weight in _PRIOR if ratio < 1)
_LOG = {ratio: log(ratio) for ratio, _ in _PRIOR if ratio}
_LOG_WEIGHT = {ratio: log(weight) for ratio, weight in _PRIOR}
_MORE = tuple((ratio, weight) for ratio, weight in _PRIOR if ratio > 1)


@dataclass(frozen=True, slots=True)
class Rates:
    """Independent events over exposure, before and after."""

    before: float
    after: float
    exposure_before: float
    exposure_after: float

    @property
    def ratio(self) -> float:
        """The rate after over the rate before; infinite when there was none before."""
        return self.after / self.exposure_after * self.exposure_before / self.before if self.before else inf

    def log_likelihood(self, ratio: float) -> float:
        if ratio == 0:
            return -inf if self.after else -self.before * log(self.exposure_before)
        return self.after * log(ratio) - (self.before + self.after) * log(self.exposure_before + ratio * self.exposure_after)


def interval(rates: Rates) -> tuple[float, float | None]:
    """The ratios that were not refuted at 5 %, at any time: about the ratio seen. The upper end is None where none can be refuted."""
    top = log(rates.ratio) if rates.before and rates.after else _FAR if rates.after else -_FAR
    low = _edge(rates, -_FAR, top) if rates.after else 0.0
    if not rates.before or rates.log_likelihood(exp(_FAR)) > _bar(rates):
        return low, None
    return low, _edge(rates, _FAR, top)


def below(rates: Rates, ratio: float) -> bool:
    """Whether the interval ends below this ratio: one evaluation, not a search."""
    return rates.ratio < ratio and rates.log_likelihood(ratio) <= _bar(rates)


def above(rates: Rates, ratio: float) -> bool:
    """Whether the interval begins above this ratio."""
    return rates.ratio > ratio and rates.log_likelihood(ratio) <= _bar(rates)


def p_less(rates: Rates) -> float:
    """The chance to see so few after, at any of the times that one may look, if the rate had not fallen."""
    return _p(rates, _LESS)


def p_more(rates: Rates) -> float:
    """The chance to see so many after, at any of the times that one may look, if the rate had not risen."""
    return _p(rates, _MORE)


def _p(rates: Rates, side: Sequence[tuple[float, float]]) -> float:
    whole = log(sum(weight for _, weight in side))
    return exp(min(0.0, rates.log_likelihood(1.0) + whole - _mixed(rates, side)))


def _bar(rates: Rates) -> float:
    return log(_ALPHA) + _mixed(rates, _PRIOR)


def _mixed(rates: Rates, side: Sequence[tuple[float, float]]) -> float:
    whole, before, after = rates.before + rates.after, rates.exposure_before, rates.exposure_after
    terms = [rates.after * _LOG[ratio] - whole * log(before + ratio * after) + _LOG_WEIGHT[ratio] for ratio, _ in side if ratio]
    if side[0][0] == 0 and not rates.after:
        terms.append(rates.log_likelihood(0.0) + _LOG_WEIGHT[0.0])
    top = max(terms)
    return top + log(sum(exp(term - top) for term in terms))


def _edge(rates: Rates, outside: float, inside: float) -> float:
    """Where the likelihood crosses the bar, on the scale of logarithms."""
    bar = _bar(rates)
    return exp(crossing(lambda x: rates.log_likelihood(exp(x)) > bar, outside, inside))


def crossing(true_at: Callable[[float], bool], false_end: float, true_end: float) -> float:
    """The point between the ends where the condition begins to hold, by halving; from its false side."""
    for _ in range(80):
        middle = (false_end + true_end) / 2
        if middle in (false_end, true_end):
            break
        false_end, true_end = (false_end, middle) if true_at(middle) else (middle, true_end)
    return false_end
