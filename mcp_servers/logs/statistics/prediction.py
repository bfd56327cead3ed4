"""How many events the next bucket may hold, after these: a negative-binomial prediction that knows what it does not know.

The rate is Σy/Σe with ½ added to Σy. How much the counts scatter beyond Poisson (k: variance = μ + kμ²) is not one estimate but a
posterior over a grid of k, so that a short baseline cannot pass for a calm one: plugging in the estimate of moments makes tails of
10⁻⁵ twenty times too small. For k = 0 the prediction is the Gamma-Poisson predictive; for every other k it is the negative binomial of
that k, averaged over what the rate may be (log-normal with the variance (1/ȳ + k)/n, by Gauss–Hermite quadrature of three points). What many series of one call have in common is learned from
them (empirical Bayes: Robbins 1956; for negative binomials McCarthy, Chen & Smyth 2012). Tails are mid-p (Lancaster 1961).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, lgamma, log

from mcp_servers.logs import statistics

_GRID = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.4, 2.0, 2.8, 4.0, 6.0, 10.0)
_STEEPNESS = 10
_ROUNDS = 25
_PRIOR_SERIES = 2.0
_HOPELESS = 0.05
_NODES = ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6))

Weights = tuple[float, ...]


def _usual() -> Weights:
    """Half for plain Poisson, the rest falling with k."""
    falling = [(1 + k) ** -_STEEPNESS for k in _GRID[1:]]
    return (0.5, *(0.5 * weight / sum(falling) for weight in falling))


USUAL = _usual()


@dataclass(frozen=True)
class Baseline:
    """Counts of equal or unequal buckets with their exposures (requests, lines or seconds; buckets without exposure say nothing)."""

    counts: Sequence[int]
    exposures: Sequence[float]
    prior: Weights = field(default=USUAL)

    @cached_property
    def rate(self) -> float:
        """Events per exposure; 0 when there was no exposure at all."""
        whole = self._exposure
        return (sum(self.counts) + 0.5) / whole if whole > 0 else 0.0

    @cached_property
    def likelihoods(self) -> Weights:
        """How well each k of the grid explains the counts, the best one as 1."""
        told = Counter((y, e) for y, e in zip(self.counts, self.exposures, strict=True) if e > 0)
        logs = [_log_likelihood(k, told, self.rate) for k in _GRID]
        best = max(logs)
        return tuple(exp(value - best) for value in logs)

    @cached_property
    def weights(self) -> Weights:
        """The posterior over k."""
        return _normalised([p * likelihood for p, likelihood in zip(self.prior, self.likelihoods, strict=True)])

    @property
    def dispersion(self) -> float:
        """The posterior mean of k."""
        return sum(k * weight for k, weight in zip(_GRID, self.weights, strict=True))

    def at_least(self, count: int, exposure: float) -> float:
        """The chance of so many events or more in a bucket of this exposure; 1 for what even Poisson finds usual (above 5 %), or nothing can be said of."""
        if count <= 0 or exposure <= 0 or self.rate <= 0:
            return 1.0
        floor = self._at_least(count, exposure, 0.0)
        return 1.0 if floor > _HOPELESS else self._mixed(count, exposure, upper=True)

    def at_most(self, count: int, exposure: float) -> float:
        """The chance of so few events or fewer in a bucket of this exposure; 1 as for `at_least`."""
        if exposure <= 0 or self.rate <= 0:
            return 1.0
        floor = 1 - self._at_least(count + 1, exposure, 0.0)
        return 1.0 if floor > _HOPELESS else self._mixed(count, exposure, upper=False)

    def ratio(self, count: int, exposure: float) -> tuple[float, float, float]:
        """The rate of a bucket over the usual one, with its 95 % interval (delta method on the logarithm, k at its posterior mean)."""
        ratio = count / (self.rate * exposure)
        events, buckets = sum(self.counts) + 0.5, max(1, sum(e > 0 for e in self.exposures))
        k = self.dispersion
        spread = exp(1.96 * (1 / max(count, 0.5) + k + 1 / events + k / buckets) ** 0.5)
        return ratio, ratio / spread, ratio * spread

    @cached_property
    def _exposure(self) -> float:
        return float(sum(self.exposures))

    def _mixed(self, count: int, exposure: float, *, upper: bool) -> float:
        told = [(weight, k) for weight, k in zip(self.weights, _GRID, strict=True) if weight > 1e-12]
        p = sum(weight * (self._at_least(count, exposure, k) + self._at_least(count + 1, exposure, k)) / 2 for weight, k in told)
        return min(1.0, p if upper else 1 - p)

    def _at_least(self, count: int, exposure: float, k: float) -> float:
        mean = self.rate * exposure
        if k == 0:
            return statistics.negative_binomial_at_least(count, sum(self.counts) + 0.5, mean)
        doubt = ((1 / self._mean + k) / len(self.counts)) ** 0.5
        return sum(weight * statistics.negative_binomial_at_least(count, 1 / k, mean * exp(place * doubt)) for place, weight in _NODES)

    @property
    def _mean(self) -> float:
        return (sum(self.counts) + 0.5) / len(self.counts)


def learned(baselines: Sequence[Baseline]) -> Weights:
    """What these series tell together about k: the prior that makes them likeliest, with the usual one as two more series."""
    told = [one.likelihoods for one in baselines if sum(one.counts) > len(_GRID) and len(one.counts) > 2]
    prior = USUAL
    for _ in range(_ROUNDS if told else 0):
        sums = [_PRIOR_SERIES * weight for weight in USUAL]
        for likelihoods in told:
            posterior = _normalised([p * likelihood for p, likelihood in zip(prior, likelihoods, strict=True)])
            sums = [total + weight for total, weight in zip(sums, posterior, strict=True)]
        prior = _normalised(sums)
    return prior


def _log_likelihood(k: float, told: Counter[tuple[int, float]], rate: float) -> float:
    if k == 0:
        return sum(times * (y * log(rate * e) - rate * e) for (y, e), times in told.items())
    r = 1 / k
    known = {y: lgamma(y + r) - lgamma(r) for y, _ in told}
    return sum(times * (known[y] + r * log(r / (r + rate * e)) + y * log(rate * e / (r + rate * e))) for (y, e), times in told.items())


def _normalised(weights: Sequence[float]) -> Weights:
    whole = sum(weights)
    return tuple(weight / whole for weight in weights)
