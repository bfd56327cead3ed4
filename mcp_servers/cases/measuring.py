"""The tool that tells how the loop does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from anyio.to_thread import run_sync
from pydantic import Field

from mcp_servers.cases import answers
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.metrics import Metric, Window, by_state, metrics
from mcp_servers.cases.track import records
from mcp_servers.kit.deps import Deps

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

_RECORDS = 40


def measured(ledger: Ledger, deps: Deps, days: int) -> tuple[Window, tuple[Metric, ...]]:
    """Every figure of the watched project (of all projects outside one) over the last days."""
    now = ledger.now()
    window = Window(now - timedelta(days=days), now + timedelta(microseconds=1))
    cases = ledger.cases(project.name if (project := deps.present()) else "")
    return window, metrics(cases, ledger.events_since(0), deps.counted(deps.database, window.since), window)


def register(tools: Toolbox, ledger: Ledger, deps: Deps) -> None:
    @tools.read(title="Metrics of the loop")
    async def get_loop_metrics(days: Annotated[int, Field(ge=1, le=3650)] = 30) -> answers.LoopMetricsAnswer:
        """Cases by state; quality, response and growth of the last days."""
        return await run_sync(_answer, ledger, deps, days)


def _answer(ledger: Ledger, deps: Deps, days: int) -> answers.LoopMetricsAnswer:
    cases = ledger.cases(project.name if (project := deps.present()) else "")
    _, found = measured(ledger, deps, days)
    answer = answers.LoopMetricsAnswer(
        cases=len(cases),
        by_state=by_state(cases),
        paused=ledger.paused()[0],
        metrics=_told(found),
        not_enough_data=[one.name for one in found if one.value is None],
    )
    if kept := records(ledger.events_since(0), ledger.now()).records:
        answer["track_record"] = [answers.track_record(one) for one in kept.values()][:_RECORDS]
    return answer


def _told(found: Sequence[Metric]) -> list[answers.MetricLine]:
    return [
        answers.MetricLine(
            name=one.name,
            value=round(one.value, 3),
            unit=one.unit,
            of=f"{one.numerator:g}/{one.denominator:.3g}",
            goal=f"{'at least' if one.rising else 'under'} {one.goal:g}",
            met=bool(one.met),
        )
        for one in found
        if one.value is not None
    ]
