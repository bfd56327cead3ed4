"""Guards: how many fixes become one, whether it knows the mistake elsewhere, how often it speaks without cause, and how long a check takes."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Say, cpu_seconds, met
from benchmarks.guard_pairs import PAIRS, Pair
from benchmarks.guard_pairs_unseen import LAST, LATER, UNSEEN
from mcp_servers.knowledge.guards import backtest, compiling
from mcp_servers.knowledge.guards.backtest import Corpus
from mcp_servers.knowledge.guards.checking import check, check_all
from mcp_servers.knowledge.guards.languages import LANGUAGES
from mcp_servers.knowledge.guards.model import Guard

_LEAST_LINES = 40_000
_MANY_LINES = 500_000
_PYTHON = ("scipy", "numpy", "sqlalchemy", "hypothesis", "pygments")
_OTHERS = ("/usr/share/go-*/src", "/usr/lib/node_modules/npm", "/usr/share/php", "/usr/lib/google-cloud-sdk/lib")


def compiled(test: compiling.Backtest | None = None, pairs: Sequence[Pair] = PAIRS) -> dict[str, tuple[Pair, Guard]]:
    """The guards of the pairs that make one, by name; each was seen to flag the code before and not after."""
    test = test or backtest.backtested([backtest.standard_library])
    made = {
        pair.name: (pair, compiling.compile({pair.path: pair.before}, {pair.path: pair.after}, pair.name, backtest=test)) for pair in pairs
    }
    return {name: (pair, guard) for name, (pair, guard) in made.items() if guard is not None}


def flags_before_only(pair: Pair, guard: Guard) -> bool:
    return bool(check(guard, {pair.path: pair.before})) and not check(guard, {pair.path: pair.after})


def knows_elsewhere(pair: Pair, guard: Guard) -> bool:
    return bool(check(guard, {f"another/{pair.path}": pair.elsewhere}))


def corpora() -> Iterator[Corpus]:
    """Large public code that is installed here, whole: tests and examples too."""
    packages = Path(sysconfig.get_paths()["purelib"])
    folders = [packages / name for name in _PYTHON]
    for pattern in _OTHERS:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))[:1]
    for folder in folders:
        if folder.is_dir():
            texts = {str(path): path.read_bytes().decode("utf-8", "replace") for path in _sources(folder)}
            yield Corpus(str(folder.name if folder.name not in ("src", "lib") else folder.parent.name), texts)


def run(say: Say) -> list[Figure]:
    guards: list[Guard] = []
    figures: list[Figure] = []
    for name, pairs in (("", PAIRS), (", that no guard was made with", UNSEEN), (", written later", LATER), (", written last", LAST)):
        say(f"compiling{name}")
        seconds, made = cpu_seconds(lambda pairs=pairs: compiled(pairs=pairs))
        guards += [guard for _, guard in made.values()]
        figures += _made(pairs, made, seconds, name)
    return [*figures, *_alarms(say, guards), *_speed(say, guards)]


def _made(pairs: Sequence[Pair], made: dict[str, tuple[Pair, Guard]], seconds: float, name: str) -> list[Figure]:
    sound = [name for name, (pair, guard) in made.items() if flags_before_only(pair, guard)]
    missing = "; ".join(pair.name for pair in pairs if pair.name not in sound)
    asked = [(pair, guard) for pair, guard in made.values() if pair.elsewhere]
    known = [pair.name for pair, guard in asked if knows_elsewhere(pair, guard)]
    narrow = "; ".join(pair.name for pair, _ in asked if pair.name not in known)
    share = len(sound) / len(pairs)
    return [
        Figure(
            f"fixes that become a guard ({len(pairs)} pairs{name})", f"{share:.2f}{f' (not: {missing})' if missing else ''}",
            reach="≥ .80", beyond="≥ .95", met=met(share, 0.8, 0.95),
        ),
        Figure(f"… that know the mistake in other words ({len(asked)} asked)", f"{len(known) / len(asked):.2f}{f' (not: {narrow})' if narrow else ''}"),
        Figure("… CPU-seconds for each", f"{seconds / len(pairs):.2f}"),
    ]  # fmt: skip


def _alarms(say: Say, guards: list[Guard]) -> Iterator[Figure]:
    for corpus in corpora():
        say(f"alarms in {corpus.name}")
        lines = sum(text.count("\n") for text in corpus.files.values())
        if lines >= _LEAST_LINES:
            seconds, counts = cpu_seconds(lambda corpus=corpus: backtest.counted(corpus, guards))
            per = sum(counts.values()) / lines * 10_000
            worst = max(counts.values()) / lines * 10_000
            name = f"alarms per 10,000 lines, all guards, {corpus.name} ({lines:,} lines)"
            yield Figure(
                name,
                f"{per:.2f} (one guard at most {worst:.2f})",
                anchor=f"{seconds:.1f} s CPU",
                reach="< 1",
                beyond="< .5",
                met=met(per, 1, 0.5),
            )


def _speed(say: Say, guards: list[Guard]) -> Iterator[Figure]:
    say("speed")
    files: dict[str, str] = {}
    lines = 0
    for path, text in (file for corpus in corpora() for file in corpus.files.items()):
        files[path] = text
        lines += text.count("\n") + 1
        if lines >= _MANY_LINES:
            break
    seconds, _ = cpu_seconds(lambda: check_all(guards, files))
    yield Figure(
        f"check of {lines:,} lines, {len(guards)} guards", f"{seconds:.1f} s CPU", reach="< 10 s", beyond="< 5 s", met=met(seconds, 10, 5)
    )
    few = {f"src/{number}.py": "import requests\n\n\ndef get(url):\n    return requests.get(url).json()\n" * 20 for number in range(10)}
    seconds, _ = cpu_seconds(lambda: check_all(guards, few), best_of=3)
    yield Figure(
        "check of 10 files, without the start of Python",
        f"{seconds * 1000:.0f} ms CPU",
        reach="< 300 ms",
        beyond="< 100 ms",
        met=met(seconds, 0.3, 0.1),
    )


def _sources(folder: Path) -> Iterator[Path]:
    endings = tuple(LANGUAGES)
    for place, _, names in os.walk(folder):
        found = (Path(place, name) for name in sorted(names) if name.lower().endswith(endings))
        yield from (path for path in found if path.is_file() and path.stat().st_size < 2_000_000)
