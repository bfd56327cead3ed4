"""A driver keeps its cases while it lives; what a dead or sleeping one left goes to another, and the late one writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.gate import LedgerGate
from mcp_servers.cases.leases import FENCED, Lease, Leases, holding
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from tests.conftest import Clock
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

CASE = "case_a"
ANOMALY = {"title": "ZeroDivisionError", "fingerprint": {"coarse": "abc"}, "count": 3}


class Watch:
    """A monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def driver(database: Database, watch: Watch) -> Callable[..., Leases]:
    def named(name: str, gone: Callable[[str], bool] = lambda _: False) -> Leases:
        return Leases(database, name, lapse=20.0, monotonic=watch, gone=gone)

    return named


def taken(leases: Leases, case: str = CASE) -> Lease:
    lease = leases.take(case)
    assert lease is not None
    return lease


def test_a_case_has_one_driver_and_a_free_one_goes_to_the_next(driver: Callable[..., Leases]) -> None:
    one, two = driver("one"), driver("two")
    first = taken(one)
    assert taken(one) == first, "keeping it is no new lease"
    assert two.take(CASE) is None
    assert two.take("case_b") is not None
    one.release(CASE)
    assert taken(two).fence > first.fence


def test_a_driver_that_beats_keeps_its_case_however_long_a_move_takes(driver: Callable[..., Leases], watch: Watch) -> None:
    one, two = driver("one"), driver("two")
    taken(one)
    for _ in range(20):
        assert two.take(CASE) is None
        watch.seconds += 15
        one.beat()


def test_a_driver_without_a_beat_loses_its_case_after_the_lapse_and_not_before(driver: Callable[..., Leases], watch: Watch) -> None:
    one, two = driver("one"), driver("two")
    first = taken(one)
    watch.seconds += 500
    assert two.take(CASE) is None, "a watcher that has only begun to look knows nothing yet"
    watch.seconds += 19
    assert two.take(CASE) is None
    watch.seconds += 2
    assert taken(two).fence == first.fence + 1
    assert one.take(CASE) is None


def test_a_driver_that_had_nothing_to_do_is_not_dead_when_it_takes_a_case_again(driver: Callable[..., Leases], watch: Watch) -> None:
    one, two = driver("one"), driver("two")
    taken(one)
    assert two.take(CASE) is None
    one.release(CASE)
    watch.seconds += 3600
    taken(one)
    assert two.take(CASE) is None


def test_a_driver_that_is_known_to_be_gone_is_not_waited_for(driver: Callable[..., Leases]) -> None:
    first = taken(driver("one"))
    assert taken(driver("two", gone=lambda name: name == "one")).fence == first.fence + 1


def test_a_driver_that_starts_again_takes_its_own_cases_back_at_once(driver: Callable[..., Leases]) -> None:
    first = taken(driver("one"))
    assert taken(driver("one")).fence == first.fence + 1


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_jumps_a_day_changes_no_lease(database: Database, driver: Callable[..., Leases], clock: Clock, days: int) -> None:
    ledger, one, two = Ledger(database, clock), driver("one"), driver("two")
    case, _ = ledger.open_case("shop", ANOMALY, actor="kintsugi")
    lease = taken(one, case.id)
    assert two.take(case.id) is None
    clock.forward(days=days)
    assert two.take(case.id) is None
    with holding(lease):
        ledger.append(case.id, "recurred", {"count": 1}, actor="kintsugi")
    assert ledger.verify_chain() == 2


def test_a_late_driver_writes_nothing_and_the_one_in_its_place_does(
    database: Database, driver: Callable[..., Leases], clock: Clock, watch: Watch
) -> None:
    ledger, one, two = Ledger(database, clock), driver("one"), driver("two")
    gate = LedgerGate(ledger, Approvals(ledger))
    case, _ = ledger.open_case("shop", ANOMALY, actor="kintsugi")
    late = taken(one, case.id)
    assert two.take(case.id) is None
    watch.seconds += 21
    now = taken(two, case.id)
    diagnosis = {"status": "confirmed", "cause": "a zero"}
    with holding(late):
        for write in (
            lambda: ledger.append(case.id, "diagnosed", diagnosis, actor="one"),
            lambda: gate.admit(Write("transition_ticket", "one")),
            lambda: gate.record(Write("record_diagnosis", "one", case.id), "diagnosed", diagnosis),
        ):
            with pytest.raises(Refusal, match="went to another driver") as refused:
                write()
            assert refused.value.code == FENCED
    one.release(case.id)
    with holding(now):
        ledger.append(case.id, "diagnosed", diagnosis, actor="two")
    ledger.append(case.id, "recurred", {"count": 1}, actor="ada")
    assert [event.actor for event in ledger.events(case.id)] == ["kintsugi", "two", "ada"]


def test_many_drivers_at_once_get_one_lease(driver: Callable[..., Leases]) -> None:
    drivers, start = [driver(f"driver {number}") for number in range(8)], threading.Barrier(8)

    def take(one: Leases) -> Lease | None:
        start.wait()
        return one.take(CASE)

    with ThreadPoolExecutor(8) as pool:
        assert sum(lease is not None for lease in pool.map(take, drivers)) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["take", "release", "beat", "sleep", "restart", "write"])), max_size=40))
def test_whatever_drivers_do_there_is_one_that_may_write_and_fences_only_rise(story: list[tuple[int, str]]) -> None:
    store, watch, clock = Database.open("sqlite://"), Watch(), Clock()
    ledger = Ledger(store, clock)
    case, _ = ledger.open_case("shop", ANOMALY, actor="kintsugi")

    def begun(number: int) -> Leases:
        return Leases(store, f"driver {number}", lapse=20.0, monotonic=watch)

    drivers, believed, fences = [begun(number) for number in range(3)], dict[int, Lease](), [0]
    for number, deed in story:
        if deed == "take" and (lease := drivers[number].take(case.id)) is not None:
            assert lease == believed.get(number) or lease.fence > max(fences)
            believed[number] = lease
            fences.append(lease.fence)
        elif deed == "release":
            drivers[number].release(case.id)
        elif deed == "beat":
            drivers[number].beat()
        elif deed == "sleep":
            watch.seconds += 15
        elif deed == "restart":
            drivers[number] = begun(number)
        elif deed == "write":
            may = [number for number, lease in believed.items() if _writes(ledger, case.id, lease)]
            assert len(may) <= 1
            assert all(believed[number].fence == max(fences) for number in may)
    store.close()


def _writes(ledger: Ledger, case: str, lease: Lease) -> bool:
    try:
        with holding(lease):
            ledger.append(case, "recurred", {"count": 1}, actor=lease.holder)
    except Refusal as refusal:
        return refusal.code != FENCED
    return True
