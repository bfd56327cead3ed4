"""When it tends to break: slots of the week that chance does not explain, a watch ahead of them, and the word of the gate."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kintsugi.shipping.periods import risky
from kintsugi.shipping.rounds import chores
from kintsugi.tools import Tools
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.monitoring import Monitoring
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.cases.stories import anomaly
from tests.conftest import Clock
from tests.e2e.strangers import git

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def mondays(count: int, hour: int = 9) -> list[tuple[datetime, str]]:
    return [(MONDAY - timedelta(weeks=week, hours=-hour), "cart") for week in range(count)]


@pytest.mark.promise("S1.24")
def test_a_slot_of_the_week_in_which_it_breaks_again_and_again_is_told() -> None:
    began = [*mondays(4), (MONDAY + timedelta(days=3, hours=2), "mail"), (MONDAY - timedelta(days=5), "")]
    [period] = risky(began, MONDAY + timedelta(days=6))
    assert period.told == "Mondays 08:00 to 12:00 UTC, when 4 of 6 incidents began"
    assert period.services == ("cart",)
    assert period.begins(MONDAY + timedelta(days=6)) == MONDAY + timedelta(days=7, hours=8)
    assert period.begins(MONDAY + timedelta(hours=9)) == MONDAY + timedelta(hours=8)


def test_one_bad_morning_is_no_pattern() -> None:
    assert risky([(MONDAY + timedelta(hours=8, minutes=20 * n), "cart") for n in range(9)], MONDAY + timedelta(days=1)) == []


def test_incidents_without_a_pattern_seldom_seem_to_have_one() -> None:
    chance = random.Random(4)
    wrong = sum(bool(risky([(MONDAY - timedelta(days=180 * chance.random()), "cart") for _ in range(60)], MONDAY)) for _ in range(300))
    assert wrong <= 9


@pytest.mark.anyio
@pytest.mark.promise("S1.24")
async def test_the_driver_watches_ahead_of_the_hours_in_which_it_tends_to_break(tmp_path: Path, clock: Clock) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "Start")
    deps = assemble(Project(root, "shop"), home=tmp_path / "home", clock=clock)
    for number, (at, _) in enumerate(reversed(mondays(4))):
        clock.moment = at
        Ledger(deps.database, clock).open_case("shop", anomaly(f"{number:016x}"), actor="kintsugi")
    said: list[str] = []
    for hour, watches in ((6, 0), (7.5, 1), (9, 1)):
        clock.moment = MONDAY + timedelta(weeks=1, hours=hour)
        await chores(deps, Tools(deps, writes=True), said.append)
        assert len(Monitoring(deps.database).running("shop", clock())) == watches
    assert len([one for one in said if "is watched more closely: Mondays 08:00 to 12:00 UTC" in one]) == 1
    [task] = Monitoring(deps.database).running("shop", clock())
    assert task.until == MONDAY + timedelta(weeks=1, hours=12)
