"""Exact tails and intervals on log-gamma: what the verdicts and the spike test need, and nothing that weighs more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, lgamma, log, log1p

_TINY = 1e-300
_PRECISION = 1e-15


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(Beta(a, b) ≤ x), the regularised incomplete beta function; raises ValueError unless a and b are positive."""
    if a <= 0 or b <= 0:
        raise ValueError(f"The beta distribution needs positive parameters, not a={a}, b={b}.")
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return min(1.0, front * _continued_fraction(x, a, b) / a)
    return max(0.0, 1.0 - front * _continued_fraction(1 - x, b, a) / b)


def beta_quantile(q: float, a: float, b: float) -> float:
    """The x with P(Beta(a, b) ≤ x) = q."""
    return _root(lambda x: beta_cdf(x, a, b) >= q)


def binomial_at_most(k: int, n: int, p: float) -> float:
    """P(X ≤ k) for X ~ Binomial(n, p)."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else beta_cdf(1 - p, n - k, k + 1)


def binomial_at_least(k: int, n: int, p: float) -> float:
    """P(X ≥ k) for X ~ Binomial(n, p)."""
    if k <= 0:
        return 1.0
    return 0.0 if k > n else beta_cdf(p, k, n - k + 1)


def negative_binomial_at_least(k: int, shape: float, mean: float) -> float:
    """P(X ≥ k) for counts with this mean and variance mean + mean²/shape."""
    if k <= 0:
        return 1.0
    return 0.0 if mean <= 0 else beta_cdf(mean / (mean + shape), k, shape)


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval for a share of which k of n were seen; (0, 1) when nothing was."""
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, k, n - k + 1) if k > 0 else 0.0
    high = beta_quantile(1 - tail, k + 1, n - k) if k < n else 1.0
    return low, high


def benjamini_hochberg(p_values: Sequence[float], q: float, tests: int = 0) -> list[bool]:
    """Which of the tests stay significant when at most the share q of the reported ones may be false.

    `tests` is how many were made when it is more than are listed: those left out count as p = 1.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    passed = 0
    for rank, index in enumerate(order, start=1):
        if p_values[index] <= q * rank / max(len(order), tests):
            passed = rank
    kept = set(order[:passed])
    return [index in kept for index in range(len(p_values))]


def overdispersion(counts: Sequence[int], z: float = 1.645) -> float:
    """Variance over mean of counts of equal exposure where it is significantly above 1, else 1.

    Pearson's χ² over its degrees of freedom, tested by the cube-root approximation of Wilson & Hilferty 1931.
    """
    mean, freedom = sum(counts) / max(len(counts), 1), len(counts) - 1
    if freedom < 1 or mean <= 0:
        return 1.0
    ratio = sum((count - mean) ** 2 for count in counts) / mean / freedom
    spread = 2 / (9 * freedom)
    return ratio if (ratio ** (1 / 3) - (1 - spread)) / spread**0.5 > z else 1.0


def _root(reached: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Lentz's method; the number of steps grows with the square root of a and b."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for coefficient in (even, odd):
            d = 1 / _away_from_zero(1 + coefficient * d)
            c = _away_from_zero(1 + coefficient / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
