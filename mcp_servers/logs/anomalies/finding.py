"""From a window of log records to the few problems worth a case, and to what was seen and rightly left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain

from mcp_servers.logs import stacktrace, statistics
from mcp_servers.logs.anomalies import census, drift, latency, novelty, onset, security, signals, spikes, topics
from mcp_servers.logs.anomalies.anomaly import LONGEST_BODY, Anomaly, Finding, Findings, Kind, Level, Noticed, Statistics, Symptom
from mcp_servers.logs.anomalies.census import Census
from mcp_servers.logs.anomalies.folding import Folded, Problem, fold
from mcp_servers.logs.anomalies.groups import Group, collect, headline
from mcp_servers.logs.anomalies.narration import Impact, explain
from mcp_servers.logs.anomalies.novelty import SeenFirst
from mcp_servers.logs.anomalies.quiet import LeftAlone, Outcomes, reason_to_leave
from mcp_servers.logs.anomalies.signals import Marked, Signal
from mcp_servers.logs.anomalies.spikes import Series, Span, Spike, Tested
from mcp_servers.logs.fingerprint import VERSION, Fingerprint
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.templates import Template
from mcp_servers.logs.templates.masking import mask_message
from mcp_servers.logs.traffic import Traffic

_FALSE_DISCOVERIES = 0.01
_ENOUGH_ERRORS = 3
_ENOUGH_SYMPTOMS = 2
_ENOUGH_DUPLICATES = 11
_CLEARLY_MORE = 2.0
_SAMPLES = 3
_SHORTEST_WINDOW = timedelta(seconds=10)
_ORDER = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}
_SYMPTOMS: dict[Signal, tuple[Kind, int, Level]] = {
    Signal.TRUNCATION: ("truncation", _ENOUGH_SYMPTOMS, "MEDIUM"),
    Signal.SLOW: ("slow", _ENOUGH_SYMPTOMS, "MEDIUM"),
    Signal.DUPLICATE: ("duplicate", _ENOUGH_DUPLICATES, "LOW"),
}
_REQUESTS = (Signal.FAILED_REQUEST, Signal.CLIENT_ERROR)


@dataclass(frozen=True, slots=True)
class _Window:
    """Everything an anomaly is told against; `past` is the span of the baseline, None without one, `surprises` how usual new kinds of
    line are for each service (Good–Turing)."""

    now: datetime
    span: Span
    minutes: float
    traffic: Traffic
    past: Span | None
    surprises: Mapping[str, float]
    seen_first: SeenFirst = novelty.nobody_knows

    def remembers(self, record: LogRecord) -> bool:
        """Whether records of this one's kind were written before the window."""
        first = self.seen_first(record)
        return first is not None and first < self.span.start


def find(
    records: Sequence[LogRecord],
    *,
    now: datetime,
    since: datetime | None = None,
    baseline: Sequence[LogRecord] = (),
    app_roots: Sequence[str] = (),
    seen_first: SeenFirst = novelty.nobody_knows,
) -> Findings:
    """What is wrong in these records, compared with the baseline when there is one. Counts are of the window only.

    The window runs from `since` to `now`, so that silence in it is seen; without `since`, from its first record to its last.
    What was seen first before the window is not new, whether or not the baseline shows it.
    """
    records, baseline = _prepared(records, app_roots), _prepared(baseline, app_roots)
    known = census.take(records, baseline)
    window = replace(_window(records, now, baseline, known), seen_first=seen_first)
    marked = signals.mark(records)
    groups = [group for group in collect(marked, signals.mark(baseline)) if not _is_login(group)]
    outcomes = Outcomes(marked, window.traffic)
    settled = {id(group): reason for group in groups if (reason := outcomes.settled(group))}
    folded = fold([group for group in groups if id(group) not in settled], window.traffic.trace_ids)
    noticed = _notice(marked, baseline, groups, known, window, Span(since, now) if since and since < now else window.span)
    found_spikes, findings, told = _corrected(groups, _spikes(groups, baseline, window), noticed)
    anomalies = [_from_finding(finding, window) for finding in findings]
    left = [LeftAlone(group.title, settled[id(group)], group.count) for group in groups if id(group) in settled]
    for problem in (*folded.problems, *(Problem(group) for group in folded.others)):
        spike = found_spikes.get(id(problem.lead))
        judged = _judge(problem, spike, window)
        if judged is not None:
            anomalies.append(_anomaly(problem, *judged, spike, window))
        else:
            left.append(LeftAlone(problem.lead.title, reason_to_leave(problem.lead), problem.lead.count))
    left += [*_consequences(folded), *(one for detector in noticed for one in detector.left_alone)]
    anomalies.sort(key=_rank)
    return Findings(tuple(anomalies), tuple(sorted(left, key=lambda one: (-one.count, one.title))), told, known.mined)


