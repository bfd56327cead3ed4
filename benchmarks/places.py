"""Where the mistake is, and which commit made it: mutations of installed packages behind checks of their public doors, and generated histories."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Say, met
from benchmarks.histories import History, history
from benchmarks.mutants import DEEP, PACKAGES, UNIT, Mutant, Shape, mutants
from mcp_servers.fixes.places import Spot, rank
from mcp_servers.fixes.suspects import find

OF_EACH, HISTORIES = 4, 60
_ALL = 500

Ranking = Callable[[Mutant], Sequence[Spot]]
Order = Callable[[History], Sequence[str]]


def run(say: Say) -> list[Figure]:
    return [*_places(UNIT, say), *_places(DEEP, say), *_commits(say)]


def ours(case: Mutant, *, spectra: bool = False) -> Sequence[Spot]:
    found = rank(tuple(case.files), case.files.__getitem__, case.trace, spectrum=case.spectrum if spectra else None, most=_ALL)
    return [place.spot for place in found]


def deepest(case: Mutant) -> Sequence[Spot]:
    """The peer: frames of the package, the one nearest the throw first. A name is taken for right whatever its class."""
    frames = [frame for frame in reversed(case.trace.root.frames) if frame.file in case.files and not frame.file.startswith("tests/")]
    bare = case.truth.function.rpartition(".")[2]
    return [case.truth if (frame.file, frame.function) == (case.truth.file, bare) else Spot(frame.file, frame.function) for frame in frames]


def _places(shape: Shape, say: Say) -> list[Figure]:
    cases: list[Mutant] = []
    for package in PACKAGES:
        say(f"mutations of {package} behind {shape.name}")
        cases += mutants(package, OF_EACH, shape=shape)
    say(f"{len(cases)} places")
    static = [(case, ours(case)) for case in cases]
    say(f"{len(cases)} places, with what ran")
    spectra = [(case, ours(case, spectra=True)) for case in cases]
    frames = [(case, deepest(case)) for case in cases]
    levels = ", ".join(f"{level}: {sum(case.depth == level for case in cases)}" for level in range(5))
    raised = sum(case.raised for case in cases)
    told = f"{len(cases)} mutations behind {shape.name}, {raised} raise inside; calls below the check {levels}; the numbers were chosen on others of the same packages, with these in sight"
    bars = {1: (0.72, 0.8), 3: (0.8, 0.9), 5: (0.89, 0.95)}
    figures = [_hits(f"{shape.name}: function top-{top}, trace and check", static, frames, top, bars[top], told) for top in (1, 3)]
    figures += [_files(f"{shape.name}: file top-3, trace and check", static, frames, told)]
    figures += [_hits(f"{shape.name}: function top-{top}, with a test run", spectra, frames, top, bars[top], told) for top in (1, 3, 5)]
    return [*figures, _files(f"{shape.name}: file top-3, with a test run", spectra, frames, told)]


def _hits(
    name: str,
    found: Sequence[tuple[Mutant, Sequence[Spot]]],
    frames: Sequence[tuple[Mutant, Sequence[Spot]]],
    top: int,
    bars: tuple[float, float],
    told: str,
) -> Figure:
    share, peer = (sum(case.truth in spots[:top] for case, spots in each) / len(each) for each in (found, frames))
    return Figure(name, f"{share:.2f}", f"{peer:.2f} deepest frame", "", told, f"≥ {bars[0]}", f"≥ {bars[1]}", met(share, *bars))


def _files(name: str, found: Sequence[tuple[Mutant, Sequence[Spot]]], frames: Sequence[tuple[Mutant, Sequence[Spot]]], told: str) -> Figure:
    def share(each: Sequence[tuple[Mutant, Sequence[Spot]]]) -> float:
        return sum(case.truth.file in list(dict.fromkeys(spot.file for spot in spots))[:3] for case, spots in each) / len(each)

    value = share(found)
    return Figure(name, f"{value:.2f}", f"{share(frames):.2f} deepest frame", "", told, "≥ 0.92", "≥ 0.97", met(value, 0.92, 0.97))


def suspected(one: History) -> Sequence[str]:
    return [suspect.commit for suspect in find(one.repository, "main", one.trace, releases=["r2"])]


def newest(one: History) -> Sequence[str]:
    return one.batch


def file_then_newest(one: History) -> Sequence[str]:
    file = one.trace.root.frames[0].file.removeprefix("/srv/app/")
    return sorted(one.batch, key=lambda commit: file not in one.touched[commit])


def _commits(say: Say) -> list[Figure]:
    counts: dict[tuple[str, int], int] = {}
    orders: dict[str, Order] = {"ours": suspected, "newest": newest, "file": file_then_newest}
    for seed in range(HISTORIES):
        say(f"history {seed + 1} of {HISTORIES}")
        with tempfile.TemporaryDirectory() as folder:
            one = history(Path(folder, "repository"), seed)
            for name, order in orders.items():
                ranked = order(one)
                for top in (1, 3):
                    counts[name, top] = counts.get((name, top), 0) + (one.culprit in ranked[:top])
    share = {key: count / HISTORIES for key, count in counts.items()}
    figures: list[Figure] = []
    for top, bars in ((1, (0.82, 0.9)), (3, (0.96, 0.99))):
        peer = f"{share['file', top]:.2f} file then newest, {share['newest', top]:.2f} newest"
        value = share["ours", top]
        name = f"suspect commit of 30, place known: hit@{top}"
        figures.append(Figure(name, f"{value:.2f}", peer, "", f"{HISTORIES} histories", f"≥ {bars[0]}", f"≥ {bars[1]}", met(value, *bars)))
    return figures
