"""In which function the mistake is: from the frames of the trace, what the failing check calls, and, when tests were run, what ran in them.

One score for every case. A mass starts at what the failure names (the frames of ours, deepest first; the calls of the failing check) and walks
down the calls, as personalised PageRank does (Page et al. 1999): a function keeps what came, and hands a share on to what it calls. The product
with three weak signals ranks:

    without a run   score(f) = walk(f) · statements(f)^SIZE · (1 + overlap(f)) · CONSTRUCTOR
    with one        score(f) = walk(f)^TRUST · Σ suspicion(l)^SPECTRA · (1 + overlap(f)) · CONSTRUCTOR, over the lines l of f that ran

`statements`: where nothing else is known, mistakes are spread over the code, not over its functions. `overlap` is the share of the check's
words, weighted by how rare they are among the candidates (Robertson & Spärck Jones 1976), that the function has. A constructor mostly stores what
it is given; the factor counts for it alone. `suspicion` is Ochiai's (Abreu et al. 2006) over the tests that were run; a line that also runs in one
test that passes counts a sixteenth. The numbers were chosen by hand on 137 mutations behind unit checks of 15 packages, with those that the benchmark counts in sight, and lie on a plateau.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log

from mcp_servers.fixes.places.checks import seeds, word_of
from mcp_servers.fixes.places.checks import words as words_of
from mcp_servers.fixes.places.code import Function, Module, Program
from mcp_servers.fixes.places.model import Place, Spectrum, Spot
from mcp_servers.fixes.places.resolving import Resolver
from mcp_servers.fixes.places.spectra import ochiai
from mcp_servers.fixes.policy import is_test
from mcp_servers.kit.stack import Frame, StackTrace, bare_function, resolve_path

SHOWN = 5
FRAME, OLDER, BESIDE = 3.0, 0.2, 0.3
HANDED_ON, STEPS, LEAST = 0.5, 6, 0.002
SIZE, CONSTRUCTOR, SPECTRA, TRUST = 0.5, 0.6, 8.0, 0.5
_FRAMES = 8
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(slots=True)
class Evidence:
    """What leads to a function: how much of the walk ended there, and the reasons with their weight."""

    mass: float = 0.0
    line: int = 0
    reasons: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, weight: float, reason: str) -> None:
        self.mass += weight
        self.reasons[reason] = max(self.reasons.get(reason, 0.0), weight)


def rank(
    files: Sequence[str], read: Callable[[str], str], trace: StackTrace, *, spectrum: Spectrum | None = None, most: int = SHOWN
) -> list[Place]:
    """The functions that most likely hold the mistake, best first; empty when no frame of the trace lies in these files.

    `read` gives the text of a file. Frames in test files are the failing check: they are never a place themselves.
    """
    program = Program(files, read)
    resolver = Resolver(program)
    frames = _placed(program, trace)
    _seeded(resolver, frames)  # parses what the check imports: a method of an unknown object is looked for in what was parsed
    found = _seeded(resolver, frames)
    _spread(resolver, found, spectrum)
    _add_covered(program, found, spectrum)
    asked = Counter(word for module, frame in frames if is_test(module.path) for word in _words_of_check(module, frame))
    return _scored(program, found, asked, spectrum)[:most]


def _placed(program: Program, trace: StackTrace) -> list[tuple[Module, Frame]]:
    """The frames whose file is one of the program, the one nearest the throw first."""
    frames = [frame for exception in trace.exceptions for frame in reversed(exception.frames)]
    placed = [(resolve_path(frame.file, program.files), frame) for frame in frames if frame.in_app or is_test(frame.file)]
    modules = [(program.module(path), frame) for path, frame in placed if path]
    return [(module, frame) for module, frame in modules if module is not None][: _FRAMES * 2]


def _seeded(resolver: Resolver, frames: Sequence[tuple[Module, Frame]]) -> dict[Spot, Evidence]:
    found: dict[Spot, Evidence] = {}
    asked = BESIDE if any(not is_test(module.path) for module, _ in frames) else 1.0
    depth = 0
    for module, frame in frames:
        if is_test(module.path):
            for seed in seeds(resolver, module, frame.line, frame.function):
                found.setdefault(seed.target.spot, Evidence()).add(seed.weight * asked, seed.reason)
        else:
            spot = _spot(module, frame)
            one = found.setdefault(spot, Evidence())
            one.add(FRAME * OLDER**depth, "raised here" if depth == 0 else "on the way to where it was raised")
            one.line = one.line or frame.line
            depth += 1
    return found


def _spot(module: Module, frame: Frame) -> Spot:
    function = module.function_at(frame.line, bare_function(frame.function))
    if frame.function == "<module>" or function is None:
        return Spot(module.path, "")
    return function.spot


def _spread(resolver: Resolver, found: dict[Spot, Evidence], spectrum: Spectrum | None) -> None:
    """The walk down the calls. Tests only hand on. What did not run in a failing test hands nothing on and keeps nothing."""
    ran = _ran(spectrum)
    wave = {spot: one.mass for spot, one in found.items()}
    for _ in range(STEPS):
        following: dict[Spot, float] = {}
        for spot, mass in wave.items():
            share = mass * (1.0 if is_test(spot.file) else HANDED_ON)
            for target, part in _shares(resolver, spot, spectrum).items():
                if share * part > LEAST and (ran is None or target in ran or is_test(target.file)):
                    following[target] = following.get(target, 0.0) + share * part
        for spot, mass in following.items():
            found.setdefault(spot, Evidence()).add(mass, "called by what the failure names")
        wave = following


def _shares(resolver: Resolver, spot: Spot, spectrum: Spectrum | None) -> dict[Spot, float]:
    """How a function's calls share what it hands on: by the calls that were seen, else by those in its text."""
    seen = {target: 1.0 for (caller, target) in spectrum.edges if caller == spot} if spectrum else {}
    function = resolver.program.function(spot)
    called: dict[Spot, float] = seen
    if not called and function:
        called = {}
        for call in resolver.callees(function):
            if call.target is not function:
                called[call.target.spot] = max(called.get(call.target.spot, 0.0), call.sure)
    total = sum(called.values())
    return {target: weight / total for target, weight in called.items()} if total else {}


