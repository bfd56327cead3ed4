"""Counts one error before and after a fix, by the requests that take its code path where they are logged, else by time."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mcp_servers.logs import fingerprint
from mcp_servers.logs.digest import text_of
from mcp_servers.logs.health import rates
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.traffic import is_access, request_of
from mcp_servers.logs.verdicts.paths import folded, path_of
from mcp_servers.logs.verdicts.verdict import Clumping, Exposure

_MOSTLY = 0.9
_REMEMBERED = 20_000
_SHOWN_PATHS = 5
_SAME_MOMENT = timedelta(milliseconds=1).total_seconds()

Place = tuple[str, str]
"""A service and a path in it."""


@dataclass(frozen=True, slots=True)
class NewError:
    """An error of the same code path that nobody had seen before the fix."""

    title: str
    coarse: str
    count: int
    first: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `verdict.compare` needs, and what goes with it: the paths counted (none: all requests), events that were one with another, new errors."""

    before: Exposure
    after: Exposure
    clumping: Clumping
    opening: int
    paths: tuple[str, ...]
    merged: int
    fresh: tuple[NewError, ...]


@dataclass(slots=True)
class _Event:
    time: float
    service: str
    release: str
    trace: str
    place: Place | None


@dataclass(slots=True)
class _Error:
    """Another error: its first record after the fix stands for it."""

    title: str
    before: bool = False
    times: list[float] = field(default_factory=list[float])
    events: list[_Event] = field(default_factory=list[_Event])


def exposures(
    records: Iterable[LogRecord], *, coarse: str, since: datetime | None, fixed_at: datetime, now: datetime, release: str = ""
) -> Comparison:
    """What was seen of an error before and after the fix. With `release`, what older releases still wrote after the fix does not count.

    Without `since` the time before begins with the first event; a log that begins later than `since` counts from there. Events of one
    trace are one event; of events without a trace id, one a second counts, or as many as requests failed in that second beside those told
    by their traces.
    """
    log = _Log(coarse, fixed_at.timestamp(), since.timestamp() if since else None)
    for record in records:
        if record.timestamp is not None and record.timestamp < now and (since is None or record.timestamp >= since):
            log.take(record)
    return log.compared(now.timestamp(), release)


