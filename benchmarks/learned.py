"""What a fix is worth the next time: mistakes mended once by hand, and healed without a model when they come back in other words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Say, cpu_seconds, met
from benchmarks.mistakes import MISTAKES, Mistake
from tests.e2e.repairs import Defect, Workshop, is_mended


@dataclass
class Seen:
    """What came of all that came back."""

    taught: list[str] = field(default_factory=list[str])
    untaught: list[str] = field(default_factory=list[str])
    healed: list[str] = field(default_factory=list[str])
    missed: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    alike: list[str] = field(default_factory=list[str])
    seconds: list[float] = field(default_factory=list[float])


def run(say: Say) -> list[Figure]:
    seen = Seen()
    for mistake in MISTAKES:
        say(mistake.kind)
        with TemporaryDirectory(prefix="kintsugi-learned-") as folder:
            _taught_and_tried(mistake, Path(folder), seen)
    tried = len(seen.healed) + len(seen.missed) + len(seen.wrong)
    share = len(seen.healed) / tried
    return [
        Figure("fixes that became an active recipe", f"{len(seen.taught)} of {len(MISTAKES)}{_told(seen.untaught)}"),
        Figure("mistakes that came back, healed exactly", f"{len(seen.healed)} of {tried}{_told(seen.missed)}", reach=">= 90 %", beyond="100 %", met=met(share, 0.9, 1.0)),
        Figure("wrong proposals", f"{len(seen.wrong)}, with {len(seen.alike)} failures that only look alike{_told(seen.wrong)}", reach="0", beyond="0", met=met(len(seen.wrong), 0, 0)),
        Figure("time to a certified proposal", f"median {median(seen.seconds):.1f} s, most {max(seen.seconds):.1f} s of CPU", reach="< 5 s", beyond="< 2.5 s", met=met(max(seen.seconds), 5, 2.5)),
    ]  # fmt: skip


def _taught_and_tried(mistake: Mistake, place: Path, seen: Seen) -> None:
    (place / "home").mkdir()
    first = Workshop.of(mistake.defect(), place / "first", place / "home")
    try:
        _, note = asyncio.run(first.mended(mistake.defect()))
    except AssertionError as refuted:
        note = f"its own fix was not certified: {refuted}"
    if "is active" in note:
        seen.taught.append(mistake.kind)
    else:
        seen.untaught.append(f"{mistake.kind}: {note}")
    for name, defect in mistake.again().items():
        seconds, came = cpu_seconds(lambda defect=defect, name=name: asyncio.run(_outcome(defect, place / name, place / "home")))
        seen.seconds.append(seconds)
        getattr(seen, came).append(f"{mistake.kind}, {name}")
    if (other := mistake.lookalike()) is not None:
        came = asyncio.run(_outcome(other, place / "other", place / "home"))
        (seen.alike if came == "missed" else seen.wrong).append(f"{mistake.kind}, only alike")


async def _outcome(defect: Defect, folder: Path, home: Path) -> str:
    workshop = Workshop.of(defect, folder, home)
    case = await workshop.driven((await workshop.seen()).id, reasoners=("learned",))
    if not (case.fix and case.fix.certified):
        return "missed"
    return "healed" if is_mended(workshop, case, defect) else "wrong"


def _told(names: list[str]) -> str:
    return f" ({'; '.join(names)})" if names else ""
