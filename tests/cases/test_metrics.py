from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.commands.metrics import metrics as command
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.metrics import Metric, Window, metrics
from mcp_servers.cases.model import Case, Event
from mcp_servers.cases.policy import fold
from mcp_servers.kit.database import Database
from mcp_servers.knowledge.counting import counts
from mcp_servers.knowledge.issues import IssueStore, RuntimeIssue
from mcp_servers.knowledge.patterns import Change, PatternStore, Scanned, Use
from tests.cases.stories import anomaly

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=30), NOW)
COUNTS = {"pattern_uses": 0, "pattern_revisions_from_runtime": 0, "notices": 0, "coordinated_fixes": 0}


@dataclass(frozen=True)
class Life:
    """What happens to one case, in minutes after its first error; an end of None leaves it open."""

    detect: int
    diagnose: int
    propose: int
    certified: bool
    end: str | None


lives = st.builds(
    Life,
    st.integers(0, 90),
    st.integers(0, 90),
    st.integers(0, 90),
    st.booleans(),
    st.sampled_from([None, "inconclusive", "closed", "proposed", "verified", "regressed"]),
)


def _case(number: int, life: Life) -> tuple[Case, list[Event]]:
    name, began = f"case_{number}", NOW - timedelta(days=20)
    events: list[Event] = []

    def happens(kind: str, minute: float, **data: Any) -> None:
        events.append(Event(len(events), name, kind, began + timedelta(minutes=minute), "kintsugi", data))

    minute = life.detect
    evidence = anomaly(onset=began.isoformat())
    happens("opened", minute, project="shop", title="t", service="", severity="HIGH", fingerprint=name, evidence=evidence)
    if life.end == "closed":
        happens("closed", minute + 1)
    elif life.end == "inconclusive":
        happens("inconclusive", minute + life.diagnose, status="inconclusive")
    elif life.end:
        happens("diagnosed", minute := minute + life.diagnose, status="likely")
        happens("proposed", minute := minute + life.propose, fix=f"fix_{number}", digest="d")
        happens("certified", minute, fix=f"fix_{number}", digest="d", certificate={"passed": life.certified})
        if life.end != "proposed":
            for kind in ("approved", "applied", "deployed", life.end):
                happens(kind, minute := minute + 1, fix=f"fix_{number}")
    return fold(events), events


def _metrics(told: Sequence[Life]) -> dict[str, Metric]:
    made = [_case(number, life) for number, life in enumerate(told)]
    events = [event for _, own in made for event in own]
    return {one.name: one for one in metrics([case for case, _ in made], events, COUNTS, WINDOW)}


@pytest.mark.promise("S0.35")
@given(st.lists(lives, max_size=8))
def test_response_is_what_the_ledger_says(told: Sequence[Life]) -> None:
    found = _metrics(told)
    diagnosed = [life for life in told if life.end in ("proposed", "verified", "regressed")]
    verified = [life for life in told if life.end == "verified"]
    assert (found["mean_time_to_detect"].numerator, found["mean_time_to_detect"].denominator) == (
        sum(life.detect for life in told),
        len(told),
    )
    assert found["mean_time_to_diagnose"].numerator == sum(life.detect + life.diagnose for life in diagnosed)
    assert found["mean_time_to_diagnose"].denominator == len(diagnosed)
    assert found["mean_time_to_resolve"].numerator == sum(life.detect + life.diagnose + life.propose + 4 for life in verified)
    assert found["mean_time_to_resolve"].denominator == len(verified)
    assert found["incidents_prevented"].value is None


@pytest.mark.promise("S3.12")
@given(st.lists(lives, max_size=8))
def test_targets_are_what_the_ledger_says(told: Sequence[Life]) -> None:
    found = _metrics(told)
    tried = [life for life in told if life.end in ("proposed", "verified", "regressed")]
    unsure = sum(life.end == "inconclusive" for life in told)
    assert (found["viable_fixes"].numerator, found["viable_fixes"].denominator) == (sum(life.certified for life in tried), len(tried))
    assert (found["root_causes_named"].numerator, found["root_causes_named"].denominator) == (len(tried), len(tried) + unsure)
    assert (found["false_positives"].numerator, found["false_positives"].denominator) == (
        sum(life.end == "closed" for life in told),
        len(told),
    )
    assert found["mean_time_to_propose"].numerator == sum(life.diagnose + life.propose for life in tried)
    deployed = sum(life.end in ("verified", "regressed") for life in told)
    assert (found["mean_time_to_deploy"].numerator, found["mean_time_to_deploy"].denominator) == (2 * deployed, deployed)


