"""What stored logs would have told: the cases that they open, and which of them are the failure of an incident that was mended later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kintsugi.backtest.model import Answer, Failure
from kintsugi.backtest.scene import Scene
from kintsugi.tools import Tools
from mcp_servers.fixes.places import Spot
from mcp_servers.kit.project import Project
from mcp_servers.kit.stack import StackTrace, bare_function, resolve_path
from mcp_servers.launch import assemble

_PAGES = 40


@dataclass(frozen=True, slots=True)
class Seen:
    """One problem that the logs show, as a case would be opened for it."""

    coarse: str
    title: str
    at: datetime
    trace: StackTrace | None


def seen(project: Project, since: datetime, until: datetime, home: Path, told: Callable[[str], None]) -> list[Seen]:
    """Every problem in the logs of the project between two moments, the earliest first; one for each coarse fingerprint. `home` is for work files."""
    deps = assemble(project, home=home, clock=lambda: until)
    try:
        found = asyncio.run(_found(Tools(deps, ["logs"], told=told), since, until))
    finally:
        deps.database.close()
    first: dict[str, Seen] = {}
    for one in sorted((_seen(anomaly) for anomaly in found), key=lambda one: one.at):
        first.setdefault(one.coarse, one)
    return list(first.values())


def detected(scene: Scene, cases: Sequence[Seen], begins: datetime | None) -> tuple[Answer, Failure | None]:
    """Whether a case for this incident would have been open before it was mended, with its failure.

    A case is the incident's when a frame of its trace is a function that was mended (a file that was, where functions are not known).
    """
    at = scene.incident.commit.at
    if begins is None or at <= begins:
        return Answer(None, "there are no logs of the time before it was mended"), None
    own = [one for one in cases if one.at < at and one.trace and _concerns(one.trace, scene)]
    if not own:
        return Answer(False, "no case of the logs is in what was mended"), None
    first = own[0]
    early = round((at - first.at).total_seconds() / 60)
    failure = Failure("logs", first.trace, first.title, first.at) if first.trace else None
    return Answer(True, f"{_span(early)} before it was mended", 1, {"case": first.coarse, "minutes_early": early}), failure


def _concerns(trace: StackTrace, scene: Scene) -> bool:
    spots = {Spot(spot.file, bare_function(spot.function)) for spot in scene.spots}
    files = {spot.file for spot in spots if not spot.function and not spot.file.endswith(".py")}
    for one in trace.exceptions:
        for frame in one.frames if spots else ():
            path = resolve_path(frame.file, scene.files) if frame.in_app else None
            if path and (path in files or Spot(path, bare_function(frame.function)) in spots):
                return True
    return False


async def _found(tools: Tools, since: datetime, until: datetime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(_PAGES):
        asked = {"since": since.isoformat(), "until": until.isoformat(), "baseline": "0m", "offset": len(found)}
        answer = await tools.call("find_anomalies", **asked)
        found += answer["anomalies"]
        if len(found) >= answer["total"] or not answer["anomalies"]:
            break
    return found


def _seen(anomaly: dict[str, Any]) -> Seen:
    trace: dict[str, Any] | None = anomaly.get("trace")
    first = datetime.fromisoformat(str(anomaly.get("onset") or anomaly["first_seen"]))
    return Seen(str(anomaly["fingerprint"]["coarse"]), str(anomaly["title"]), first, StackTrace.from_json(trace) if trace else None)


def _span(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h" if minutes < 2880 else f"{minutes / 1440:.0f} days"
