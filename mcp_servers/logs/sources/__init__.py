"""The port behind which every place that holds logs looks the same, and the table of its adapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from threading import Event
from typing import Any, ClassVar, Protocol, TypeVar, cast

from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.lazy import LazyTable
from mcp_servers.kit.project import Source
from mcp_servers.logs.model import LogRecord, Query, Reading


@dataclass(slots=True)
class Tally:
    """Where every physical line went: lines = blank + continuations + filtered + matched. `notes` say what could not be read."""

    lines: int = 0
    blank: int = 0
    continuations: int = 0
    filtered: int = 0
    matched: int = 0
    newest: datetime | None = None
    notes: list[str] = field(default_factory=list[str])

    def absorb(self, other: Tally) -> None:
        """Adds what another tally has booked."""
        for name in ("lines", "blank", "continuations", "filtered", "matched"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.newest = max(filter(None, (self.newest, other.newest)), default=None)
        self.notes += other.notes

    def count(self, entry_lines: int, record: LogRecord | None, query: Query) -> bool:
        """Books one entry (no record: a blank line) and says whether the query asks for it."""
        self.lines += entry_lines
        if record is None:
            self.blank += entry_lines
            return False
        self.continuations += entry_lines - 1
        if record.timestamp and (self.newest is None or record.timestamp > self.newest):
            self.newest = record.timestamp
        asked = matches(query, record)
        self.matched += asked
        self.filtered += not asked
        return asked


class LogSource(Protocol):
    """A place that holds logs. `scan` streams what a query asks for and books every line; `follow` gives new records until told to stop."""

    name: str

    def describe(self) -> str: ...

    def scan(self, query: Query, tally: Tally) -> Iterator[LogRecord]: ...

    def follow(self, stop: Event, since: datetime | None = None) -> Iterator[LogRecord]: ...


class Adapter(Protocol):
    """How a source comes to life: its own settings class, and a constructor taking the name, the checked settings and the project's root."""

    Settings: ClassVar[type[Any]]

    def __call__(self, name: str, settings: Any, root: Path) -> LogSource: ...


SOURCES = LazyTable(
    "log source",
    {
        "files": "mcp_servers.logs.sources.files:Files",
        "docker": "mcp_servers.logs.sources.docker:DockerLogs",
    },
)


def open_source(source: Source, root: Path) -> LogSource:
    """The source behind a table of kintsugi.toml; raises `Refusal` for an unknown type and `Misconfigured` for settings it does not know."""
    adapter = cast(Adapter, SOURCES[source.type])
    return adapter(source.name, _checked(adapter.Settings, source), root)


def read(source: LogSource, query: Query) -> Reading:
    """The newest `query.limit` records that match, in time order; `cut` says that there were more."""
    tally = Tally()
    records = newest(source.scan(query, tally), query.limit)
    return Reading(records, tally.lines, cut=tally.matched > len(records), notes=tuple(tally.notes))


def newest(records: Iterator[LogRecord], limit: int) -> tuple[LogRecord, ...]:
    """The latest `limit` records in time order, holding at most twice as many at a time."""
    kept: list[LogRecord] = []
    for record in records:
        kept.append(record)
        if len(kept) >= 2 * limit + 1_000:
            kept.sort(key=_moment)
            del kept[:-limit]
    kept.sort(key=_moment)
    return tuple(kept[max(len(kept) - limit, 0) :])


def matches(query: Query, record: LogRecord) -> bool:
    """Whether a record is asked for. A record that tells no time is inside every window."""
    moment = record.timestamp
    if moment and ((query.since and moment < query.since) or (query.until and moment >= query.until)):
        return False
    if record.severity < query.severity or (query.services and record.service not in query.services):
        return False
    if not query.text:
        return True
    wanted = query.text.lower()
    return (
        wanted in record.body.lower()
        or wanted == record.trace_id.lower()
        or any(wanted in str(item).lower() for item in record.attributes.values())
    )


def _moment(record: LogRecord) -> datetime:
    return record.timestamp or _BEFORE_ALL


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

Settings = TypeVar("Settings")


def _checked(settings: type[Settings], source: Source) -> Settings:
    known = {item.name: item for item in fields(cast(Any, settings))}
    values: dict[str, Any] = {}
    for key, value in source.settings.items():
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(known)}."
            raise Misconfigured(f"[sources.{source.name}] has the unknown key {key!r}; {hint}", code="unknown_key")
        values[key] = _typed(source.name, key, value, str(known[key].type))
    missing = [key for key, item in known.items() if key not in values and item.default is MISSING and item.default_factory is MISSING]
    if missing:
        raise Misconfigured(f"[sources.{source.name}] needs the key {missing[0]!r}.", code="missing_key")
    return settings(**values)


def _typed(source: str, key: str, value: Any, kind: str) -> Any:
    if kind.startswith("tuple"):
        items = cast(Sequence[Any], value) if isinstance(value, list) else [value]
        if all(isinstance(item, str) for item in items):
            return tuple(items)
        raise Misconfigured(
            f'[sources.{source}] {key} must be a text or a list of texts, for example {key} = ["…"], not {value!r}.', code="bad_value"
        )
    if isinstance(value, str):
        return value
    raise Misconfigured(f'[sources.{source}] {key} must be a text, for example {key} = "…", not {value!r}.', code="bad_value")
