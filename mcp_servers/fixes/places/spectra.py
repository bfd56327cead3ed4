"""What ran in which test, by function: recorded inside the jail by a profile hook, and read as suspicion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from mcp_servers.fixes.jail import Jail, Limits
from mcp_servers.fixes.places.model import Spectrum, Spot
from mcp_servers.fixes.testrun import Interpreter
from mcp_servers.kit.errors import Unavailable
from mcp_servers.kit.project import Tests

RECORDER = Path(__file__).with_name("recorder.py")
LIMITS = Limits(seconds=60, output=16 * 1024 * 1024)


def ochiai(spectrum: Spectrum) -> dict[Spot, float]:
    """failed(f) / √(all failed · all that ran f), from 0 to 1 (Abreu, Zoeteweij, van Gemund 2006)."""
    ran, failed = Counter[Spot](), Counter[Spot]()
    for test, spots in spectrum.covered.items():
        ran.update(spots)
        if test in spectrum.failed:
            failed.update(spots)
    total = len(spectrum.failed)
    return {spot: count / sqrt(total * ran[spot]) for spot, count in failed.items()}


def record(jail: Jail, work: Path, paths: Sequence[str], *, tests: Tests, root: Path | None = None, limits: Limits = LIMITS) -> Spectrum:
    """Runs the tests at these paths once in the jail and returns what ran in each; raises `Unavailable` when they do not run.

    The code that is recorded could lie about itself: a spectrum ranks places, it proves nothing.
    """
    interpreter = Interpreter.find(tests, root)
    job = json.dumps({"paths": list(paths), "runner": tests.runner}).encode("ascii")
    command = [str(interpreter.python), "-I", "-B", str(RECORDER)]
    outcome = jail.run(command, work=work, readable=(*interpreter.readable, RECORDER), env={}, limits=limits, stdin=job)
    lines = [line for line in outcome.output.splitlines() if line.startswith('{"spectrum":')]
    try:
        return parse(json.loads(lines[-1])["spectrum"])
    except (IndexError, KeyError, TypeError, ValueError):
        last = next((line for line in reversed(outcome.output.splitlines()) if line.strip()), "nothing")
        raise Unavailable(f"The tests at {', '.join(paths)} gave no coverage; their last words: {last[:200]}", code="no_spectrum") from None


def parse(value: Mapping[str, Any]) -> Spectrum:
    """A spectrum of what the recorder wrote: spots once, tests and edges by their numbers."""
    spots: list[Spot] = [Spot(str(file), str(function)) for file, function in value["spots"]]
    tests: Mapping[str, Sequence[int]] = value["tests"]
    counted: Sequence[tuple[int, int, int]] = value["edges"]
    covered = {str(name): frozenset(spots[at] for at in seen) for name, seen in tests.items()}
    edges = {(spots[caller], spots[target]): int(count) for caller, target, count in counted}
    return Spectrum(covered, frozenset(str(name) for name in value["failed"]), edges)