def _rank(anomaly: Anomaly) -> tuple[int, float, int, str]:
    """The gravest first; among these by how many times the usual it is, where that is known, then by count."""
    return _ORDER[anomaly.severity], -anomaly.numbers.get("ratio", 0.0), -anomaly.count, anomaly.title


def _prepared(records: Sequence[LogRecord], app_roots: Sequence[str]) -> list[LogRecord]:
    marked = [
        replace(record, trace=stacktrace.mark_in_app(record.trace, app_roots)) if app_roots and record.trace else record
        for record in records
    ]
    dated = [record.timestamp for record in marked if record.timestamp is not None]
    earliest = min(dated, default=None)
    return sorted(marked, key=lambda record: record.timestamp or earliest or datetime.min) if dated else marked


def _window(records: Sequence[LogRecord], now: datetime, baseline: Sequence[LogRecord], known: Census) -> _Window:
    times = [record.timestamp for record in records if record.timestamp is not None]
    start, end = min(times, default=now), max(times, default=now)
    length = end - start if end - start >= _SHORTEST_WINDOW else timedelta(minutes=1)
    past = census.times(baseline)
    before = Span(past[0], past[-1] + timedelta(microseconds=1)) if past else None
    span = Span(start, end + timedelta(microseconds=1))
    surprises = {service: told.chance for service, told in novelty.surprises(known, span).items()}
    return _Window(now, span, length / timedelta(minutes=1), Traffic(records), before, surprises)


def _is_login(group: Group) -> bool:
    """Refused logins are judged by address and account, not by their words."""
    return group.signal not in _REQUESTS and security.is_failed_login(group.lead)


def _notice(
    marked: Sequence[Marked], baseline: Sequence[LogRecord], groups: Sequence[Group], known: Census, window: _Window, asked: Span
) -> list[Noticed]:
    """What the detectors beside the errors have to say; those that compare are asked only when there is something to compare with."""
    records = [record for record, _ in marked]
    noticed = [
        security.logins((record for record, signal in marked if signal), records),
        security.injections(window.traffic.accesses),
        drift.levels(records, baseline),
    ]
    if window.past is None:
        return noticed
    hinted = {id(record) for group in groups for record in group.records}
    fresh = novelty.new(known, window.past, asked, window.seen_first)
    unhinted = tuple(finding for finding in fresh.findings if id(finding.records[0]) not in hinted)
    return [*noticed, replace(fresh, findings=unhinted), novelty.vanished(known, window.past, asked), latency.shifts(known)]


def _spikes(groups: Sequence[Group], baseline: Sequence[LogRecord], window: _Window) -> Tested:
    if window.past is None:
        return Tested([[] for _ in groups], 0)
    past = Traffic(baseline)
    series: list[Series] = []
    for group in groups:
        before, during = past.times(group.service), window.traffic.times(group.service)
        comparable = bool(before and during)
        series.append(Series(census.times(group.before), group.times, before if comparable else (), during if comparable else ()))
    return spikes.test(series, window.past, window.span)


