"""What ran in which test, by function: recorded inside the jail by a profile hook, and read as suspicion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from mcp_servers.fixes.jail import Jail, Limits
from mcp_servers.fixes.places.model import Line, Spectrum, Spot
from mcp_servers.fixes.testrun import Interpreter
from mcp_servers.kit.errors import Unavailable
from mcp_servers.kit.project import Tests

RECORDER = Path(__file__).with_name("recorder.py")
SECONDS = 20.0
LIMITS = Limits(seconds=SECONDS + 10, output=16 * 1024 * 1024)


def ochiai(spectrum: Spectrum) -> dict[Line, float]:
    """The suspicion of each line that ran in a failing test: failed(l) / √(all failed · all that ran l), from 0 to 1 (Abreu et al. 2006)."""
    ran, failed = Counter[Line](), Counter[Line]()
    for test, lines in spectrum.lines.items():
        ran.update(lines)
        if test in spectrum.failed:
            failed.update(lines)
    return {line: count / sqrt(len(spectrum.failed) * ran[line]) for line, count in failed.items()}


def record(
    jail: Jail,
    work: Path,
    paths: Sequence[str],
    *,
    tests: Tests,
    root: Path | None = None,
    write: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> tuple[Spectrum, float]:
    """Runs the tests at these paths once in the jail; returns what ran in each, and the seconds it took. Raises `Unavailable` when they do not run.

    The first path is the check that was asked about: its tests run first, and one that does not end has failed. `write` is put into the copy
    of `work`. The code that is recorded could lie about itself: a spectrum ranks places, it proves nothing.
    """
    interpreter = Interpreter.find(tests, root)
    job = json.dumps({"paths": list(paths), "runner": tests.runner, "seconds": seconds, "write": dict(write or {})}).encode("ascii")
    command = [str(interpreter.python), "-I", "-B", str(RECORDER)]
    outcome = jail.run(command, work=work, readable=(*interpreter.readable, RECORDER), env={}, limits=LIMITS, stdin=job)
    told = [line for line in outcome.output.splitlines() if line.startswith('{"spectrum":')]
    try:
        return parse(json.loads(told[-1])["spectrum"]), outcome.seconds
    except (IndexError, KeyError, TypeError, ValueError):
        last = next((line for line in reversed(outcome.output.splitlines()) if line.strip()), "nothing")
        raise Unavailable(f"The tests at {', '.join(paths)} gave no coverage; their last words: {last[:200]}", code="no_spectrum") from None


def parse(value: Mapping[str, Any]) -> Spectrum:
    """A spectrum of what the recorder wrote: spots and lines once, tests and edges by their numbers."""
    spots: list[Spot] = [Spot(str(file), str(function)) for file, function in value["spots"]]
    lines: list[Line] = [(spots[at], int(line)) for at, line in value["lines"]]
    tests: Mapping[str, Sequence[int]] = value["tests"]
    counted: Sequence[tuple[int, int, int]] = value["edges"]
    ran = {str(name): frozenset(lines[at] for at in seen) for name, seen in tests.items()}
    edges = {(spots[caller], spots[target]): int(count) for caller, target, count in counted}
    return Spectrum(ran, frozenset(str(name) for name in value["failed"]), edges)
