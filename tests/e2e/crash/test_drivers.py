"""Several drivers at once on one store: each effect once, whoever dies, sleeps or has a clock that jumped."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from tests.components import needs
from tests.databases import database_url, new_postgresql_database
from tests.e2e.crash.fleet import Fleet, build, check, drive
from tests.e2e.forks import FORKS

__all__ = ["database_url"]
pytestmark = needs("bubblewrap")
DEFECTS, LAPSE = 3, 2.0


def beginning(folder: Path, url: str, homes: Sequence[str]) -> Fleet:
    build(folder, DEFECTS)
    (folder / "store").write_text(url, "utf-8")
    drivers = [FORKS.Process(target=drive, args=(folder, home, DEFECTS, LAPSE)) for home in homes]
    return Fleet(folder, drivers)


def test_two_drivers_in_one_state_folder_do_everything_once(tmp_path: Path, database_url: str) -> None:
    with beginning(tmp_path, database_url, ["home", "home"]) as fleet:
        fleet.approve_until(fleet.ended)
    assert [driver.exitcode for driver in fleet.drivers] == [0, 0]
    assert sorted(path.name for path in (tmp_path / "home").glob("workflows*.sqlite")) == ["workflows-2.sqlite", "workflows.sqlite"]
    check(tmp_path, DEFECTS)


@needs("postgresql")
def test_of_three_hosts_one_is_killed_one_sleeps_and_one_has_yesterdays_clock(tmp_path: Path) -> None:
    (tmp_path / "three.days").write_text("-1")
    with beginning(tmp_path, new_postgresql_database(), ["one", "two", "three"]) as fleet:
        fleet.approve_until(lambda: fleet.works("one"))
        fleet.signal(0, signal.SIGKILL)
        fleet.approve_until(lambda: fleet.works("two"))
        fleet.signal(1, signal.SIGSTOP)
        fleet.approve_until(lambda: fleet.drivers[2].exitcode is not None)
        fleet.signal(1, signal.SIGCONT)
        fleet.approve_until(fleet.ended)
    assert [driver.exitcode for driver in fleet.drivers] in (
        [-signal.SIGKILL, 0, 0],
        [0, 0, 0],
    )  # the quick may be done before they are struck
    check(tmp_path, DEFECTS)
