"""An anomaly in plain words, with its numbers: how often, who felt it, since when, in what rhythm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mcp_servers.logs.groups import Group
from mcp_servers.logs.spikes import Span, Spike

_PARTS = 12
_BURST = 0.6
_FEW = 5


@dataclass(frozen=True, slots=True)
class Impact:
    """The window in minutes, the requests its service answered, and how those of the anomaly ended, by status code; whether there is a past to compare with."""

    minutes: float
    requests: int
    statuses: Mapping[int, int]
    span: Span
    has_baseline: bool


def explain(group: Group, impact: Impact, spike: Spike | None) -> str:
    """Two to five short sentences: frequency, user impact by status codes, timing, releases, comparison."""
    sentences = [
        _frequency(group, impact),
        _felt(impact),
        _rhythm(group, impact.span),
        _releases(group),
        _compared(group, spike if group.before else None, impact),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _frequency(group: Group, impact: Impact) -> str:
    where = f" in {group.service}" if group.service else ""
    return f"Seen {group.count} {_plural('time', group.count)}{where}, {group.count / impact.minutes:.1f} a minute."


def _felt(impact: Impact) -> str:
    if not impact.statuses:
        return f"The service answered {impact.requests} requests meanwhile." if impact.requests else ""
    told = ", ".join(f"{number} with {status}" for status, number in sorted(impact.statuses.items()))
    failed = sum(number for status, number in impact.statuses.items() if status >= 500)
    share = f" ({failed / impact.requests:.1%} of {impact.requests} requests failed by it)" if impact.requests and failed else ""
    return f"Users felt it: requests ended {told}{share}." if failed else f"Its requests ended {told}."


def _rhythm(group: Group, span: Span) -> str:
    times = group.times
    if len(times) < _FEW:
        return ""
    length = (span.end - span.start).total_seconds()
    parts = Counter(min(_PARTS - 1, int((time - span.start).total_seconds() / length * _PARTS)) for time in times)
    if max(parts.values()) > _BURST * len(times):
        return f"Timing: in one burst around {_clock(times[len(times) // 2])}."
    late = sum(number for part, number in parts.items() if part >= _PARTS // 2)
    early = len(times) - late
    trend = "rising" if late >= 2 * early else "falling" if early >= 2 * late else "steady"
    return f"Timing: {trend} since {_clock(times[0])}."


def _releases(group: Group) -> str:
    releases = sorted({record.release for record in group.records if record.release})
    if not releases:
        return ""
    return f"Only in release {releases[0]}." if len(releases) == 1 else f"In releases {', '.join(releases)}."


def _compared(group: Group, spike: Spike | None, impact: Impact) -> str:
    if spike:
        return f"That is {spike.ratio:.1f} times the usual rate (p = {spike.p:.1g})."
    if not impact.has_baseline:
        return ""
    return f"The baseline holds {len(group.before)} of it." if group.before else "The baseline does not know it."


def _clock(time: datetime) -> str:
    return time.strftime("%H:%M:%S")


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
