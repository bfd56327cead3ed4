"""Kinds of line that never came before, and kinds that came all the time and stay away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, expm1, log1p

from mcp_servers.logs.anomalies import onset, spikes
from mcp_servers.logs.anomalies.anomaly import Finding, Noticed
from mcp_servers.logs.anomalies.census import Census, LineKind, times
from mcp_servers.logs.anomalies.quiet import LeftAlone
from mcp_servers.logs.anomalies.spikes import Span
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.statistics.prediction import Baseline, learned

SeenFirst = Callable[[LogRecord], datetime | None]
"""Tells when the first record of this one's kind was written, as far as anybody remembers."""

_LEAST_LINES = 20
USUALLY_NEW = 0.5
_ONE_BURST = timedelta(seconds=1)
_GONE = 0.2
_MISSED = 5
_SHORTEST = timedelta(minutes=1)
_SILENT = " fell silent"


@dataclass(frozen=True, slots=True)
class Surprise:
    """How a service makes new kinds of line: `one_offs` are the sizes of those confined to one stretch as long as the window.

    `chance` is Good–Turing's for a new kind in the window: 1 − (1 − S)^m, S = one-offs / N of the baseline, m lines in the window
    (Good 1953; a one-off kind is a singleton when its lines are not repeated).
    """

    one_offs: Sequence[int]
    baseline_lines: int
    window_lines: int

    @property
    def chance(self) -> float:
        share = min(1.0, len(self.one_offs) / max(self.baseline_lines, 1))
        return 1.0 if share >= 1 else -expm1(self.window_lines * log1p(-share))

    def at_least(self, bursts: int) -> float:
        """The chance of a new kind with so many bursts or more.

        With no one-offs, that every burst of a steady kind fell into the window; else that one more one-off is so large, sizes being
        exponential (Lomax predictive).
        """
        ratio = self.window_lines / max(self.baseline_lines, 1)
        steady = (ratio / (1 + ratio)) ** bursts
        if not self.one_offs:
            return steady
        number = len(self.one_offs) + 0.5
        larger = (1 + (bursts - 1) / (sum(self.one_offs) - len(self.one_offs) + 1)) ** -number
        return max(steady, 1 - exp(-number * ratio * larger))


def surprises(census: Census, window: Span) -> dict[str, Surprise]:
    """How each service makes new kinds of line; services with too short a baseline are left out."""
    found: dict[str, Surprise] = {}
    for service, kinds in census.of_service.items():
        before = sum(len(kind.before) for kind in kinds)
        if before >= _LEAST_LINES:
            during = sum(len(kind.during) for kind in kinds if kind.before)
            found[service] = Surprise([_bursts(times(kind.before)) for kind in kinds if _confined(kind, window)], before, max(during, 1))
    return found


def nobody_knows(_: LogRecord) -> None:
    """Where nothing is remembered."""


def new(census: Census, baseline: Span, window: Span, seen_first: SeenFirst) -> Noticed:
    """Kinds that no baseline line is of and that nobody remembers, with how usual new kinds are for their service."""
    findings: list[Finding] = []
    left: list[LeftAlone] = []
    tests = 0
    of_service = census.of_service
    for service, surprise in surprises(census, window).items():
        tests += len(of_service[service])
        fresh = [kind for kind in of_service[service] if not kind.before and not kind.is_access]
        back = [(kind, moment) for kind in fresh if (moment := seen_first(kind.during[0])) and moment < window.start]
        left += [_back(kind, moment) for kind, moment in back]
        fresh = [kind for kind in fresh if all(kind is not one for one, _ in back)]
        findings += [_new(kind, surprise, baseline) for kind in fresh if not _is_error(kind)]
        if fresh and surprise.chance > USUALLY_NEW:
            left.append(_always_new(service, fresh, surprise, baseline))
    return Noticed(tuple(findings), tuple(left), tests)


def vanished(census: Census, baseline: Span, window: Span) -> Noticed:
    """Services and kinds of line that stopped: the lower tail of what the baseline predicts for the window and for its second half.

    A kind is measured against the other lines of its service, so that a quiet night is no fault; what was rare anyway cannot be missed.
    """
    if window.length < _SHORTEST:
        return Noticed()
    gone: dict[str, list[Finding]] = {}
    tests = 0
    for span in (window, Span(window.start + window.length / 2, window.end)):
        asked = [question for service, kinds in census.of_service.items() for question in _questions(service, kinds, baseline, span)]
        tests += len(asked)
        prior = learned([question.usual[0] for question in asked])
        for question in asked:
            if found := _gone(question, [replace(one, prior=prior) for one in question.usual], span):
                gone.setdefault(f"{found.service}|{found.title}", []).append(found)
    for finding in _overdue(census, window):
        gone[f"{finding.service}|{finding.title}"] = [finding]
    return Noticed(tuple(min(found, key=lambda one: one.p or 0.0) for found in gone.values()), (), tests)


@dataclass(frozen=True, slots=True)
class _Question:
    """Whether so few are surprising: by time, and by the other lines of the service where there is something to compare with."""

    service: str
    title: str
    count: int
    last: datetime
    usual: tuple[Baseline, ...]
    exposures: tuple[float, ...]

    def expected(self, usual: Sequence[Baseline]) -> float:
        return min(one.rate * exposure for one, exposure in zip(usual, self.exposures, strict=True))

    def p(self, usual: Sequence[Baseline]) -> float:
        return max(one.at_most(self.count, exposure) for one, exposure in zip(usual, self.exposures, strict=True))


def _back(kind: LineKind, moment: datetime) -> LeftAlone:
    return LeftAlone(kind.title, f"not new: missing in the baseline, and known since {moment:%Y-%m-%d %H:%M}", len(kind.during))


