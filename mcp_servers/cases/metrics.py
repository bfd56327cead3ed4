"""Figures of the loop, computed from cases: never typed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from mcp_servers.cases.model import Case, State


@dataclass(frozen=True, slots=True)
class LoopMetrics:
    """Counts by state, and median minutes from the first error to detection (MTTD), diagnosis and verified repair (MTTR). None: no case has got there."""

    cases: int
    by_state: dict[str, int]
    mttd_minutes: float | None
    mttdiagnose_minutes: float | None
    mttr_minutes: float | None
    verified_share: float | None


def loop_metrics(cases: Sequence[Case]) -> LoopMetrics:
    deployed = [case for case in cases if "deployed" in case.times]
    verified = [case for case in deployed if case.state is State.VERIFIED]
    return LoopMetrics(
        cases=len(cases),
        by_state=dict(sorted(Counter(str(case.state) for case in cases).items())),
        mttd_minutes=_median_minutes(cases, "opened"),
        mttdiagnose_minutes=_median_minutes(cases, "diagnosed"),
        mttr_minutes=_median_minutes(cases, "verified"),
        verified_share=round(len(verified) / len(deployed), 3) if deployed else None,
    )


def _median_minutes(cases: Sequence[Case], milestone: str) -> float | None:
    spans = [(case.times[milestone] - _began(case)).total_seconds() / 60 for case in cases if milestone in case.times]
    return round(median(spans), 2) if spans else None


def _began(case: Case) -> datetime:
    onset = str(case.evidence.get("onset") or case.evidence.get("first_seen") or "")
    try:
        return datetime.fromisoformat(onset)
    except ValueError:
        return case.opened
