"""How a service does in production, kept beside the patterns that its repository uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kintsugi.loop.telling import ACTOR
from kintsugi.tools import Tools

_MOST = 20


def figures(health: Mapping[str, Any]) -> dict[str, float]:
    """What `get_service_health` measured, as `update_pattern_metrics` takes it: a share, milliseconds, requests a second.

    What the logs do not tell is left out.
    """
    told = {f"latency_{name}": float(value) for name, value in health.get("latency_ms", {}).items()}
    requests, window = health.get("requests"), health["window"]
    if not requests:
        return told
    seconds = (datetime.fromisoformat(window["until"]) - datetime.fromisoformat(window["since"])).total_seconds()
    rates = {"error_rate": requests["failed"] / requests["count"], "throughput_rps": round(requests["count"] / seconds, 4)}
    return rates | told


async def keep(tools: Tools, repository: str, patterns: Iterable[str], health: Mapping[str, Any]) -> None:
    """Keeps the figures of a service for each pattern; nothing where nothing was measured."""
    if measured := figures(health):
        for pattern in list(patterns)[:_MOST]:
            await tools.call("update_pattern_metrics", pattern=pattern, repository=repository, actor=ACTOR, **measured)


async def after_fix(tools: Tools, repository: str, service: str, since: datetime) -> None:
    """Measures a service since its fix was deployed, where its repository uses patterns that are known; else no log is read."""
    patterns = (await tools.call("get_runtime_status", repository=repository))["patterns"]
    if patterns:
        await keep(tools, repository, patterns, await tools.call("get_service_health", service=service, since=since.isoformat()))
