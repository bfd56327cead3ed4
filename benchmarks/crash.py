"""Kill -9 of the whole process group at every boundary of a case, and at random; several drivers on one store. On SQLite and PostgreSQL.

A walk is counted as failed when anything of it was lost, done twice or left half done, when a lock stayed, or when it was not at its end a minute
after its last start: `tests.e2e.crash` looks it over. It takes hours: `python -m benchmarks crash`.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Say
from tests.databases import new_postgresql_database
from tests.e2e.crash.fleet import Fleet, build, drive
from tests.e2e.crash.fleet import check as check_fleet
from tests.e2e.crash.walks import LONGEST, Ground, Walked, boundaries, check, lines, walk, written
from tests.e2e.forks import FORKS

TIMES, RANDOM = 25, 500
KILLS_A_WALK, AT_ONCE = 14, 4
DEFECTS, DRIVERS = 50, (2, 8)
SEED = 20261121
STORES: dict[str, Callable[[], str] | None] = {"SQLite": None, "PostgreSQL": new_postgresql_database}


@dataclass
class Tally:
    """What came of many walks."""

    kills: int = 0
    walks: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list[str])
    struck: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, walked: Walked) -> None:
        self.kills += walked.kills
        self.walks += 1
        self.slowest = max(self.slowest, walked.seconds)
        for boundary in lines(walked.folder / "struck"):
            self.struck[boundary] = self.struck.get(boundary, 0) + 1

    @property
    def said(self) -> str:
        return f"{len(self.failures)} failed of {self.walks} walks, {self.kills} kills; end ≤ {self.slowest:.0f} s after a start"


def run(say: Say) -> list[Figure]:
    figures: list[Figure] = []
    with TemporaryDirectory() as place:
        story = written(Path(place) / "story")
        every = [name for same in boundaries(Ground(story), Path(place) / "quiet") for name in same]
        for store, new_store in STORES.items():
            ground = Ground(story, new_store)
            say(f"{TIMES} × {len(every)} boundaries on {store}")
            figures.append(_figure(f"killed at every boundary × {TIMES}, {store}", struck(ground, every, TIMES)))
            say(f"{RANDOM} random kills on {store}")
            figures.append(_figure(f"killed at random, {store}", at_random(ground, RANDOM)))
            for drivers in DRIVERS:
                say(f"{drivers} drivers on {DEFECTS} cases, {store}")
                figures.append(_together(Path(place) / f"{store}-{drivers}", new_store, drivers))
    return figures


def struck(ground: Ground, names: Sequence[str], times: int) -> Tally:
    """Each boundary struck that many times; one that a walk did not reach any more is dealt out again, in the end to a walk of its own."""
    tally, left = Tally(), dict.fromkeys(names, times)
    for size in _sizes():
        due = [name for name in names if left[name] > 0]
        if not due:
            break
        hands = max(1, -(-len(due) // size))
        before = dict(tally.struck)
        _walk(ground, tally, [due[number::hands] for number in range(hands)], [()] * hands)
        for name in due:
            left[name] -= tally.struck.get(name, 0) - before.get(name, 0)
    tally.failures += [f"{name}: never reached" for name, missing in left.items() if missing > 0]
    return tally


def at_random(ground: Ground, kills: int) -> Tally:
    """Two or three kills a walk, at any time from its start to about its end, until there were so many."""
    tally, chance = Tally(), random.Random(SEED)
    while tally.kills < kills and len(tally.failures) < kills:
        moments = [tuple(chance.uniform(0.1, 3.0) for _ in range(chance.choice((2, 3)))) for _ in range(AT_ONCE * 4)]
        _walk(ground, tally, [()] * len(moments), moments)
    return tally


def _sizes() -> Iterator[int]:
    """Many boundaries a walk while most are left, then one a walk for those that only a quiet start reaches; at last it is given up."""
    for number in range(TIMES * 3):
        yield KILLS_A_WALK if number % 3 != 2 else 1


def _walk(ground: Ground, tally: Tally, fuses: Sequence[Sequence[str]], moments: Sequence[Sequence[float]]) -> None:
    numbers = count(1)
    with TemporaryDirectory() as place, ThreadPoolExecutor(AT_ONCE) as pool:

        def one(told: Sequence[str], when: Sequence[float]) -> tuple[Walked | None, str]:
            folder = Path(place) / str(next(numbers))
            try:
                walked = walk(ground, folder, told, when)
                check(folder)
            except AssertionError as error:
                return None, f"{list(told)} {list(when)}: {error or _where(error)}"
            if walked.seconds > LONGEST:
                return walked, f"{list(told)} {list(when)}: {walked.seconds:.0f} s"
            return walked, ""

        for walked, failure in pool.map(one, fuses, moments):
            tally.failures += [failure] if failure else []
            if walked is not None:
                tally.add(walked)


def _where(error: AssertionError) -> str:
    """The line that an assertion without words stands in."""
    return str(traceback.extract_tb(error.__traceback__)[-1].line)


def _together(folder: Path, new_store: Callable[[], str] | None, drivers: int) -> Figure:
    """So many drivers on one store; half of them on a host of its own where the store allows it, and one of them stopped for a while."""
    shutil.rmtree(folder, ignore_errors=True)
    build(folder, DEFECTS)
    (folder / "store").write_text(new_store() if new_store else f"sqlite:///{folder / 'kintsugi.sqlite'}", "utf-8")
    homes = [f"host-{number % (2 if new_store else 1)}" for number in range(drivers)]
    began, failure = time.monotonic(), ""
    processes = [FORKS.Process(target=drive, args=(folder, home, DEFECTS, 3.0)) for home in homes]
    try:
        with Fleet(folder, processes) as fleet:
            fleet.approve_until(lambda: fleet.works(homes[0]))
            fleet.signal(0, signal.SIGSTOP)
            until = time.monotonic() + 8
            fleet.approve_until(lambda: time.monotonic() > until)
            fleet.signal(0, signal.SIGCONT)
            fleet.approve_until(fleet.ended)
        check_fleet(folder, DEFECTS)
    except AssertionError as error:
        failure = str(error)[:200]
    said = failure or f"each effect once, {time.monotonic() - began:.0f} s"
    name = f"{drivers} drivers, {DEFECTS} cases, one stopped beyond its lease, {'PostgreSQL' if new_store else 'SQLite'}"
    return Figure(name, said, reach="each effect once", met="" if failure else "reach")


def _figure(name: str, tally: Tally) -> Figure:
    failed = "; ".join(tally.failures[:3])[:300]
    return Figure(name, f"{tally.said} {failed}".strip(), reach="0 failed, ≤ 60 s", met="" if tally.failures else "reach")