@pytest.mark.promise("S0.36")
@given(st.lists(lives, max_size=8))
def test_growth_is_counted_and_scaled_to_a_month(told: Sequence[Life]) -> None:
    found = _metrics(told)
    judged, ended = (
        sum(life.end in ends for life in told) for ends in (("verified", "regressed"), ("verified", "regressed", "inconclusive"))
    )
    assert found["dev_to_prod_feedback_loops"].value == judged
    assert (found["automated_issue_resolutions"].numerator, found["automated_issue_resolutions"].denominator) == (
        sum(life.end == "verified" for life in told),
        ended,
    )


def test_what_happened_before_the_window_does_not_count() -> None:
    case, events = _case(1, Life(3, 4, 5, True, "verified"))
    late = Window(NOW - timedelta(days=1), NOW)
    found = {one.name: one.value for one in metrics([case], events, COUNTS, late)}
    assert found["mean_time_to_detect"] is None
    assert found["dev_to_prod_feedback_loops"] == 0


def test_what_nobody_counted_is_no_zero() -> None:
    found = {one.name: one for one in metrics([], [], {}, WINDOW)}
    assert found["coordinated_fixes"].value is None
    assert found["coordinated_fixes"].met is None
    assert found["runtime_lessons_learned"].value == 0


@pytest.mark.promise("S0.34")
def test_quality_is_counted_over_the_uses_of_patterns(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'kintsugi.sqlite'}")
    store = PatternStore(database)
    for name in ("shop", "stock"):
        store.record(name, Scanned({"a.py": [Use("Retry", "retry", {"attempts": 3.0}), Use(f"pool-{name}", "pool", {"size": 5.0})]}))
    changes = [
        Change("shop", "Retry", "attempts", 3.0, 5.0, cause="case_1", at=NOW),
        Change("shop", "pool-shop", "size", 5.0, 6.0, at=NOW),
        Change("shop", "pool-shop", "size", 6.0, 7.0, cause="case_2", at=NOW - timedelta(days=60)),
    ]
    store.record("shop", Scanned({}, changes))
    IssueStore(database).add(RuntimeIssue("i", "stock", NOW, "error", "HIGH", "web", "x", pattern="retry"))
    found = {one.name: one for one in metrics([], [], counts(database, WINDOW.since), WINDOW)}
    database.close()
    shown = {name: (found[name].numerator, found[name].denominator) for name in found if found[name].group == "quality"}
    assert shown == {
        "pattern_production_success_rate": (3, 4),
        "patterns_with_no_issues": (2, 3),
        "pattern_revision_due_to_runtime": (1, 2),
    }
    assert found["pattern_updates_from_production"].value == 1
    assert found["cross_service_insights"].value == 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    database = Database.open(f"sqlite:///{tmp_path / 'kintsugi.sqlite'}")
    began = datetime.now(UTC) - timedelta(minutes=3)
    Ledger(database, lambda: datetime.now(UTC)).open_case("shop", anomaly(onset=began.isoformat()), actor="kintsugi")
    database.close()
    return tmp_path


@pytest.mark.usefixtures("home")
def test_the_command_tells_machines_and_people() -> None:
    told = json.loads(CliRunner().invoke(command, ["--json"], catch_exceptions=False).stdout)
    by_name = {one["name"]: one for one in told["metrics"]}
    assert by_name["mean_time_to_detect"]["value"] == pytest.approx(3, abs=0.5)
    assert by_name["mean_time_to_detect"]["met"] is True
    assert by_name["mean_time_to_resolve"]["not_enough_data"] is True
    lines = CliRunner().invoke(command, ["--prometheus"], catch_exceptions=False).stdout.splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(samples['kintsugi_mean_time_to_detect_minutes{project=""}']) == pytest.approx(3, abs=0.5)
    assert samples['kintsugi_mean_time_to_resolve_minutes{project=""}'] == "NaN"
    assert len(samples) == len(by_name)
    shown = CliRunner().invoke(command, [], catch_exceptions=False).stdout
    assert "not enough data" in shown
    assert all(name in shown for name in by_name)
