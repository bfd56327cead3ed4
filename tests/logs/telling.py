"""Records as a service writes them, and one look at them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_servers.logs import stacktrace
from mcp_servers.logs.anomalies.anomaly import Findings
from mcp_servers.logs.anomalies.finding import find
from mcp_servers.logs.model import LogRecord, Severity

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
NOW = START + timedelta(minutes=10)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def said(seconds: float, body: str, severity: Severity = Severity.INFO, service: str = "api", trace_id: str = "", **more: Any) -> LogRecord:
    return LogRecord(at(seconds), severity, body, service, trace_id, attributes=more, origin=f"{service}.log:{int(seconds)}")


def raised(
    seconds: float, error: str, function: str, service: str = "api", trace_id: str = "", release: str = "r3", callers: int = 1
) -> LogRecord:
    frames = "".join(f'  File "/app/shop/{service}.py", line {n}, in step{n}\n    go()\n' for n in range(callers))
    text = f'Traceback (most recent call last):\n{frames}  File "/app/shop/{function}.py", line 7, in {function}\n    go()\n{error}\n'
    return LogRecord(
        at(seconds), Severity.ERROR, "request failed", service, trace_id, release, {}, stacktrace.parse(text), f"{service}.log"
    )


def served(seconds: float, path: str, status: int, service: str = "api", trace_id: str = "", ms: float = 10, query: str = "") -> LogRecord:
    attributes: dict[str, Any] = {
        "http.request.method": "GET",
        "url.path": path,
        "http.response.status_code": status,
        "event.duration": ms * 1_000_000,
        "url.query": query,
    }
    return LogRecord(at(seconds), Severity.INFO, "request", service, trace_id, attributes=attributes)


def look(records: Sequence[LogRecord], baseline: Sequence[LogRecord] = (), since: datetime | None = None) -> Findings:
    """The findings of the ten minutes from START on; `since` tells that the window was asked for, so that silence in it counts."""
    return find(records, now=NOW, since=since, baseline=baseline)


def kinds(found: Findings) -> list[str]:
    return [anomaly.kind for anomaly in found.anomalies]
