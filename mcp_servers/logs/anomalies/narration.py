"""An anomaly in plain words, with its numbers: how often, who felt it, since when, in what rhythm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mcp_servers.logs.anomalies import onset
from mcp_servers.logs.anomalies.groups import Group
from mcp_servers.logs.anomalies.spikes import Span, Spike
from mcp_servers.logs.statistics import monotone

_PARTS = 12
_BURST = 0.6
_FEW = 5
_SURE = 0.01


@dataclass(frozen=True, slots=True)
class Impact:
    """The window in minutes, the requests its service answered, how those of the anomaly ended, by status code, and how many users and
    clients are behind them; whether there is a past to compare with."""

    minutes: float
    requests: int
    statuses: Mapping[int, int]
    span: Span
    has_baseline: bool
    users: int = 0
    clients: int = 0


def explain(group: Group, impact: Impact, spike: Spike | None) -> str:
    """Two to six short sentences: frequency, user impact by status codes, timing, releases, comparison."""
    sentences = [
        _frequency(group, impact),
        _felt(impact),
        _people(impact),
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


def _people(impact: Impact) -> str:
    told = [f"{number} {_plural(noun, number)}" for number, noun in ((impact.users, "user"), (impact.clients, "client address")) if number]
    return f"It concerns {' from '.join(told)}." if told else ""


def _rhythm(group: Group, span: Span) -> str:
    """One burst, a trend that chance does not explain, or steady; and the beat of what comes by the clock."""
    times = group.times
    if len(times) < _FEW:
        return ""
    length = span.length.total_seconds()
    places = [min(1.0, max(0.0, (time - span.start).total_seconds() / length)) for time in times]
    parts = Counter(min(_PARTS - 1, int(place * _PARTS)) for place in places)
    if max(parts.values()) > _BURST * len(times):
        return f"Timing: in one burst around {_clock(times[len(times) // 2])}."
    beat = onset.period(times)
    clock = f" It comes every {_span(beat)}." if beat else ""
    z = monotone.laplace(places)
    if monotone.normal_above(abs(z)) * 2 >= _SURE:
        return f"Timing: steady since {_clock(times[0])}.{clock}"
    late = sum(place >= 0.5 for place in places)
    early = len(times) - late
    trend = (
        f"rising, {late} in the second half of the window after {early}" if z > 0 else f"falling, {late} in the second half after {early}"
    )
    return f"Timing: {trend}, since {_clock(times[0])}.{clock}"


def _releases(group: Group) -> str:
    releases = sorted({record.release for record in group.records if record.release})
    if not releases:
        return ""
    return f"Only in release {releases[0]}." if len(releases) == 1 else f"In releases {', '.join(releases)}."


def _compared(group: Group, spike: Spike | None, impact: Impact) -> str:
    if spike:
        return f"That is {spike.ratio:.1f} times the usual rate (95 %: {spike.low:.1f} to {spike.high:.1f}; p = {spike.p:.1g})."
    if not impact.has_baseline:
        return ""
    return f"The baseline holds {len(group.before)} of it." if group.before else "The baseline does not know it."


def _clock(time: datetime) -> str:
    return time.strftime("%H:%M:%S")


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.2g} s" if seconds < 90 else f"{seconds / 60:.3g} minutes" if seconds < 5400 else f"{seconds / 3600:.3g} hours"


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}es" if noun.endswith("s") else f"{noun}s"