def _always_new(service: str, fresh: Sequence[LineKind], surprise: Surprise, baseline: Span) -> LeftAlone:
    reason = (
        f"this source always makes new kinds of line: {len(surprise.one_offs)} in {surprise.baseline_lines} lines of a baseline of "
        f"{_minutes(baseline)} came once only, so that new ones are expected (surprise {surprise.chance:.2f})"
    )
    return LeftAlone(f"{len(fresh)} new kinds of line in {service or 'the log'}", reason, sum(len(kind.during) for kind in fresh))


def _overdue(census: Census, window: Span) -> list[Finding]:
    """What came by the clock and missed several beats while its service went on writing: a rule, since a clock leaves nothing to chance."""
    found: list[Finding] = []
    for service, kinds in census.of_service.items():
        newest = max((kind.during[-1].timestamp for kind in kinds if kind.during and kind.during[-1].timestamp), default=None)
        for kind in kinds:
            before = times(kind.before)
            if newest is None or _is_error(kind) or len(before) < _LEAST_LINES:
                continue
            seen = times(kind.during)
            last = seen[-1] if seen else before[-1]
            beat = onset.period(before)
            if beat and newest - last >= beat * _MISSED and window.end - last >= beat * _MISSED and _never_waited(before, beat):
                found.append(_late(service, kind, last, beat, window))
    return found


def _never_waited(moments: Sequence[datetime], beat: timedelta) -> bool:
    return max(later - earlier for earlier, later in pairwise(moments)) <= beat * 2


def _late(service: str, kind: LineKind, last: datetime, beat: timedelta, window: Span) -> Finding:
    missed = int((window.end - last) / beat)
    return Finding(
        kind="vanished",
        level="MEDIUM",
        service=service,
        title=f"missing: {kind.title}"[:160],
        told=f"It came every {beat.total_seconds():.3g} s and is {missed} beats late; last seen {last:%H:%M:%S}.",
        count=len(kind.during),
        numbers={"period_s": round(beat.total_seconds(), 2), "missed": missed},
        onset=last,
    )


def _new(kind: LineKind, surprise: Surprise, baseline: Span) -> Finding:
    count, bursts = len(kind.during), _bursts(times(kind.during))
    told = (
        f"Never seen in a baseline of {surprise.baseline_lines} lines over {_minutes(baseline)}, now {count} {'time' if count == 1 else 'times'}; "
        f"the chance of any new kind of line in such a window is {surprise.chance:.2g} (Good–Turing)."
    )
    return Finding(
        kind="new_template",
        level="LOW",
        service=kind.service,
        title=kind.title,
        told=told,
        count=count,
        records=tuple(kind.during),
        p=surprise.at_least(bursts),
        numbers={"baseline": 0, "surprise": round(surprise.chance, 4)},
        onset=kind.during[0].timestamp,
    )


def _questions(service: str, kinds: Sequence[LineKind], baseline: Span, span: Span) -> list[_Question]:
    spans = spikes.before(span.start, baseline, span.length)
    lines = times(record for kind in kinds for record in kind.before)
    if not spans or len(lines) < _LEAST_LINES:
        return []
    whole = [spikes.counted(lines, one) for one in spans]
    seconds = [one.length.total_seconds() for one in spans]
    now, length = sum(spikes.counted(times(kind.during), span) for kind in kinds), span.length.total_seconds()
    asked = [_Question(service, f"{service or 'the log'}{_SILENT}", now, lines[-1], (Baseline(whole, seconds),), (length,))]
    for kind in kinds:
        before, during = times(kind.before), times(kind.during)
        if not before or _is_error(kind):
            continue
        counts, count = [spikes.counted(before, one) for one in spans], spikes.counted(during, span)
        by_time = (Baseline(counts, seconds), length)
        others = [float(everything - own) for everything, own in zip(whole, counts, strict=True)]
        by_lines = (Baseline(counts, others), float(now - count))
        measures = (by_time, by_lines) if sum(counts) < sum(others) else (by_time,)
        usual, exposures = zip(*measures, strict=True)
        asked.append(_Question(service, kind.title, count, max(before + during), usual, exposures))
    return asked


def _gone(question: _Question, usual: Sequence[Baseline], span: Span) -> Finding | None:
    expected = question.expected(usual)
    if question.count >= _GONE * expected:
        return None
    silent = question.title.endswith(_SILENT)
    told = (
        f"Expected {expected:.0f} times by its rate before, seen {question.count} since {span.start:%H:%M:%S}; "
        f"last seen {question.last:%H:%M:%S}."
    )
    return Finding(
        kind="vanished",
        level="HIGH" if silent and not question.count else "MEDIUM",
        service=question.service,
        title=question.title if silent else f"missing: {question.title}"[:160],
        told=told,
        count=question.count,
        p=question.p(usual),
        numbers={"expected": round(expected, 1), "ratio": round(question.count / expected, 3)},
        onset=question.last,
    )


def _confined(kind: LineKind, window: Span) -> bool:
    seen = times(kind.before)
    return bool(seen) and seen[-1] - seen[0] < window.length and not kind.is_access


def _is_error(kind: LineKind) -> bool:
    """What is an error or a warning is judged as such, elsewhere; that a failing request stays away is no loss."""
    return kind.severity >= Severity.WARN or (kind.is_access and kind.text[-3:] >= "400")


def _bursts(moments: Sequence[datetime]) -> int:
    return 1 + sum(later - earlier > _ONE_BURST for earlier, later in pairwise(moments)) if moments else 0


def _minutes(span: Span) -> str:
    return f"{span.length / timedelta(minutes=1):.0f} minutes"