def _corrected(groups: Sequence[Group], tested: Tested, noticed: Sequence[Noticed]) -> tuple[dict[int, Spike], list[Finding], Statistics]:
    """What stays significant among all tests of the call (Benjamini & Hochberg 1995), with the findings of rules, which need no test."""
    buckets = [(group, spike) for group, found in zip(groups, tested.spikes, strict=True) for spike in found]
    findings = list(chain.from_iterable(one.findings for one in noticed))
    by_test = [finding for finding in findings if finding.p is not None]
    tests = tested.tests + sum(one.tests for one in noticed)
    p_values = [*(spike.p for _, spike in buckets), *(finding.p or 0.0 for finding in by_test)]
    kept = statistics.benjamini_hochberg(p_values, _FALSE_DISCOVERIES, tests)
    best: dict[int, Spike] = {}
    for (group, spike), significant in zip(buckets, kept, strict=False):
        known = best.get(id(group))
        if significant and spike.ratio >= _CLEARLY_MORE and (known is None or spike.p < known.p):
            best[id(group)] = spike
    sure = [finding for finding, significant in zip(by_test, kept[len(buckets) :], strict=True) if significant]
    rules = [finding for finding in findings if finding.p is None]
    return best, [*rules, *sure], Statistics(tests, sum(kept), _FALSE_DISCOVERIES)


def _judge(problem: Problem, spike: Spike | None, window: _Window) -> tuple[Kind, Level, bool] | None:
    """Kind, severity and whether code could end it; None when it is not (yet) worth a case."""
    group = problem.lead
    if rule := _rule_of(group):
        return _judge_by_rule(group, rule, spike)
    if group.signal in (Signal.ERROR, Signal.FAILED_REQUEST):
        if group.count < _ENOUGH_ERRORS and group.lead.trace is None:
            return None
        return _kind_of_error(group, spike, window), "HIGH" if group.count >= _ENOUGH_ERRORS else "MEDIUM", True
    if group.signal in _SYMPTOMS:
        kind, enough, symptom_level = _SYMPTOMS[group.signal]
        return (kind, symptom_level, True) if group.count >= enough else None
    if group.before and spike and group.count >= _ENOUGH_ERRORS:
        return "rate_spike", "MEDIUM", True
    unusual = window.past is not None and window.surprises.get(group.service, 0.0) <= novelty.USUALLY_NEW
    fresh = unusual and not group.before and group.signal in (Signal.WARNING, Signal.NOTICE) and not window.remembers(group.lead)
    return ("new_template", "LOW", True) if fresh and group.count >= _ENOUGH_ERRORS else None


def _rule_of(group: Group) -> topics.Rule | None:
    """The rule of words for what carries no stack; a stack tells more than words do."""
    worded = group.signal in (Signal.ERROR, Signal.WARNING, Signal.NOTICE, Signal.CONCERN)
    return topics.of(group.lead.body) if worded and group.lead.trace is None else None


def _judge_by_rule(group: Group, rule: topics.Rule, spike: Spike | None) -> tuple[Kind, Level, bool] | None:
    is_error = group.signal == Signal.ERROR
    as_ever = bool(group.before) and spike is None and not is_error and rule.enough > 1
    if as_ever or group.count < (min(rule.enough, _ENOUGH_ERRORS) if is_error else rule.enough):
        return None
    level: Level = "HIGH" if is_error and group.count >= _ENOUGH_ERRORS else rule.level
    level = "MEDIUM" if level == "HIGH" and not is_error and rule.enough > 1 else level
    if rule.topic == "error":
        return "repeated_error" if group.count >= _ENOUGH_ERRORS else "new_error", level, rule.healable
    return "rate_spike" if group.before and spike else rule.topic, level, rule.healable


def _kind_of_error(group: Group, spike: Spike | None, window: _Window) -> Kind:
    known = bool(group.before)
    if known and spike:
        return "rate_spike"
    fresh = not known and (window.past is not None or group.count < _ENOUGH_ERRORS)
    return "new_error" if fresh else "repeated_error"


