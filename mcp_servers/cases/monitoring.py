"""A closer watch on a service for a while, as after a deployment: looked at more often, and told of sooner. `kintsugi watch` keeps it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any

from anyio.to_thread import run_sync
from pydantic import Field
from sqlalchemy import JSON, Column, MetaData, RowMapping, String, Table, Text, insert, select, update
from typing_extensions import TypedDict

from mcp_servers.kit.database import Database
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.gate import Write
from mcp_servers.kit.redaction import clean
from mcp_servers.kit.schema import Actor

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

INTERVAL = 30.0
"""Seconds between two looks at most."""
ALERT_AT = 0.01
"""The share of failed requests that is told; a service is unhealthy from 5 % on anyway."""

METADATA = MetaData()
TASKS = Table(
    "case_monitoring",
    METADATA,
    Column("id", String(60), primary_key=True),
    *(Column(name, String(200), nullable=False) for name in ("project", "service", "version")),
    Column("watch_for", JSON, nullable=False),
    Column("started", String(40), nullable=False),
    Column("until", String(40), nullable=False),
    Column("word", String(20), nullable=False),
    Column("alerts", JSON, nullable=False),
    Column("actor", Text, nullable=False),
)

Service = Annotated[str, Field(min_length=1, max_length=200)]
Version = Annotated[str, Field(max_length=200)]
WatchFor = Annotated[list[Annotated[str, Field(max_length=300)]] | None, Field(max_length=20)]
Minutes = Annotated[int, Field(ge=1, le=10_080)]


@dataclass(frozen=True, slots=True)
class Task:
    """One closer watch. `word` is the last one of the comparison with before (empty: none yet), `alerts` are sentences, each once."""

    id: str
    project: str
    service: str
    version: str
    watch_for: tuple[str, ...]
    started: datetime
    until: datetime
    word: str = ""
    alerts: tuple[str, ...] = ()


class MonitoringStarted(TypedDict):
    task_id: str
    created: bool
    service: str
    until: str
    interval_seconds: float
    alert_at: float
    watch_for: list[str]
    baseline: str
    next: str


class Monitoring:
    """Closer watches in a database. Asking for one that runs goes on with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("case_monitoring", (METADATA.create_all,))

    def start(self, wanted: Task, actor: str) -> tuple[Task, bool]:
        """The watch on this service and version, and whether it is new. One that runs looks for more texts, and longer."""
        same = (TASKS.c.project == wanted.project) & (TASKS.c.service == wanted.service) & (TASKS.c.version == wanted.version)
        with self._database.transaction() as connection:
            running = same & (TASKS.c.until > _iso(wanted.started))
            row = connection.execute(select(TASKS).where(running)).mappings().first()
            if row is None:
                connection.execute(insert(TASKS).values(**_row(wanted), actor=actor))
                return wanted, True
            texts = list(dict.fromkeys((*row["watch_for"], *wanted.watch_for)))
            until = max(row["until"], _iso(wanted.until))
            connection.execute(update(TASKS).where(TASKS.c.id == row["id"]).values(watch_for=texts, until=until))
            return _task({**row, "watch_for": texts, "until": until}), False

    def running(self, project: str, now: datetime) -> list[Task]:
        """The watches of a project that are not over."""
        query = select(TASKS).where(TASKS.c.project == project, TASKS.c.until > _iso(now), TASKS.c.started <= _iso(now))
        with self._database.reading() as connection:
            return [_task(row) for row in connection.execute(query.order_by(TASKS.c.started, TASKS.c.id)).mappings()]

    def told(self, task: str, word: str, alerts: Sequence[str]) -> list[str]:
        """Keeps what a look found: the word of the comparison, and those alerts that were not told before, which come back."""
        with self._database.transaction() as connection:
            row = connection.execute(select(TASKS).where(TASKS.c.id == task)).mappings().first()
            if row is None:
                return []
            new = [alert for alert in dict.fromkeys(alerts) if alert not in row["alerts"]]
            values = {"word": word or row["word"], "alerts": [*row["alerts"], *new]}
            connection.execute(update(TASKS).where(TASKS.c.id == task).values(**values))
            return new


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the tool of closer watches."""
    monitoring = Monitoring(deps.database)

    @tools.write(title="Watch a service more closely")
    async def start_enhanced_monitoring(
        service: Service, version: Version = "", watch_for: WatchFor = None, duration_minutes: Minutes = 60, actor: Actor = "agent"
    ) -> MonitoringStarted:
        """`kintsugi watch` looks each 30 s, tells of 1 % failures, compares with before."""
        await run_sync(deps.gate.admit, Write("start_enhanced_monitoring", actor))
        wanted = _wanted(deps.watched().name, service, version, watch_for or (), deps.clock(), duration_minutes)
        task, created = await run_sync(monitoring.start, wanted, actor)
        return MonitoringStarted(
            task_id=task.id,
            created=created,
            service=task.service,
            until=task.until.isoformat(),
            interval_seconds=INTERVAL,
            alert_at=ALERT_AT,
            watch_for=list(task.watch_for),
            baseline=f"as long before {task.started.isoformat()}",
            next="A running `kintsugi watch` keeps it; check_deployment_health compares at once.",
        )


def _wanted(project: str, service: str, version: str, texts: Sequence[str], now: datetime, minutes: int) -> Task:
    named, of = str(clean(service)), str(clean(version))
    key = json.dumps([project, named, of, _iso(now)])
    id = "watch_" + sha256(key.encode("utf-8", "replace")).hexdigest()[:12]
    return Task(id, project, named, of, tuple(str(clean(one)) for one in texts if one.strip()), now, now + timedelta(minutes=minutes))


def _row(task: Task) -> dict[str, Any]:
    names = ("id", "project", "service", "version", "word")
    row: dict[str, Any] = {name: getattr(task, name) for name in names}
    return row | {
        "watch_for": list(task.watch_for),
        "alerts": list(task.alerts),
        "started": _iso(task.started),
        "until": _iso(task.until),
    }


def _task(row: RowMapping | dict[str, Any]) -> Task:
    names = ("id", "project", "service", "version", "word")
    started, until = (datetime.fromisoformat(row[name]) for name in ("started", "until"))
    return Task(
        **{name: row[name] for name in names}, watch_for=tuple(row["watch_for"]), started=started, until=until, alerts=tuple(row["alerts"])
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
