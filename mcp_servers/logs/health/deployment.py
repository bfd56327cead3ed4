"""Is a deployment good? Each service after it against the same service before it, and against releases that run beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, sqrt
from typing import Literal

from mcp_servers.logs import statistics
from mcp_servers.logs.digest import text_of
from mcp_servers.logs.health import rates
from mcp_servers.logs.health.observation import Observation, Period, is_error, observe
from mcp_servers.logs.health.service import failures, latency
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.templates import Miner
from mcp_servers.logs.traffic import is_access

Word = Literal["good", "worse", "undecided"]
Suggestion = Literal["go on", "wait", "consider rollback"]
Kind = Literal["errors", "new error", "latency", "missing logs", "silent"]

_FALSE_DISCOVERIES = 0.01
_CLEARLY = 1.5
_SLOWER = 1.25
_ENOUGH_NEW = 3
_EXPECTED = 10
_TOLERATED = 0.01
_TWICE = 2.0
_QUIET_MINUTES = 10.0
_TEMPLATES = 200
_SHORTEST = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that differs after the deployment. `harmful` speaks for a rollback; the rest is worth a look."""

    kind: Kind
    service: str
    text: str
    p: float
    harmful: bool


@dataclass(frozen=True, slots=True)
class Service:
    """One service on both sides: failures among requests (or minutes), before and after; `missing` is how much more is needed to call it good."""

    name: str
    before: Observation
    after: Observation
    unit: str
    exposure_before: float
    exposure_after: float
    missing: float