class _Log:
    """One pass over the records keeps times only, so that a day of traffic fits."""

    def __init__(self, coarse: str, fixed_at: float, since: float | None) -> None:
        self._coarse, self._fixed, self._since = coarse, fixed_at, since
        self._first = fixed_at
        self._older: defaultdict[str, set[str]] = defaultdict(set)
        self._heard: dict[tuple[str, str], float] = {}
        self._accesses: defaultdict[tuple[Place, str], array[float]] = defaultdict(lambda: array("d"))
        self._recent: dict[str, list[Place]] = {}
        self._met: dict[str, list[Place]] = {}
        self._failed: Counter[tuple[str, int]] = Counter()
        self._events: list[_Event] = []
        self._others: dict[str, _Error] = {}

    def take(self, record: LogRecord) -> None:
        assert record.timestamp is not None
        time = record.timestamp.timestamp()
        self._first = min(self._first, time)
        if time < self._fixed:
            self._older[record.service].add(record.release)
        else:
            spoken = record.service, record.release
            self._heard[spoken] = min(time, self._heard.get(spoken, time))
        access = is_access(record)
        if access:
            self._take_access(record, time)
        found = fingerprint.of(record)
        if found is None:
            return
        if self._coarse in (found.coarse, fingerprint.former_coarse(record)):
            self._events.append(self._event(record, time))
        elif not access and (record.trace is not None or record.severity >= Severity.ERROR):
            other = self._others.setdefault(found.coarse, _Error(text_of(record)[:160]))
            other.before |= time < self._fixed
            if time >= self._fixed:
                other.events.append(self._event(record, time))

    def _take_access(self, record: LogRecord, time: float) -> None:
        place = (record.service, path_of(record))
        self._accesses[place, record.release].append(time)
        if request_of(record).status >= 500:
            self._failed[record.service, int(time)] += 1
        if record.trace_id in self._met:
            self._met[record.trace_id].append(place)
        elif record.trace_id:
            self._recent.setdefault(record.trace_id, []).append(place)
            if len(self._recent) > _REMEMBERED:
                del self._recent[next(iter(self._recent))]

    def _event(self, record: LogRecord, time: float) -> _Event:
        if record.trace_id and record.trace_id not in self._met:
            self._met[record.trace_id] = self._recent.get(record.trace_id, [])
        own = path_of(record)
        return _Event(time, record.service, record.release, record.trace_id, (record.service, own) if own else None)

    def _joined(self, event: _Event) -> None:
        """The place of an event is that of its request, as its own service logged it, else as the first one did."""
        met = self._met.get(event.trace, [])
        event.place = next((place for place in met if place[0] == event.service), met[0] if met else event.place)

    def compared(self, now: float, release: str) -> Comparison:
        superseded = self._superseded(release)
        for event in (*self._events, *(event for other in self._others.values() for event in other.events)):
            self._joined(event)
        early = [event for event in self._events if event.time < self._fixed]
        late = [event for event in self._events if event.time >= self._fixed and event.release not in superseded]
        before, after = self._distinct(early), self._distinct(late)
        begin, opening = self._begin(before)
        routes = folded({place[1] for place, _ in self._accesses} | {event.place[1] for event in early if event.place})
        places = self._places(early or late, routes)
        requests_before = self._requests(places, routes, begin, self._fixed, ())
        requests_after = self._requests(places, routes, self._fixed, now, superseded)
        heard = self._heard_from(superseded) if superseded else self._fixed
        return Comparison(
            Exposure(len(before), len(requests_before), (self._fixed - begin) / 60),
            Exposure(len(after), len(requests_after), max(0.0, now - heard) / 60 if heard is not None else 0.0),
            self._clumping(before, begin, now, requests_before, requests_after, silent=not after),
            opening,
            tuple(sorted({path for _, path in places or () if path})[:_SHOWN_PATHS]),
            len(early) + len(late) - len(before) - len(after),
            self._fresh(places, routes, {event.service for event in self._events}, superseded),
        )

    def _begin(self, before: Sequence[float]) -> tuple[float, int]:
        """Where the time before begins, and how many events it begins with: those are why it begins there."""
        if self._since is None:
            return (before[0], 1) if before else (self._first, 0)
        begin = min(max(self._since, self._first), self._fixed)
        return begin, int(bool(before) and before[0] - self._since < _SAME_MOMENT)

    def _clumping(
        self, before: Sequence[float], begin: float, now: float, early: Sequence[float], late: Sequence[float], *, silent: bool
    ) -> Clumping:
        parts = len(early) / max(1, len(late)) if early else (self._fixed - begin) / max(1.0, now - self._fixed)
        whole, short = (rates.clumping(before, begin, self._fixed, early, at) for at in (1.0, parts))
        return Clumping(whole, min(short, rates.gathering(before, begin, self._fixed, early)) if silent else short)

    def _superseded(self, release: str) -> set[str]:
        """The releases that the one with the fix takes the place of: those of the services that run it, of all as long as none does.

        A service with a release of its own that goes on with it was not deployed, and its requests are chances as before.
        """
        running = {service for service, heard in self._heard if heard == release}
        older = (releases for service, releases in self._older.items() if service in running or not running)
        return set[str]().union(*older) - {release, ""} if release else set()

    def _heard_from(self, superseded: set[str]) -> float | None:
        """When a release that is not superseded first spoke after the fix; None when none did."""
        return min((time for (_, release), time in self._heard.items() if release not in superseded), default=None)

    def _distinct(self, events: Sequence[_Event]) -> list[float]:
        """The times of what happened independently."""
        first: dict[str, _Event] = {}
        loose: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for event in sorted(events, key=lambda event: event.time):
            if event.trace:
                first.setdefault(event.trace, event)
            else:
                loose[event.service, int(event.time)].append(event.time)
        told = Counter((event.service, int(event.time)) for event in first.values())
        kept = [
            time for second, times in loose.items() for time in times[: max(int(not told[second]), self._failed[second] - told[second])]
        ]
        return sorted([*(event.time for event in first.values()), *kept])

    def _places(self, events: Sequence[_Event], routes: dict[str, str]) -> set[Place] | None:
        """The service and route of the requests that met the error; all routes of its services, or (None) all, when the log tells no more."""
        known = [event.place for event in events if event.place]
        places = {(service, routes[path]) for service, path in known if path in routes}
        seen = {(service, routes[path]) for (service, path), _ in self._accesses}
        if events and len(known) >= _MOSTLY * len(events) and places <= seen:
            return places
        services = {event.service for event in events}
        return {place for place in seen if place[0] in services} or None if services else None

    def _requests(
        self, places: set[Place] | None, routes: dict[str, str], begin: float, end: float, superseded: Iterable[str]
    ) -> array[float]:
        times: array[float] = array("d")
        for ((service, path), release), seen in self._accesses.items():
            if release not in superseded and (places is None or (service, routes[path]) in places):
                times.extend(time for time in seen if begin <= time < end)
        return array("d", sorted(times))

    def _fresh(self, places: set[Place] | None, routes: dict[str, str], services: set[str], superseded: set[str]) -> tuple[NewError, ...]:
        found: list[NewError] = []
        for coarse, other in self._others.items():
            here = [event for event in other.events if event.release not in superseded and self._on_path(event, places, routes, services)]
            if here and not other.before:
                first = min(event.time for event in here)
                found.append(NewError(other.title, coarse, len(self._distinct(here)), datetime.fromtimestamp(first, UTC)))
        return tuple(sorted(found, key=lambda error: (-error.count, error.title)))

    def _on_path(self, event: _Event, places: set[Place] | None, routes: dict[str, str], services: set[str]) -> bool:
        if event.place and places:
            return (event.place[0], routes.get(event.place[1], event.place[1])) in places
        return event.service in services
