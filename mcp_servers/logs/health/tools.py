"""The tools that judge: is the deployment good, how is a service, which way do errors go, where does a pattern occur, which service leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from anyio.to_thread import run_sync
from pydantic import Field

from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.tool import Toolbox
from mcp_servers.logs.ask import Lately, Sources, Until, query_of
from mcp_servers.logs.health import correlation, deployment, patterns, trends
from mcp_servers.logs.health.answers import (
    DeploymentHealth,
    ErrorTrends,
    PatternAnalysis,
    ServiceHealth,
    ServicesCorrelated,
    deployment_health,
    error_trends,
    pattern_analysis,
    service_health,
    services_correlated,
)
from mcp_servers.logs.health.calls import recorded
from mcp_servers.logs.health.capacity import quiet, rooms
from mcp_servers.logs.health.observation import Observation, Period, observe, releases_begun
from mcp_servers.logs.health.service import health
from mcp_servers.logs.model import LogRecord, Query
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.sources import Tally
from mcp_servers.logs.times import parse_moment

Service = Annotated[str, Field(max_length=200)]
_DAY = timedelta(days=1)


def register(tools: Toolbox, deps: Deps, reader: Callable[[], Reader]) -> None:
    """Mounts the tools of health."""
    _register_deployment(tools, deps, reader)
    _register_service(tools, deps, reader)
    _register_pattern(tools, deps, reader)
    _register_correlation(tools, deps, reader)


def _register_deployment(tools: Toolbox, deps: Deps, reader: Callable[[], Reader]) -> None:
    @tools.read(title="Check a deployment", open_world=True, long=True)
    async def check_deployment_health(
        release: Annotated[str, Field(max_length=200)] = "",
        since: Annotated[str, Field(description="Its time.", max_length=64)] = "",
        sources: Sources = None,
    ) -> DeploymentHealth:
        """Services after a deployment (else the newest) against as long before: failures, latency, new errors, silence: good, worse or undecided."""
        now = deps.clock()
        given = parse_moment(since, now) if since else None
        if given and given >= now:
            raise Refusal(f"The deployment at {given.isoformat()} is not over; give a time before now.", code="bad_time")
        records, tally, cut = await run_sync(
            _read, reader(), sources, Period(now - _DAY if given is None else deployment.baseline(given, now).start, now)
        )
        moment, name = (given, release) if given else _begun(records, release)
        found = await run_sync(deployment.check, records, moment, now, name)
        return deployment_health(found, tally, cut)


def _register_service(tools: Toolbox, deps: Deps, reader: Callable[[], Reader]) -> None:
    @tools.read(title="Health of a service", open_world=True, long=True)
    async def get_service_health(service: Service, since: Lately = "1h", sources: Sources = None) -> ServiceHealth:
        """Failed share, latency, top errors, release of a service, against the period before."""
        period = _period(deps, since, "")
        earlier = Period(period.start - (period.end - period.start), period.start)
        records, tally, cut = await run_sync(_read, reader(), sources, Period(earlier.start, period.end), (service,))
        now, before = (observe(record for record in records if one.holds(record)).get(service, Observation()) for one in (period, earlier))
        begun = releases_begun(records)
        deployed = (begun[-1][0], begun[-1][2]) if begun else None
        whole, found = Period(earlier.start, period.end), health(now, before, period, earlier, deployed)
        return service_health(service, found, period, tally, cut, rooms(records, whole), quiet(records, whole))

    @tools.read(title="Trends of errors", open_world=True, long=True)
    async def get_error_trends(service: Service = "", since: Lately = "1h", sources: Sources = None) -> ErrorTrends:
        """Each error's counts, first and last time, and whether it rises or falls more than chance."""
        period, records, tally, cut = await run_sync(_window, deps, reader(), sources, since, "", (service,) if service else ())
        return error_trends(trends.trends(observe(records), period), period, tally, cut)


def _register_pattern(tools: Toolbox, deps: Deps, reader: Callable[[], Reader]) -> None:
    @tools.read(title="Analyze a pattern of logs", open_world=True, long=True)
    async def analyze_pattern_logs(
        pattern: Annotated[str, Field(description="Words that all occur, or a template id.", min_length=1, max_length=500)],
        since: Lately = "1d",
        until: Until = "",
        at: Annotated[str, Field(description="Compare before and after.", max_length=64)] = "",
        sources: Sources = None,
    ) -> PatternAnalysis:
        """Where a pattern occurs: services, releases, templates, the rest of its requests."""
        if not pattern.strip():
            raise Refusal("The pattern is empty; give words that the message holds, or a template id of digest_logs.", code="empty_pattern")
        moment = parse_moment(at, deps.clock()) if at else None
        period, records, tally, cut = await run_sync(_window, deps, reader(), sources, since, until)
        found = await run_sync(patterns.analyze, records, pattern.strip(), moment)
        return pattern_analysis(pattern.strip(), found, period, tally, cut)


def _register_correlation(tools: Toolbox, deps: Deps, reader: Callable[[], Reader]) -> None:
    @tools.read(title="Correlate services", open_world=True, long=True)
    async def correlate_services(since: Lately = "15m", until: Until = "", sources: Sources = None) -> ServicesCorrelated:
        """Are failing services one problem? By joined requests, then a shared host, database or limit, then onsets."""
        period, records, tally, cut = await run_sync(_window, deps, reader(), sources, since, until)
        known = recorded(await run_sync(deps.services, deps.database))
        return services_correlated(await run_sync(correlation.correlate, records, period, known), period, tally, cut)


def _period(deps: Deps, since: str, until: str) -> Period:
    query = query_of(deps, since, until)
    end = query.until or deps.clock()
    start = query.since or end - _DAY
    if start >= end:
        raise Refusal(f"The window is empty: since {start.isoformat()} is not before {end.isoformat()}.", code="empty_window")
    return Period(start, end)


def _window(
    deps: Deps, reader: Reader, sources: Sequence[str] | None, since: str, until: str, services: tuple[str, ...] = ()
) -> tuple[Period, list[LogRecord], Tally, bool]:
    """The period asked for and its dated records; without a begin the period is that of the records."""
    if since:
        period = _period(deps, since, until)
        return (period, *_read(reader, sources, period, services))
    query = query_of(deps, "", until, services=services)
    reading, tally = reader.read(sources, query)
    records = [record for record in reading.records if record.timestamp is not None]
    times = [record.timestamp for record in records if record.timestamp is not None]
    end = query.until or deps.clock()
    period = Period(min(times), max(times) + timedelta(microseconds=1)) if times else Period(end - _DAY, end)
    return period, records, tally, reading.cut


def _read(
    reader: Reader, sources: Sequence[str] | None, period: Period, services: tuple[str, ...] = ()
) -> tuple[list[LogRecord], Tally, bool]:
    """The dated records of a period."""
    reading, tally = reader.read(sources, Query(since=period.start, until=period.end, services=services))
    return [record for record in reading.records if period.holds(record)], tally, reading.cut


def _begun(records: Sequence[LogRecord], release: str) -> tuple[datetime, str]:
    """When the release first spoke, or the newest one with its name; raises `Refusal` when the logs do not tell."""
    begun = [(time, name) for time, _, name in releases_begun(records) if release in ("", name)]
    if not begun:
        what = f"Release {release!r} was not seen to begin" if release else "No release was seen to begin"
        raise Refusal(f"{what} within a day of logs; give since, the time of the deployment.", code="no_deployment")
    newest = begun[-1][1]
    return min(time for time, name in begun if name == newest), newest