@dataclass(frozen=True, slots=True)
class Deployment:
    """The word over all services, what to do, why, and what it rests on."""

    word: Word
    suggestion: Suggestion
    because: str
    deployed: datetime
    release: str
    age: Period
    services: tuple[Service, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    finding: Finding
    worth: bool


def baseline(deployed: datetime, now: datetime) -> Period:
    """The time before a deployment to compare with: as long as it runs, but never so short that chance makes the rates."""
    return Period(deployed - max(now - deployed, _SHORTEST), deployed)


def check(records: Sequence[LogRecord], deployed: datetime, now: datetime, release: str = "") -> Deployment:
    """The verdict on a deployment: the time since, against as long before (half an hour at least); with a release, against older ones that still run, too.

    No traffic is undecided, never good. One Benjamini–Hochberg correction (1 %) over all tests of all services.
    """
    after_period, before_period = Period(deployed, now), baseline(deployed, now)
    older = {record.release for record in records if record.timestamp and record.timestamp < deployed} - {release, ""}
    superseded = older if release else set[str]()
    after = [record for record in records if after_period.holds(record) and record.release not in superseded]
    before = [record for record in records if before_period.holds(record) or (after_period.holds(record) and record.release in superseded)]
    new, old = observe(after), observe(before)
    names = sorted(new.keys() | old.keys())
    services = tuple(_service(name, new.get(name), old.get(name), after_period, before_period) for name in names)
    candidates = [one for service in services for one in _compared(service, before_period)]
    candidates += _missing_logs(after, before, {service.name: service for service in services})
    kept = statistics.benjamini_hochberg([one.finding.p for one in candidates], _FALSE_DISCOVERIES)
    findings = [one.finding for one, significant in zip(candidates, kept, strict=True) if significant and one.worth]
    findings += [finding for service in services for finding in (*_new_errors(service, findings), *_silent(service))]
    findings.sort(key=lambda finding: (not finding.harmful, finding.p, finding.service, finding.text))
    word, suggestion, because = _judge(services, findings)
    return Deployment(word, suggestion, because, deployed, release, after_period, services, tuple(findings))


def _service(name: str, after: Observation | None, before: Observation | None, period: Period, earlier: Period) -> Service:
    new, old = after or Observation(), before or Observation()
    exposed, was, unit = rates.exposures(new, old, period, earlier)
    if new.requests and not old.lines:
        exposed, was, unit = float(new.requests), 0.0, "requests"
    return Service(name, old, new, unit, was, exposed, _missing(new, old, unit, exposed, was))


def _missing(after: Observation, before: Observation, unit: str, exposed: float, was: float) -> float:
    """How much more exposure until twice the former rate of failures can be ruled out, failures going on as now.

    Where hardly any failed before: until one request in a hundred can be, or three or four failures in ten minutes.
    """
    failed = failures(after)
    former = _TWICE * failures(before) / was if was else 0.0
    share = failed / exposed if exposed else 0.0
    if unit == "minutes":
        bar = max(former, _upper(0) / _QUIET_MINUTES)
        return max(0.0, _upper(failed) / bar - exposed) if after.lines and share < bar else max(exposed, _QUIET_MINUTES)
    bar = max(former, _TOLERATED)
    return max(0.0, _until(share, bar) - exposed) if share < bar else exposed


def _upper(events: int) -> float:
    """The upper 95 % bound of a Poisson mean (Pearson's approximation)."""
    return events + 1.92 + 1.96 * sqrt(events + 1)


def _until(share: float, bar: float) -> float:
    """The requests after which the upper 95 % bound of this share lies below the bar."""
    low, high = 1, 1
    while not _ruled_out(share, high, bar) and high < 10**7:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _ruled_out(share, middle, bar) else (middle, high)
    return float(high)


def _ruled_out(share: float, requests: int, bar: float) -> bool:
    return statistics.clopper_pearson(ceil(share * requests), requests)[1] <= bar


def _compared(service: Service, earlier: Period) -> Iterable[_Candidate]:
    after, before = service.after, service.before
    if not service.exposure_before or not service.exposure_after or not after.lines:
        return
    counts = (failures(after), service.exposure_after, failures(before), service.exposure_before)
    clumping = rates.clumping(before.error_times, earlier.start.timestamp(), earlier.end.timestamp())
    ratio = rates.ratio(*counts)
    told = (
        f"{counts[0]} failures in {_figure(counts[1])} {service.unit}, against {counts[2]} in {_figure(counts[3])}"
        f"{f': {ratio:.1f} times the rate' if ratio is not None else ', where there were none'}"
    )
    p = rates.p_higher(*counts, clumping)
    yield _Candidate(Finding("errors", service.name, told, p, True), ratio is None or ratio >= _CLEARLY)
    slower, p_slow = latency(after, before)
    if slower is not None:
        text = f"requests take {_seconds(after.percentile(0.5))} in the middle, against {_seconds(before.percentile(0.5))}: {slower:.1f} times as long"
        yield _Candidate(Finding("latency", service.name, text, p_slow, slower >= _CLEARLY), slower >= _SLOWER)
    for error in after.top_errors:
        known = before.errors.get(error.coarse)
        if known is None:
            p_new = rates.p_higher(len(error.times), service.exposure_after, 0, service.exposure_before)
            text = f"{error.title}: {len(error.times)} times, never before"
            yield _Candidate(Finding("new error", service.name, text, p_new, True), len(error.times) >= _ENOUGH_NEW)


def _new_errors(service: Service, found: Sequence[Finding]) -> Iterable[Finding]:
    """New errors that are too few to be significant are told, without weight."""
    said = {finding.text for finding in found if finding.service == service.name}
    for error in service.after.top_errors if service.before.lines else ():
        text = f"{error.title}: {len(error.times)} times, never before"
        if error.coarse not in service.before.errors and text not in said:
            yield Finding("new error", service.name, text, 1.0, False)


def _silent(service: Service) -> Iterable[Finding]:
    if service.before.lines and not service.after.lines:
        text = f"nothing was written since the deployment, against {service.before.lines} lines before: it may be down, or have no traffic"
        yield Finding("silent", service.name, text, 1.0, False)


def _missing_logs(after: Sequence[LogRecord], before: Sequence[LogRecord], services: dict[str, Service]) -> Iterable[_Candidate]:
    """Messages that were usual and stopped: what a service should say and does not."""
    miners: defaultdict[str, Miner] = defaultdict(Miner)
    for record in before:
        if _routine(record):
            miners[record.service].add(text_of(record), record.timestamp)
    seen: Counter[tuple[str, str]] = Counter()
    for record in after:
        template = miners[record.service].assign(text_of(record)) if record.service in miners and _routine(record) else None
        if template is not None:
            seen[record.service, template.id] += 1
    for name, miner in miners.items():
        service = services[name]
        for template in miner.templates()[:_TEMPLATES]:
            if template.count < _EXPECTED or seen[name, template.id] or not service.after.lines:
                continue
            p = rates.p_lower(0, service.exposure_after, template.count, service.exposure_before)
            text = f"{template.text[:120]!r} came {template.count} times before and not once since"
            yield _Candidate(Finding("missing logs", name, text, p, False), True)


def _routine(record: LogRecord) -> bool:
    return record.severity < Severity.WARN and not is_error(record) and not is_access(record)


def _judge(services: Sequence[Service], findings: Sequence[Finding]) -> tuple[Word, Suggestion, str]:
    harmful = [finding for finding in findings if finding.harmful]
    if harmful:
        worst = harmful[0]
        return "worse", "consider rollback", f"{worst.service or 'the service'}: {worst.text} (p = {worst.p:.1g})."
    if not any(service.after.lines for service in services):
        return "undecided", "wait", "Nothing was logged since the deployment: no traffic and no logs are no sign of health."
    silent = [finding.service for finding in findings if finding.kind == "silent"]
    if silent:
        return "undecided", "wait", f"Nothing was heard of {', '.join(silent)} since the deployment."
    waiting = max(services, key=lambda service: service.missing / max(service.exposure_after, 1.0))
    if waiting.missing:
        more = f"about {_figure(waiting.missing)} more {waiting.unit}"
        return "undecided", "wait", f"Nothing is worse so far, but {waiting.name or 'the service'} needs {more} before that means much."
    if findings:
        return "good", "go on", f"Errors and durations are not worse. Look at: {findings[0].service}: {findings[0].text}."
    return "good", "go on", "Errors and durations of every service are not worse than before, with traffic enough to tell."


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms" if value < 10 else f"{value:.1f} s"