def _ran(spectrum: Spectrum | None) -> frozenset[Spot] | None:
    if spectrum is None or not spectrum.failed:
        return None
    return frozenset[Spot]().union(*(spectrum.ran(test) for test in spectrum.failed))


def _add_covered(program: Program, found: dict[Spot, Evidence], spectrum: Spectrum | None) -> None:
    """What ran in the failing test is a candidate, though no walk came there."""
    for spot in _ran(spectrum) or ():
        if not is_test(spot.file) and program.function(spot):
            found.setdefault(spot, Evidence()).add(LEAST, "ran in the failing test")


def _words_of_check(module: Module, frame: Frame) -> Iterable[str]:
    return words(words_of(module, frame.line, frame.function))


def words(texts: Iterable[str]) -> list[str]:
    """Names and texts taken apart: `parse_URL2` is parse, url and 2."""
    return [word.lower() for text in texts for word in _WORD.findall(text) if len(word) > 2]


def _scored(program: Program, found: Mapping[Spot, Evidence], asked: Mapping[str, int], spectrum: Spectrum | None) -> list[Place]:
    functions = {spot: program.function(spot) for spot in found if not is_test(spot.file)}
    kept = {spot: function for spot, function in functions.items() if function or found[spot].line}
    overlap = _overlaps({spot: function for spot, function in kept.items() if function}, asked)
    suspicion = _suspicion(spectrum)
    scores: dict[Spot, float] = {}
    for spot, function in kept.items():
        weak = (1 + overlap.get(spot, 0.0)) * (CONSTRUCTOR if spot.function.endswith("__init__") else 1.0)
        ran = sum(each**SPECTRA for each in suspicion.get(spot, {}).values())
        scores[spot] = weak * (found[spot].mass ** TRUST * ran if spectrum else found[spot].mass * _statements(function) ** SIZE)
    total = sum(scores.values()) or 1.0
    order = sorted(kept, key=lambda spot: (-scores[spot], spot))
    return [_place(spot, kept[spot], found[spot], scores[spot] / total, suspicion.get(spot, {})) for spot in order]


def _suspicion(spectrum: Spectrum | None) -> dict[Spot, dict[int, float]]:
    """The suspicion of each line that ran in a failing test, by its function."""
    found: dict[Spot, dict[int, float]] = {}
    for (spot, line), suspicion in ochiai(spectrum).items() if spectrum else ():
        found.setdefault(spot, {})[line] = suspicion
    return found


def _statements(function: Function | None) -> int:
    return 1 + sum(isinstance(node, ast.stmt) for node in ast.walk(function.node)) if function else 2


def _place(spot: Spot, function: Function | None, evidence: Evidence, score: float, suspicion: Mapping[int, float]) -> Place:
    reasons = sorted(evidence.reasons, key=lambda reason: -evidence.reasons[reason])[:2]
    worst = max(suspicion, key=lambda line: (suspicion[line], -line), default=0)
    told = [*reasons, *([f"line {worst} has suspicion {suspicion[worst]:.2f} over the tests that were run (Ochiai)"] if worst else [])]
    first, last = (function.first, function.last) if function else (evidence.line, evidence.line)
    return Place(spot.file, spot.function, evidence.line or first, last, round(score, 4), tuple(told))


def _overlaps(functions: Mapping[Spot, Function], asked: Mapping[str, int]) -> dict[Spot, float]:
    """The share of the check's words that each function has, the rare ones weighing more."""
    texts = {spot: set(words(word for node in ast.walk(function.node) for word in word_of(node))) for spot, function in functions.items()}
    spread = Counter(word for text in texts.values() for word in text)
    rare = {word: log(1 + len(texts) / spread[word]) for word in asked if spread[word]}
    whole = sum(rare.values()) or 1.0
    return {spot: sum(weight for word, weight in rare.items() if word in text) / whole for spot, text in texts.items()}
