"""Any order of asking, answering, attacking and waiting: nothing is accepted that the law does not allow, and what it allows acts once."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from tests.cases.approving import CHANNELS, PEOPLE, RISKS, World
from tests.conftest import Clock
from tests.databases import database, database_url

__all__ = ["database", "database_url"]
_numbers = count()
which = st.sampled_from([0, 1])
people = st.sampled_from(PEOPLE)


class Machine(RuleBasedStateMachine):
    """Drives a world; each rule is one act in it."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        clock = Clock()
        self.world = World(Ledger(self.database, clock), clock, next(_numbers))

    @rule(one=which, risk=st.sampled_from(RISKS))
    def ask(self, one: int, risk: str) -> None:
        self.world.ask(self.world.subjects[one], risk)

    @rule(one=which, person=people, channel=st.sampled_from(CHANNELS))
    def approve(self, one: int, person: str, channel: str) -> None:
        self.world.approve(self.world.subjects[one], person, channel)

    @rule(one=which, person=st.sampled_from(["ada", "linus"]), risk=st.sampled_from(RISKS))
    def ask_and_approve(self, one: int, person: str, risk: str) -> None:
        self.world.ask(self.world.subjects[one], risk)
        self.world.approve(self.world.subjects[one], person, "signed")

    @rule(one=which, person=people)
    def attack(self, one: int, person: str) -> None:
        self.world.approve_altered(self.world.subjects[one], person)
        self.world.approve_what_was(self.world.subjects[one], person)
        self.world.apply_altered(self.world.subjects[one])
        self.world.apply_another()

    @rule(one=which)
    def apply(self, one: int) -> None:
        self.world.apply(self.world.subjects[one])

    @rule(one=which)
    def apply_and_die(self, one: int) -> None:
        self.world.apply_and_die(self.world.subjects[one])

    @rule(one=which, person=people)
    def reject(self, one: int, person: str) -> None:
        self.world.reject(self.world.subjects[one], person)

    @rule(one=which, person=people)
    def revoke(self, one: int, person: str) -> None:
        self.world.revoke(self.world.subjects[one], person)

    @rule(one=which)
    def certify_anew(self, one: int) -> None:
        self.world.certify_anew(self.world.subjects[one])

    @rule(one=which)
    def supersede(self, one: int) -> None:
        self.world.supersede(self.world.subjects[one])

    @rule(minutes=st.sampled_from([5, 59, 61, 60 * 24 * 8]))
    def wait(self, minutes: int) -> None:
        self.world.wait(minutes)

    @rule()
    def look(self) -> None:
        self.world.look()

    def teardown(self) -> None:
        self.world.settled()


@cache
def _scratch() -> Database:
    folder = tempfile.mkdtemp(prefix="kintsugi-machine-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    return Database.open(f"sqlite:///{folder}/state.sqlite")


@pytest.mark.promise("S3.11")
def test_no_order_of_acts_gets_anything_accepted_that_the_law_does_not_allow() -> None:
    class Fast(Machine):
        database = _scratch()

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Fast, settings=settings(max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    )


def test_of_those_that_race_for_one_approval_one_acts_on_every_store(database: Database) -> None:
    clock = Clock()
    with ThreadPoolExecutor(8) as pool:
        for number in range(6):
            world = World(Ledger(database, clock), clock, number)
            one, other = world.subjects
            world.ask(one, "high")
            world.approve(one, "ada", "signed")
            world.race(one, pool, 8)
            world.approve(one, "linus", "signed")
            world.race(other, pool, 8)
            world.race(one, pool, 8)
            world.race(one, pool, 8)
            world.settled()
            assert one.acted == 1
