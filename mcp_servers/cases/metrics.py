"""Figures of the loop, computed from the ledger and from counts of knowledge: never typed in. Each says what it divides by what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from mcp_servers.cases.model import Case, Event, State

Group = Literal["quality", "response", "growth", "target"]
Unit = Literal["share", "minutes", "per 30 days"]
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Metric:
    """`numerator` over `denominator`, or not enough data where that is 0. `goal` bounds the value: at least (rising) or less than it.

    Minutes are summed in the numerator and divided by how many cases there were; growth is counted and scaled to 30 days.
    """

    name: str
    group: Group
    unit: Unit
    numerator: float
    denominator: float
    goal: float
    rising: bool
    definition: str

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        return self.value >= self.goal if self.rising else self.value < self.goal


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at, aware UTC; `since` belongs to it, `until` does not."""

    since: datetime
    until: datetime

    @property
    def months(self) -> float:
        return (self.until - self.since) / MONTH

    def holds(self, moment: datetime | None) -> bool:
        return moment is not None and self.since <= moment < self.until


def metrics(cases: Sequence[Case], events: Iterable[Event], counts: Mapping[str, int], window: Window) -> tuple[Metric, ...]:
    """Every promised figure over what happened in the window. `counts` are those of knowledge (see its `counting`); one that is missing
    leaves its figure without data. Events of cases that are not among `cases` are left out."""
    own = {case.id for case in cases}
    happened = [event for event in events if event.case in own and window.holds(event.at)]
    return (
        *_quality(counts),
        *_response(cases, counts, window),
        *_growth(cases, happened, counts, window),
        *_targets(cases, happened, window),
    )


def by_state(cases: Sequence[Case]) -> dict[str, int]:
    return dict(sorted(Counter(str(case.state) for case in cases).items()))


def _quality(counts: Mapping[str, int]) -> Iterator[Metric]:
    uses, patterns, revisions = (counts.get(name, 0) for name in ("pattern_uses", "patterns", "pattern_revisions"))
    yield Metric(
        "pattern_production_success_rate", "quality", "share", uses - counts.get("pattern_uses_with_issues", 0), uses, 0.95, True,
        "uses of patterns (one for each repository and pattern) that had no runtime issue",
    )  # fmt: skip
    yield Metric(
        "patterns_with_no_issues", "quality", "share", patterns - counts.get("patterns_with_issues", 0), patterns, 0.8, True,
        "patterns that had no runtime issue in any repository",
    )  # fmt: skip
    yield Metric(
        "pattern_revision_due_to_runtime", "quality", "share", counts.get("pattern_revisions_from_runtime", 0), revisions, 0.1, False,
        "changes of a pattern's values that answer a case or an issue, of all changes",
    )  # fmt: skip


def _response(cases: Sequence[Case], counts: Mapping[str, int], window: Window) -> Iterator[Metric]:
    for name, milestone, goal, words in (
        ("mean_time_to_detect", "opened", 5.0, "the opening of the case"),
        ("mean_time_to_diagnose", "diagnosed", 15.0, "the diagnosis"),
        ("mean_time_to_resolve", "verified", 60.0, "a fix that production verified"),
    ):
        spans = list(_spans(cases, began, _moment(milestone), window))
        yield Metric(name, "response", "minutes", sum(spans), len(spans), goal, False, f"minutes from the first error to {words}")
    prevented = counts.get("findings_mended", 0)
    occurred = len(cases) if prevented else 0
    yield Metric(
        "incidents_prevented", "response", "share", prevented, prevented + occurred, 0.5, True,
        "findings of guards that were mended before production, of these and all cases; over all time",
    )  # fmt: skip


