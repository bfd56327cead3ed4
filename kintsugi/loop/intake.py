"""What production shows becomes cases: read the sources, find anomalies, open one case for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kintsugi.tools import Tools

ACTOR = "kintsugi"


@dataclass(frozen=True, slots=True)
class Intake:
    """What one look at production found: ids of cases that were opened or known, and what was left alone with the reason."""

    opened: tuple[str, ...]
    known: tuple[str, ...]
    left_alone: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


async def look(tools: Tools, since: datetime | str, baseline: str = "1h", skip: Callable[[str], bool] = lambda _: False) -> Intake:
    """Reads all sources since a moment and opens cases for what code could end; the rest is reported only. Looking twice opens nothing twice.

    `skip` says of a coarse fingerprint that its case need not be told again.
    """
    seen: dict[str, list[str]] = {"opened": [], "known": []}
    window = since if isinstance(since, str) else since.isoformat()
    reported: list[dict[str, Any]] = []
    offset = 0
    while True:
        found = await tools.call("find_anomalies", since=window, baseline=baseline, offset=offset)
        for anomaly in found["anomalies"]:
            if not anomaly.get("healable", True):
                reported.append(_reported(anomaly))
                continue
            if skip(anomaly["fingerprint"]["coarse"]):
                continue
            answer = await tools.call("open_case", anomaly=anomaly, actor=ACTOR)
            seen["opened" if answer["created"] else "known"].append(answer["id"])
        offset += len(found["anomalies"])
        if not found["anomalies"] or offset >= found["total"]:
            quiet = (*reported, *found.get("left_alone", ()))
            return Intake(tuple(seen["opened"]), tuple(seen["known"]), quiet, tuple(found.get("notes", ())))


def _reported(anomaly: Mapping[str, Any]) -> dict[str, Any]:
    """An anomaly that no change of code would end, as what was left alone."""
    return {"title": anomaly["title"], "reason": f"for people, no code would end it: {anomaly['explain']}", "count": anomaly["count"]}
