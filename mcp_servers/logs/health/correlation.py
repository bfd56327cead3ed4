"""Several services fail: is it one problem? By ids first, then by what their errors name, then by when they began."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from mcp_servers.logs.anomalies.onset import change_points
from mcp_servers.logs.digest import text_of
from mcp_servers.logs.health.calls import Use, uses
from mcp_servers.logs.health.dependencies import Dependency, Fill, Kind, fill, named
from mcp_servers.logs.health.observation import Period
from mcp_servers.logs.health.shared import FEWEST as _FEWEST
from mcp_servers.logs.health.shared import Onset, Shared, shared, spared
from mcp_servers.logs.health.spans import Blame, blames, failed
from mcp_servers.logs.health.together import Together, co_occurring
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import is_access

Basis = Literal["joined by id", "co-occurrence, not cause", "shared by the record, no error names it"]

_PARTS = 60
_SHARE = 0.3
_TITLE = 160
_BUNDLED: dict[Kind, int] = {
    "limit": 0, "instance": 1, "database": 2, "pool": 3, "queue": 4, "cache": 5, "storage": 6, "host": 7, "service": 8,
}  # fmt: skip
_RECORDED = 3


@dataclass(frozen=True, slots=True)
class Lead:
    """The service whose span failed deepest in `requests` failed requests; `affected` failed because of it, with how many of them each."""

    service: str
    requests: int
    share: float
    affected: dict[str, int]
    title: str
    how: str


@dataclass(frozen=True, slots=True)
class Systemic:
    """One problem in place of several: what the errors of the affected services name, or they share by the record; how full it was, and
    what can be done. `spared` use it too and have not failed yet."""

    dependency: Dependency
    fill: Fill | None
    affected: dict[str, int]
    began: datetime | None
    sample: str
    basis: Basis
    options: tuple[str, ...]
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Correlation:
    """What holds the failing services together, the strongest evidence first. `failed` is how many requests failed that an id joins, `uses`
    what the window shows of who uses what."""

    leads: tuple[Lead, ...]
    systemic: tuple[Systemic, ...]
    onsets: tuple[Onset, ...]
    together: tuple[Together, ...]
    failed: int
    uses: tuple[Use, ...] = ()


def correlate(records: Sequence[LogRecord], period: Period, known: Sequence[Use] = ()) -> Correlation:
    """Which service leads and what they share, in a window of records of several services; `known` is what else is on record."""
    wrong = [record for record in records if failed(record)]
    found = blames(records)
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for record in wrong:
        if record.timestamp is not None:
            times[record.service].append(record.timestamp)
    onsets = sorted((_onset(service, sorted(seen), period) for service, seen in times.items()), key=lambda onset: (onset.at, onset.service))
    chances: defaultdict[str, list[datetime]] = defaultdict(list)
    for record in records:
        if is_access(record) and record.timestamp is not None:
            chances[record.service].append(record.timestamp)
    seen, leads = tuple(uses(records)), _leads(found)
    services = {record.service for record in records if record.service}
    named = _systemic(wrong, found, onsets)
    joined = [{lead.service, *lead.affected} for lead in leads if lead.affected]
    recorded = shared((*known, *seen), onsets, services, [*(set(one.affected) for one in named), *joined])
    systemic = (*named, *(_recorded(one, wrong, onsets) for one in recorded[:_RECORDED]))
    told = tuple(replace(one, spared=spared(one.dependency, one.affected, (*known, *seen))) for one in systemic)
    return Correlation(leads, told, tuple(onsets), tuple(co_occurring(times, chances, period)), len(found), seen)


def _leads(found: Sequence[Blame]) -> tuple[Lead, ...]:
    of_service: defaultdict[str, list[Blame]] = defaultdict(list)
    for blame in found:
        of_service[blame.service].append(blame)
    leads = [_lead(service, own, len(found)) for service, own in of_service.items()]
    return tuple(sorted(leads, key=lambda lead: (-sum(lead.affected.values()), -lead.requests, lead.service)))


def _lead(service: str, own: Sequence[Blame], total: int) -> Lead:
    titles = Counter(_title(blame.record) for blame in own)
    hows = Counter(blame.how for blame in own if blame.followers) or Counter(blame.how for blame in own)
    affected = Counter(follower for blame in own for follower in blame.followers)
    return Lead(service, len(own), len(own) / total, dict(affected.most_common()), titles.most_common(1)[0][0], hows.most_common(1)[0][0])


def _onset(service: str, times: Sequence[datetime], period: Period) -> Onset:
    """The first event after the greatest rise; the first of all when the rate never rose."""
    width = (period.end - period.start) / _PARTS
    if len(times) < 2 * _FEWEST or width <= timedelta(0):
        return Onset(service, times[0], len(times))
    counts = [0] * _PARTS
    for time in times:
        counts[min(_PARTS - 1, max(0, (time - period.start) // width))] += 1
    edges = [0, *change_points(counts), _PARTS]
    rates = [sum(counts[start:end]) / (end - start) for start, end in pairwise(edges)]
    rises = [(rates[place] - rates[place - 1], edges[place]) for place in range(1, len(rates)) if rates[place] > rates[place - 1]]
    begin = period.start + width * max(rises)[1] if rises else period.start
    return Onset(service, next(time for time in times if time >= begin or time == times[-1]), len(times))


def _systemic(wrong: Sequence[LogRecord], found: Sequence[Blame], onsets: Sequence[Onset]) -> tuple[Systemic, ...]:
    """Dependencies that the errors of at least two services name; those named by the same errors are one problem, told by its narrowest name."""
    naming: defaultdict[Dependency, list[LogRecord]] = defaultdict(list)
    for record in wrong:
        for dependency in named(record):
            naming[dependency].append(record)
    errors = Counter(record.service for record in wrong)
    shared: list[Systemic] = []
    covered: list[set[int]] = []
    for dependency, records in sorted(
        naming.items(), key=lambda item: (-len({one.service for one in item[1]}), _BUNDLED[item[0].kind], item[0])
    ):
        affected = Counter(record.service for record in records)
        kept = {service: count for service, count in affected.most_common() if count >= _FEWEST or count >= _SHARE * errors[service]}
        told = {id(record) for record in records}
        if len(kept) < 2 or any(len(told & other) >= len(told) / 2 for other in covered):
            continue
        covered.append(told)
        shared.append(_problem(dependency, records, kept, {record.trace_id for record in records if record.trace_id}, found, onsets))
    return tuple(sorted(shared, key=lambda one: (-len(one.affected), -sum(one.affected.values()))))


def _recorded(one: Shared, wrong: Sequence[LogRecord], onsets: Sequence[Onset]) -> Systemic:
    affected = Counter(record.service for record in wrong if record.service in one.failing)
    began = min(onset.at for onset in onsets if onset.service in one.failing)
    sample = next(record for record in wrong if record.service in one.failing)
    dependency, basis = Dependency(one.use.kind, one.use.name), "shared by the record, no error names it"
    return Systemic(dependency, None, dict(affected.most_common()), began, _title(sample), basis, _options(dependency, None))


def _problem(
    dependency: Dependency,
    records: Sequence[LogRecord],
    affected: dict[str, int],
    traces: set[str],
    found: Sequence[Blame],
    onsets: Sequence[Onset],
) -> Systemic:
    fills = [one for record in records if (one := fill(record)) is not None]
    full = max(fills, key=lambda one: (one.actual is not None, one.actual or 0.0), default=None)
    names = sorted(
        {one for record in records for one in named(record)}, key=lambda one: (one.kind == "limit", _BUNDLED[one.kind], one.name)
    )
    joined = sum(blame.record.trace_id in traces and set(blame.followers) & affected.keys() != set() for blame in found)
    basis: Basis = "joined by id" if joined >= _FEWEST else "co-occurrence, not cause"
    began = min((onset.at for onset in onsets if onset.service in affected), default=None)
    best = names[0] if dependency.kind == "limit" and names else dependency
    return Systemic(best, full, affected, began, _title(records[0]), basis, _options(best, full))


def _options(dependency: Dependency, full: Fill | None) -> tuple[str, ...]:
    of = full.of if full else ""
    if of == "tokens":
        return (
            "raise the token limit where the model allows it",
            "shorten or split the input",
            "refuse what is too long before it is sent",
        )
    if dependency.kind == "service":
        return (
            f"mend {dependency.name} first: the others call it",
            "time out early and retry with backoff",
            "answer without it for a while",
        )
    if of in {"connections", "clients", "sessions", "slots"} or dependency.kind == "pool":
        return (
            "raise the limit at the shared end",
            "lower each caller's pool so that all together stay below it",
            "hold connections for less time, or put a pooler between",
        )
    if full is not None and full.actual is not None:
        return (f"raise the limit of {full.limit:g} {of}".strip(), "use less of it in each service", "queue or refuse what goes beyond")
    return ("restore or scale what they share", "time out early and retry with backoff", "fall back or break the circuit while it is away")


def _title(record: LogRecord) -> str:
    return text_of(record)[:_TITLE]