def _growth(cases: Sequence[Case], happened: Sequence[Event], counts: Mapping[str, int], window: Window) -> Iterator[Metric]:
    judged = {event.case for event in happened if event.kind in ("verified", "regressed")}
    for name, count, goal, words in (
        ("runtime_lessons_learned", sum(event.kind == "learned" for event in happened), 100, "lessons that cases taught"),
        (
            "pattern_updates_from_production",
            counts.get("pattern_revisions_from_runtime"),
            50,
            "changes of a pattern's values that answer a case or an issue",
        ),
        ("cross_service_insights", counts.get("notices"), 20, "words to a repository that a pattern which it uses was changed elsewhere"),
        ("dev_to_prod_feedback_loops", len(judged), 100, "cases whose deployed fix production judged, whichever way"),
        ("coordinated_fixes", counts.get("coordinated_fixes"), 30, "changes that tickets carried to other repositories"),
    ):
        yield Metric(name, "growth", "per 30 days", count or 0, window.months if count is not None else 0, goal, True, words)
    settled = [case for case in cases if case.state in _SETTLED and window.holds(max(case.times.values()))]
    healed = [case for case in settled if case.state is State.VERIFIED and case.fix]
    yield Metric(
        "automated_issue_resolutions", "growth", "share", len(healed), len(settled), 0.4, True,
        "cases that a certified fix of the loop ended in production, of all that ended; false alarms are none",
    )  # fmt: skip


def _targets(cases: Sequence[Case], happened: Sequence[Event], window: Window) -> Iterator[Metric]:
    opened = [case for case in cases if window.holds(case.opened)]
    judged = [case for case in opened if case.diagnosis]
    named = [case for case in judged if case.diagnosis.get("status") in ("confirmed", "likely")]
    yield Metric(
        "root_causes_named", "target", "share", len(named), len(judged), 0.7, True, "cases with a confirmed or likely cause, of those that were diagnosed"
    )  # fmt: skip
    tried = {str(event.data.get("fix", "")): _passed(event) for event in happened if event.kind == "certified"}
    refuted = {str(event.data.get("fix", "")) for event in happened if event.kind == "refuted"} - tried.keys()
    yield Metric(
        "viable_fixes", "target", "share", sum(tried.values()), len(tried) + len(refuted), 0.6, True, "proposals that were certified, of those that were tried"
    )  # fmt: skip
    for name, start, end, goal, words in (
        ("mean_time_to_propose", "opened", "proposed", 5.0, "minutes from the opening of the case to its latest proposal"),
        ("mean_time_to_deploy", "approved", "deployed", 10.0, "minutes from the approval to the deployment"),
    ):
        spans = list(_spans(cases, _moment(start), _moment(end), window))
        yield Metric(name, "target", "minutes", sum(spans), len(spans), goal, False, words)
    false = [case for case in opened if case.state is State.FALSE_POSITIVE]
    yield Metric(
        "false_positives",
        "target",
        "share",
        len(false),
        len(opened),
        0.2,
        False,
        "cases that were closed as false positives, of those opened",
    )


def _passed(event: Event) -> bool:
    certificate: Mapping[str, Any] = event.data.get("certificate") or {}
    return bool(certificate.get("passed", True))


_SETTLED = frozenset({State.VERIFIED, State.REJECTED, State.INCONCLUSIVE, State.REGRESSED, State.ROLLED_BACK})


def _spans(
    cases: Sequence[Case], start: Callable[[Case], datetime | None], end: Callable[[Case], datetime | None], window: Window
) -> Iterator[float]:
    """Minutes between two moments of the cases whose second one lies in the window; clocks that disagree make no time run backwards."""
    for case in cases:
        one, two = start(case), end(case)
        if one and two and window.holds(two):
            yield max((two - one).total_seconds(), 0.0) / 60


def _moment(name: str) -> Callable[[Case], datetime | None]:
    return lambda case: case.times.get(name)


def began(case: Case) -> datetime | None:
    """When the first error of the case was; None where its evidence does not say."""
    told = str(case.evidence.get("onset") or case.evidence.get("first_seen") or "")
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