def _anomaly(problem: Problem, kind: Kind, level: Level, healable: bool, spike: Spike | None, window: _Window) -> Anomaly:
    group = problem.lead
    trace = group.lead.trace
    message = trace.root.message if trace else group.lead.body
    first, last = (group.times[0], group.times[-1]) if group.times else (window.now, window.now)
    impact = _impact(problem, window)
    return Anomaly(
        id=f"an_{sha256(f'{group.service}|{group.signal}|{group.key}'.encode()).hexdigest()[:12]}",
        kind=kind,
        title=group.title,
        service=group.service,
        severity=level,
        error_type=_error_type(problem, kind, message),
        healable=healable,
        fingerprint=group.fingerprint or Fingerprint(0, "", ""),
        template=group.template,
        count=group.count,
        requests=len(window.traffic.of(group.service)),
        rate_per_minute=round(group.count / window.minutes, 2),
        first_seen=first,
        last_seen=last,
        onset=spike.onset if spike and group.before else onset.began(group.times, window.span) or first,
        releases=_releases(group.records),
        trace=trace,
        message=message[:LONGEST_BODY],
        numbers=_numbers(group, spike, window),
        samples=tuple(_different(group)),
        request=window.traffic.samples(group.records),
        concurrency=window.traffic.concurrency(group.service),
        also=tuple(_symptom(one) for one in problem.also),
        explain=explain(group, impact, spike),
    )


def _from_finding(finding: Finding, window: _Window) -> Anomaly:
    """A detector's finding with the evidence that every anomaly carries; its identity is kind, service and title without values."""
    records = finding.records
    times = census.times(records)
    first, last = (times[0], times[-1]) if times else (finding.onset or window.now, finding.onset or window.now)
    identity = sha256(f"{finding.kind}|{finding.service}|{mask_message(finding.title)}".encode()).hexdigest()
    body = records[0].body if records else finding.title
    numbers = dict(finding.numbers) | ({} if finding.p is None else {"p": finding.p})
    return Anomaly(
        id=f"an_{identity[:12]}",
        kind=finding.kind,
        title=finding.title,
        service=finding.service,
        severity=finding.level,
        error_type=finding.error_type or signals.error_type(finding.title),
        healable=finding.healable,
        fingerprint=Fingerprint(VERSION, identity[:16], identity[:16]),
        template=Template(identity[:12], finding.title, finding.count, first, last, body),
        count=finding.count,
        requests=len(window.traffic.of(finding.service)),
        rate_per_minute=round(finding.count / window.minutes, 2),
        first_seen=first,
        last_seen=last,
        onset=finding.onset or first,
        releases=_releases(records),
        trace=None,
        message=body[:LONGEST_BODY],
        numbers=numbers,
        samples=records[:_SAMPLES],
        request=window.traffic.samples(records),
        concurrency=window.traffic.concurrency(finding.service),
        also=(),
        explain=finding.told,
    )


def _error_type(problem: Problem, kind: Kind, message: str) -> str:
    if kind == "slow":
        return "performance"
    found = signals.error_type(" ".join((problem.lead.title, message, *(one.title for one in problem.also))))
    rule = _rule_of(problem.lead)
    return rule.topic if rule and found == "bug" and rule.topic != "error" else found


def _releases(records: Sequence[LogRecord]) -> dict[str, int]:
    return dict(sorted(Counter(record.release for record in records if record.release).items()))


def _impact(problem: Problem, window: _Window) -> Impact:
    group = problem.lead
    requests = len(window.traffic.of(group.service))
    statuses = window.traffic.statuses(group.trace_ids, group.service)
    users = window.traffic.users(group.records, security.user_of)
    clients = window.traffic.users(group.records, security.address_of)
    return Impact(window.minutes, requests, statuses, window.span, window.past is not None, users, clients)


def _numbers(group: Group, spike: Spike | None, window: _Window) -> dict[str, float]:
    numbers: dict[str, float] = {"baseline": len(group.before)}
    if not group.before and (surprise := window.surprises.get(group.service)) is not None:
        numbers["surprise"] = round(surprise, 4)
    if spike is None:
        return numbers
    return numbers | {"p": spike.p, "ratio": round(spike.ratio, 2), "low": round(spike.low, 2), "high": round(spike.high, 2)}


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
        headline(group.lead, group.signal) if group.lead.trace else group.lead.body[:LONGEST_BODY],
    )


def _consequences(folded: Folded) -> list[LeftAlone]:
    return [
        LeftAlone(group.title, "consequence of " + "; ".join(cause.title for cause in causes[:3]), group.count)
        for group, causes in folded.consequences
    ]
