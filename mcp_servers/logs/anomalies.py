"""From a window of log records to the few problems worth a case, and to what was seen and rightly left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs import signals, spikes, stacktrace
from mcp_servers.logs.fingerprint import Fingerprint
from mcp_servers.logs.folding import Folded, Problem, fold
from mcp_servers.logs.groups import Group, collect, headline
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.narration import Impact, explain
from mcp_servers.logs.quiet import LeftAlone, Outcomes, reason_to_leave
from mcp_servers.logs.signals import Signal
from mcp_servers.logs.spikes import Series, Span, Spike
from mcp_servers.logs.templates import Template
from mcp_servers.logs.traffic import Request, Traffic

Kind = Literal["new_error", "rate_spike", "repeated_error", "truncation", "slow", "duplicate", "new_template"]
Level = Literal["HIGH", "MEDIUM", "LOW"]

_ENOUGH_ERRORS = 3
_ENOUGH_SYMPTOMS = 2
_ENOUGH_DUPLICATES = 11
_CLEARLY_MORE = 2.0
_LONGEST_BODY = 2000
_SAMPLES = 3
_SHORTEST_WINDOW = timedelta(seconds=10)
_ORDER = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}
_SYMPTOMS: dict[Signal, tuple[Kind, int, Level]] = {
    Signal.TRUNCATION: ("truncation", _ENOUGH_SYMPTOMS, "MEDIUM"),
    Signal.SLOW: ("slow", _ENOUGH_SYMPTOMS, "MEDIUM"),
    Signal.DUPLICATE: ("duplicate", _ENOUGH_DUPLICATES, "LOW"),
}


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something else that the same requests said; `title` is one such message with its numbers."""

    title: str
    template: str
    count: int
    sample: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One problem with its evidence. `concurrency` is the most requests at a time, `requests` how many the service answered in the window."""

    id: str
    kind: Kind
    title: str
    service: str
    severity: Level
    error_type: str
    fingerprint: Fingerprint
    template: Template
    count: int
    requests: int
    rate_per_minute: float
    first_seen: datetime
    last_seen: datetime
    onset: datetime
    releases: dict[str, int]
    trace: StackTrace | None
    message: str
    numbers: dict[str, float]
    samples: tuple[LogRecord, ...]
    request: tuple[Request, ...]
    concurrency: int
    also: tuple[Symptom, ...]
    explain: str

    def as_json(self) -> dict[str, Any]:
        """The value that a case stores as evidence; `trace` is left out when there is none."""
        plain = (
            "id",
            "kind",
            "title",
            "service",
            "severity",
            "error_type",
            "count",
            "requests",
            "rate_per_minute",
            "releases",
            "message",
            "numbers",
        )
        value: dict[str, Any] = {name: getattr(self, name) for name in plain}
        value |= {name: getattr(self, name).isoformat() for name in ("first_seen", "last_seen", "onset")}
        value["fingerprint"] = self.fingerprint.as_json()
        value["template"] = {"id": self.template.id, "text": self.template.text}
        value["samples"] = [_sample_json(record) for record in self.samples]
        value["request"] = [request.as_json() for request in self.request]
        value["concurrency"] = self.concurrency
        value["also"] = [{"title": one.title, "template": one.template, "count": one.count, "sample": one.sample} for one in self.also]
        value["explain"] = self.explain
        return value if self.trace is None else {**value, "trace": self.trace.as_json()}


@dataclass(frozen=True, slots=True)
class Findings:
    """The anomalies, gravest first, and what looked like one but is not."""

    anomalies: tuple[Anomaly, ...]
    left_alone: tuple[LeftAlone, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """Everything an anomaly is told against."""

    now: datetime
    span: Span
    minutes: float
    traffic: Traffic
    has_baseline: bool


def find(records: Sequence[LogRecord], *, now: datetime, baseline: Sequence[LogRecord] = (), app_roots: Sequence[str] = ()) -> Findings:
    """What is wrong in these records, compared with the baseline when there is one. Counts are of the window only."""
    records, baseline = _prepared(records, app_roots), _prepared(baseline, app_roots)
    window = _window(records, now, bool(baseline))
    marked = signals.mark(records)
    groups = collect(marked, signals.mark(baseline))
    outcomes = Outcomes(marked, window.traffic)
    settled = {id(group): reason for group in groups if (reason := outcomes.settled(group))}
    folded = fold([group for group in groups if id(group) not in settled], window.traffic.trace_ids)
    found_spikes = _spikes(groups, baseline, window)
    anomalies: list[Anomaly] = []
    left = [LeftAlone(group.title, settled[id(group)], group.count) for group in groups if id(group) in settled]
    for problem in (*folded.problems, *(Problem(group) for group in folded.others)):
        judged = _judge(problem, found_spikes.get(id(problem.lead)), window)
        if judged is not None:
            anomalies.append(_anomaly(problem, *judged, found_spikes.get(id(problem.lead)), window))
        else:
            left.append(LeftAlone(problem.lead.title, reason_to_leave(problem.lead), problem.lead.count))
    left += _consequences(folded)
    anomalies.sort(key=lambda anomaly: (_ORDER[anomaly.severity], -anomaly.count, anomaly.title))
    return Findings(tuple(anomalies), tuple(sorted(left, key=lambda one: (-one.count, one.title))))


def _prepared(records: Sequence[LogRecord], app_roots: Sequence[str]) -> list[LogRecord]:
    marked = [
        replace(record, trace=stacktrace.mark_in_app(record.trace, app_roots)) if app_roots and record.trace else record
        for record in records
    ]
    dated = [record.timestamp for record in marked if record.timestamp is not None]
    earliest = min(dated, default=None)
    return sorted(marked, key=lambda record: record.timestamp or earliest or datetime.min) if dated else marked


def _window(records: Sequence[LogRecord], now: datetime, has_baseline: bool) -> _Window:
    times = [record.timestamp for record in records if record.timestamp is not None]
    start, end = min(times, default=now), max(times, default=now)
    length = end - start if end - start >= _SHORTEST_WINDOW else timedelta(minutes=1)
    return _Window(now, Span(start, end + timedelta(microseconds=1)), length / timedelta(minutes=1), Traffic(records), has_baseline)


def _spikes(groups: Sequence[Group], baseline: Sequence[LogRecord], window: _Window) -> dict[int, Spike]:
    times = sorted(record.timestamp for record in baseline if record.timestamp is not None)
    if not times:
        return {}
    past = Traffic(baseline)
    series: list[Series] = []
    for group in groups:
        before, during = past.times(group.service), window.traffic.times(group.service)
        comparable = bool(before and during)
        seen = sorted(record.timestamp for record in group.before if record.timestamp is not None)
        series.append(Series(seen, group.times, before if comparable else (), during if comparable else ()))
    span = Span(times[0], times[-1] + timedelta(microseconds=1))
    found = spikes.find(series, span, window.span)
    return {id(group): spike for group, spike in zip(groups, found, strict=True) if spike is not None and spike.ratio >= _CLEARLY_MORE}


def _judge(problem: Problem, spike: Spike | None, window: _Window) -> tuple[Kind, Level] | None:
    """Kind and severity, or None when it is not (yet) worth a case."""
    group = problem.lead
    known = bool(group.before)
    if group.signal in (Signal.ERROR, Signal.FAILED_REQUEST):
        if group.count < _ENOUGH_ERRORS and group.lead.trace is None:
            return None
        level: Level = "HIGH" if group.count >= _ENOUGH_ERRORS else "MEDIUM"
        if known and spike:
            return "rate_spike", level
        fresh = not known and (window.has_baseline or group.count < _ENOUGH_ERRORS)
        return ("new_error" if fresh else "repeated_error"), level
    if group.signal in _SYMPTOMS:
        kind, enough, symptom_level = _SYMPTOMS[group.signal]
        return (kind, symptom_level) if group.count >= enough else None
    if known and spike and group.count >= _ENOUGH_ERRORS:
        return "rate_spike", "MEDIUM"
    fresh = window.has_baseline and not known and group.signal in (Signal.WARNING, Signal.NOTICE)
    return ("new_template", "LOW") if fresh and group.count >= _ENOUGH_ERRORS else None


def _anomaly(problem: Problem, kind: Kind, level: Level, spike: Spike | None, window: _Window) -> Anomaly:
    group = problem.lead
    trace = group.lead.trace
    message = trace.root.message if trace else group.lead.body
    first, last = (group.times[0], group.times[-1]) if group.times else (window.now, window.now)
    impact = _impact(problem, window)
    releases = dict(sorted(Counter(record.release for record in group.records if record.release).items()))
    return Anomaly(
        id=f"an_{sha256(f'{group.service}|{group.signal}|{group.key}'.encode()).hexdigest()[:12]}",
        kind=kind,
        title=group.title,
        service=group.service,
        severity=level,
        error_type="performance"
        if kind == "slow"
        else signals.error_type(" ".join((group.title, message, *(one.title for one in problem.also)))),
        fingerprint=group.fingerprint or Fingerprint(0, "", ""),
        template=group.template,
        count=group.count,
        requests=len(window.traffic.of(group.service)),
        rate_per_minute=round(group.count / window.minutes, 2),
        first_seen=first,
        last_seen=last,
        onset=spike.onset if spike and group.before else first,
        releases=releases,
        trace=trace,
        message=message[:_LONGEST_BODY],
        numbers=_numbers(group, spike),
        samples=tuple(_different(group)),
        request=window.traffic.samples(group.records),
        concurrency=window.traffic.concurrency(group.service),
        also=tuple(_symptom(one) for one in problem.also),
        explain=explain(group, impact, spike),
    )


def _impact(problem: Problem, window: _Window) -> Impact:
    group = problem.lead
    requests = len(window.traffic.of(group.service))
    statuses = window.traffic.statuses(group.trace_ids, group.service)
    return Impact(window.minutes, requests, statuses, window.span, window.has_baseline)


def _numbers(group: Group, spike: Spike | None) -> dict[str, float]:
    numbers: dict[str, float] = {"baseline": len(group.before)}
    return numbers | {"p": spike.p, "ratio": round(spike.ratio, 2)} if spike else numbers


def _different(group: Group) -> list[LogRecord]:
    """At most three records: the leading one, then such that say something else."""
    chosen = {group.lead.body: group.lead}
    for record in group.records:
        if len(chosen) >= _SAMPLES:
            break
        chosen.setdefault(record.body, record)
    return list(chosen.values())


def _symptom(group: Group) -> Symptom:
    return Symptom(
        group.title,
        group.template.text,
        group.count,
        headline(group.lead, group.signal) if group.lead.trace else group.lead.body[:_LONGEST_BODY],
    )


def _consequences(folded: Folded) -> list[LeftAlone]:
    return [
        LeftAlone(group.title, "consequence of " + "; ".join(cause.title for cause in causes[:3]), group.count)
        for group, causes in folded.consequences
    ]


def _sample_json(record: LogRecord) -> dict[str, Any]:
    value: dict[str, Any] = {"body": record.body[:_LONGEST_BODY], "origin": record.origin, "trace_id": record.trace_id}
    value = {name: text for name, text in value.items() if text}
    if record.timestamp is not None:
        value["at"] = record.timestamp.isoformat()
    attributes = {name: item for name, item in record.attributes.items() if name not in ("exception.stacktrace", "exc_info", "stack")}
    return {**value, "attributes": attributes} if attributes else value
