"""Kill -9 at any step of a case and start again: the case goes on, with one ticket, one branch, one pull request, one lesson.

The boundaries are learned from a walk that nobody interrupts: before and after each tool call, each commit of a write transaction (so also
each append to the ledger) and each update of a ref. Two between which not a byte on disk changed are the same to whoever starts after a kill:
of those the last is struck, where a transaction may be open. To keep the time short they are dealt out over a few walks, so that one walk is killed and started again a dozen times;
what a walk did not pass any more, because an earlier kill led it another way, is struck in a walk of its own. All processes are forked from one
that has done the imports, and die with their group, git included; the sandbox has a session of its own and dies with its parent.
`python -m benchmarks crash` strikes each boundary twenty-five times.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.components import needs
from tests.databases import new_postgresql_database
from tests.e2e.crash.walks import Ground, Walked, boundaries, check, strike, walk, written

WALKS, AT_ONCE = 5, 5
SEED = 20261120


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="module")
def places(story: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    return boundaries(Ground(story), tmp_path_factory.mktemp("quiet"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs("postgresql"))])
def ground(request: pytest.FixtureRequest, story: Path) -> Ground:
    return Ground(story, new_postgresql_database if request.param == "postgresql" else None)


def test_a_case_killed_at_any_boundary_goes_on_and_does_nothing_twice(tmp_path: Path, ground: Ground, places: list[list[str]]) -> None:
    assert sum(len(same) for same in places) >= 90
    walked = strike(ground, tmp_path, [same[-1] for same in places], walks=WALKS, at_once=AT_ONCE)
    assert sum(one.kills for one in walked) >= len(places)


def test_a_case_whose_processes_are_all_killed_at_random_times_goes_on(tmp_path: Path, ground: Ground) -> None:
    chance = random.Random(SEED)
    moments = [[chance.uniform(0.1, 2.0) for _ in range(2)] for _ in range(4)]

    def one(number: int) -> Walked:
        return walk(ground, tmp_path / str(number), moments=moments[number])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        walked = list(pool.map(one, range(len(moments))))
    assert sum(each.kills for each in walked) >= 4  # a fast machine may be done before a late kill
    for each in walked:
        check(each.folder)
