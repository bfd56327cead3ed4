"""Approvals under attack: 10,000 random sequences of people, attackers and time; anything accepted against the law ends the run."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Figure, Say, cpu_seconds
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from tests.cases.approving import CHANNELS, PEOPLE, RISKS, World
from tests.conftest import Clock

SEQUENCES = 10_000
STEPS = 8
SEED = 20261120
_WORLDS = 50
"""Sequences that share one store; then a new one keeps the ledger short."""


def run(say: Say) -> list[Figure]:
    chance = random.Random(SEED)
    accepted = refused = 0

    def all_of_them() -> None:
        nonlocal accepted, refused
        with tempfile.TemporaryDirectory(prefix="kintsugi-bench-", dir=_memory()) as name:
            first = Path(name) / "first.sqlite"
            with _ledger(first) as (ledger, clock):
                known = [World(ledger, clock, number).subjects for number in range(_WORLDS)]
            for start in range(0, SEQUENCES, _WORLDS):
                say(f"sequence {start} of {SEQUENCES}")
                copy = shutil.copy(first, Path(name) / "copy.sqlite")
                with _ledger(Path(copy)) as (ledger, clock):
                    for number, subjects in enumerate(known):
                        world = _sequence(chance, World(ledger, clock, number, subjects))
                        accepted, refused = accepted + world.accepted, refused + world.refused

    seconds, _ = cpu_seconds(all_of_them)
    return [
        Figure(
            f"approvals: wrongly accepted or refused in {SEQUENCES:,} sequences",
            "0",
            anchor=f"{accepted + refused:,} acts, {refused:,} refused; {seconds:.0f} s CPU",
            reach="0",
            beyond="0",
            met="beyond",
        )
    ]


@contextmanager
def _ledger(file: Path) -> Generator[tuple[Ledger, Clock]]:
    clock, database = Clock(), Database.open(f"sqlite:///{file}")
    yield Ledger(database, clock), clock
    database.close()
    for rest in file.parent.glob(f"{file.name}-*"):
        rest.unlink()


def _sequence(chance: random.Random, world: World) -> World:
    """Some acts in a world; raises AssertionError where the approvals and the law differ."""
    for _ in range(STEPS):
        chance.choice(_acts(world, chance))()
    world.settled()
    return world


def _acts(world: World, chance: random.Random) -> Sequence[Callable[[], None]]:
    one, person, risk = chance.choice(world.subjects), chance.choice(PEOPLE), chance.choice(RISKS)

    def granted() -> None:
        world.ask(one, risk)
        world.approve(one, chance.choice(["ada", "linus"]), "signed")

    return (
        granted,
        granted,
        lambda: world.ask(one, risk),
        lambda: world.approve(one, person, chance.choice(CHANNELS)),
        lambda: world.approve(one, person, chance.choice(CHANNELS)),
        lambda: world.approve_altered(one, person),
        lambda: world.approve_what_was(one, person),
        lambda: world.apply(one),
        lambda: world.apply(one),
        lambda: world.apply_altered(one),
        world.apply_another,
        lambda: world.apply_and_die(one),
        lambda: world.reject(one, person),
        lambda: world.revoke(one, person),
        lambda: world.certify_anew(one),
        lambda: world.supersede(one),
        world.look,
        lambda: world.wait(chance.choice([5, 59, 61, 60 * 24 * 8])),
    )


def _memory() -> str | None:
    """Where files cost no disk, if there is such a place: the figure is about what is accepted, not about disks."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
