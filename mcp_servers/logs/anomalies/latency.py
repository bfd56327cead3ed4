"""How long things take: durations that records carry or say, compared with the baseline route by route."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from mcp_servers.logs.anomalies.anomaly import Finding, Noticed
from mcp_servers.logs.anomalies.census import Census, LineKind
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.statistics import ranks

_UNITS = {
    "ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "msec": 1.0, "millis": 1.0, "millisecond": 1.0, "milliseconds": 1.0,
    "s": 1e3, "sec": 1e3, "secs": 1e3, "second": 1e3, "seconds": 1e3, "m": 6e4, "min": 6e4,
}  # fmt: skip
_ATTRIBUTES = {
    "event.duration": 1e-6,
    "http.server.request.duration": 1e3, "http.client.request.duration": 1e3, "db.client.operation.duration": 1e3,
    "rpc.server.duration": 1.0, "request_time": 1e3, "upstream_response_time": 1e3, "duration_s": 1e3, "duration_seconds": 1e3,
    "elapsed_seconds": 1e3, "responseTime": 1.0, "response_time_ms": 1.0, "duration_ms": 1.0, "durationMs": 1.0, "duration_millis": 1.0,
    "elapsed_ms": 1.0, "elapsedMs": 1.0, "latency_ms": 1.0, "latencyMs": 1.0, "took_ms": 1.0, "query_time_ms": 1.0, "db.duration_ms": 1.0,
}  # fmt: skip
_WITH_UNIT = ("duration", "elapsed", "latency", "took", "response_time", "httpRequest.latency")
_NAMES = frozenset((*_ATTRIBUTES, *_WITH_UNIT))
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s?(ns|us|µs|μs|ms|msec|millis|milliseconds?|secs?|seconds?|s|min|m)", re.I)
_SAID = re.compile(
    r"(?:\b(?:took|elapsed|duration|latency|response[ _]time|time taken|completed in|finished in|done in|processed in|served in"
    r"|executed in|\w+ed .{0,80}? in|in)\b[ =:]{0,3})(\d+(?:\.\d+)?)\s?"
    r"(ns|us|µs|μs|ms|msec|millis|milliseconds?|secs?|seconds?|s|min|m)\b",
    re.I,
)
_QUANTITIES = re.compile(r"\d\s?(?:[nuµμm]?s|m|min|[mM]\w+|[sS]ec\w*|[NUM]?S|M)\b")
_LONGEST = 2048
_MOST = 5_000
_ENOUGH_BEFORE, _ENOUGH_NOW = 20, 8
_SLOWER = 1.5
_FELT = 5.0
_DAY = 86_400_000


def milliseconds(record: LogRecord) -> float | None:
    """How long what a record reports took, from its attributes (in the unit that their name or text says) or its words; None unless told."""
    found = _of_attributes(record.attributes) if record.attributes else None
    text = record.body[:_LONGEST]
    if found is None and _QUANTITIES.search(text) and (said := _SAID.search(text)):
        found = float(said[1]) * _UNITS[said[2].lower()]
    return found if found is not None and 0 <= found < _DAY else None


def shifts(census: Census) -> Noticed:
    """Routes and kinds of line that take longer than in the baseline: by ranks, and at least half as long again."""
    findings: list[Finding] = []
    tests = 0
    for key, kinds in _routes(census).items():
        before, during = (_durations([record for kind in kinds for record in side(kind)]) for side in (_before, _during))
        if len(before) < _ENOUGH_BEFORE or len(during) < _ENOUGH_NOW:
            continue
        tests += 1
        usual, now = median(before), median(during)
        if now >= _SLOWER * usual and now - usual >= _FELT:
            findings.append(_shift(key, [record for kind in kinds for record in kind.during], before, during))
    return Noticed(tuple(findings), (), tests)


def _shift(key: tuple[str, str], records: Sequence[LogRecord], before: Sequence[float], during: Sequence[float]) -> Finding:
    usual, now = median(before), median(during)
    slowest = sorted(records, key=lambda record: -(milliseconds(record) or 0.0))
    return Finding(
        kind="latency_shift",
        level="MEDIUM",
        service=key[0],
        title=f"{key[1]} is slower"[:160],
        told=f"Half of {len(during)} took more than {_time(now)}; of {len(before)} in the baseline, half took more than {_time(usual)}.",
        count=len(records),
        records=tuple(slowest),
        p=ranks.mann_whitney_greater(during, before),
        numbers={"ratio": round(now / usual, 2) if usual else 0.0, "median_ms": round(now, 2), "baseline_ms": round(usual, 2)},
        healable=True,
        error_type="performance",
    )


def _routes(census: Census) -> dict[tuple[str, str], list[LineKind]]:
    """Requests of one route belong together however they ended well; other lines by their kind."""
    found: dict[tuple[str, str], list[LineKind]] = {}
    for kind in census.kinds:
        name, _, status = kind.text.rpartition(" answered ") if kind.is_access else (kind.text, "", "")
        if not (kind.is_access and status >= "4"):
            found.setdefault((kind.service, name), []).append(kind)
    return found


def _before(kind: LineKind) -> list[LogRecord]:
    return kind.before


def _during(kind: LineKind) -> list[LogRecord]:
    return kind.during


def _durations(records: Sequence[LogRecord]) -> list[float]:
    return [found for record in records[-_MOST:] if (found := milliseconds(record)) is not None]


def _of_attributes(attributes: Mapping[str, Any]) -> float | None:
    if attributes.keys().isdisjoint(_NAMES):
        return None
    for name, scale in _ATTRIBUTES.items():
        if (number := _number(attributes.get(name))) is not None:
            return number * scale
    for name in _WITH_UNIT:
        if told := _QUANTITY.fullmatch(str(attributes.get(name, "")).strip()):
            return float(told[1]) * _UNITS[told[2].lower()]
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, str) and re.fullmatch(r"\d+(?:\.\d+)?", value) else None


def _time(ms: float) -> str:
    return f"{ms / 1000:.3g} s" if ms >= 1000 else f"{ms:.3g} ms"
