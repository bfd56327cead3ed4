from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Misconfigured, Refusal
from tests.cases.stories import anomaly, certified, deployed, diagnosed
from tests.conftest import Clock


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.sqlite'}"


@pytest.fixture
def ledger(url: str, clock: Clock) -> Ledger:
    return Ledger(Database.open(url), clock)


def test_the_same_error_is_one_case_however_often_it_is_seen(ledger: Ledger) -> None:
    first, created = ledger.open_case("shop", anomaly(), actor="kintsugi")
    later = anomaly(first_seen="2026-11-20T10:15:30+00:00", last_seen="2026-11-20T10:16:00+00:00")
    again, created_again = ledger.open_case("shop", later, actor="kintsugi")
    assert (created, created_again) == (True, False)
    assert again.id == first.id
    assert again.occurrences == 6


def test_an_error_that_was_known_by_a_former_identity_is_the_same_case(ledger: Ledger) -> None:
    first, _ = ledger.open_case("shop", anomaly("1" * 16), actor="kintsugi")
    seen = anomaly("2" * 16, first_seen="2026-11-20T10:15:30+00:00", last_seen="2026-11-20T10:16:00+00:00")
    again, created = ledger.open_case("shop", {**seen, "fingerprint": {**seen["fingerprint"], "former": "1" * 16}}, actor="kintsugi")
    assert (again.id, created) == (first.id, False)


def test_reading_the_same_window_twice_counts_nothing_twice(ledger: Ledger) -> None:
    ledger.open_case("shop", anomaly(), actor="kintsugi")
    case, _ = ledger.open_case("shop", anomaly(), actor="kintsugi")
    assert case.occurrences == 3


def test_windows_that_overlap_are_not_added_up(ledger: Ledger) -> None:
    ledger.open_case("shop", anomaly(), actor="kintsugi")
    case, _ = ledger.open_case("shop", anomaly(count=5, last_seen="2026-11-20T10:16:00+00:00"), actor="kintsugi")
    assert case.occurrences == 5


def test_a_case_is_not_written_to_more_than_once_a_minute(ledger: Ledger) -> None:
    case, _ = ledger.open_case("shop", anomaly(), actor="kintsugi")
    for second in range(30):
        ledger.open_case("shop", anomaly(last_seen=f"2026-11-20T10:16:{second:02d}+00:00"), actor="kintsugi")
    assert [event.kind for event in ledger.events(case.id)] == ["opened", "recurred"]


def test_one_error_in_two_projects_is_two_cases(ledger: Ledger) -> None:
    shop, _ = ledger.open_case("shop", anomaly(), actor="kintsugi")
    bank, created = ledger.open_case("bank", anomaly(), actor="kintsugi")
    assert created
    assert bank.id != shop.id


def _open_many(url: str, count: int) -> None:
    ledger = Ledger(Database.open(url), lambda: datetime.now(UTC))
    for number in range(count):
        ledger.open_case("shop", anomaly(f"{number:016x}"), actor="kintsugi")


def test_two_processes_may_write_at_once_and_open_each_case_once(url: str, ledger: Ledger) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_open_many, args=(url, 12)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(ledger.cases()) == 12
    assert ledger.verify_chain() == 12


def test_a_case_that_was_closed_as_no_problem_stays_closed(ledger: Ledger) -> None:
    case, _ = ledger.open_case("shop", anomaly(), actor="kintsugi")
    ledger.append(case.id, "closed", {"reason": "load test"}, actor="ada")
    again, created = ledger.open_case("shop", anomaly(last_seen="2026-11-20T11:00:00+00:00"), actor="kintsugi")
    assert not created
    assert again.state is State.FALSE_POSITIVE


@pytest.mark.parametrize(("releases", "state"), [({"r2": 1}, State.REGRESSED), ({"r1": 40}, State.VERIFIED)])
def test_only_a_release_that_carries_the_fix_can_regress(ledger: Ledger, clock: Clock, releases: dict[str, int], state: State) -> None:
    case = deployed(ledger, Approvals(ledger), release="r2")
    ledger.append(case.id, "verified", {"word": "verified"}, actor="kintsugi")
    clock.forward(hours=1)
    after, _ = ledger.open_case("shop", anomaly(last_seen=clock().isoformat(), releases=releases), actor="kintsugi")
    assert after.state is state


def test_an_event_with_a_key_is_written_once(ledger: Ledger) -> None:
    case = diagnosed(ledger)
    for _ in range(3):
        ledger.append(case.id, "ticketed", {"ticket": "KIN-1"}, actor="kintsugi", key="KIN-1")
    assert [event.kind for event in ledger.events(case.id)] == ["opened", "diagnosed", "ticketed"]


def test_an_illegal_move_is_refused_and_leaves_no_trace(ledger: Ledger) -> None:
    case = diagnosed(ledger)
    with pytest.raises(Refusal, match="possible only from: deployed"):
        ledger.append(case.id, "verified", {}, actor="kintsugi")
    assert ledger.case(case.id).state is State.DIAGNOSED
    assert len(ledger.events(case.id)) == 2


def test_an_altered_event_breaks_the_chain(ledger: Ledger) -> None:
    certified(ledger)
    assert ledger.verify_chain() == 4
    with ledger.database.transaction() as connection:
        connection.execute(text("UPDATE case_events SET actor = 'mallory' WHERE number = 2"))
    with pytest.raises(Refusal, match="Event 2 of the ledger was altered"):
        ledger.verify_chain()


def test_secrets_in_evidence_are_not_stored(ledger: Ledger) -> None:
    case, _ = ledger.open_case("shop", anomaly(message="login failed password=hunter2hunter2"), actor="kintsugi")
    assert "hunter2" not in str(ledger.events(case.id))
    assert "login failed" in str(case.evidence["message"])


def test_pause_is_a_switch_that_both_drivers_see(url: str, ledger: Ledger, clock: Clock) -> None:
    ledger.pause(True, actor="ada", reason="release freeze")
    other = Ledger(Database.open(url), clock)
    assert other.paused() == (True, "by ada: release freeze")
    other.pause(False, actor="ada")
    assert ledger.paused()[0] is False


def test_an_unknown_case_gets_a_sentence(ledger: Ledger) -> None:
    with pytest.raises(Refusal, match="There is no case 'case_nope'"):
        ledger.case("case_nope")


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path, clock: Clock) -> None:
    damaged = tmp_path / "state.sqlite"
    damaged.write_bytes(b"this is not a database, it only looks like one" * 100)
    with pytest.raises(Misconfigured, match="not a sound database"):
        Ledger(Database.open(f"sqlite:///{damaged}"), clock)
    assert damaged.read_bytes().startswith(b"this is not")


def test_a_read_only_database_gets_a_sentence(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.sqlite"
    monkeypatch.chdir(tmp_path)
    Ledger(Database.open(f"sqlite:///{path}"), clock)
    with pytest.raises(Misconfigured, match="cannot be written"):
        diagnosed(Ledger(Database.open(f"sqlite:///file:{path}?mode=ro&uri=true"), clock))
    assert not [entry for entry in tmp_path.iterdir() if not entry.name.startswith(path.name)]
