"""How guards fared: what was reported, mended, went away or was overruled. A check spools it beside the index, without a database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

FILE_NAME = "guard-hits.jsonl"
Outcome = Literal["reported", "accepted", "overruled"]

_MOST_BYTES = 1_000_000
_FEW = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """What became of one finding: `place` names it without saying where it was."""

    guard: str
    place: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Tally:
    """The record of a guard."""

    accepted: int = 0
    overruled: int = 0

    @property
    def demotes(self) -> str:
        """Why the guard may not speak any longer, or an empty string: overruled three times, and more often than not."""
        many = self.overruled >= _FEW and self.overruled > self.accepted
        return f"overruled {self.overruled} times, accepted {self.accepted} times" if many else ""


def place_of(root: str, path: str, guard: str, text: str) -> str:
    """A name for a finding that stays while its lines move; `root` and `path` can be compared and not read."""
    where = sha256(f"{root}\0{path}".encode("utf-8", "replace")).hexdigest()[:16]
    return f"{where}.{sha256(f'{guard}{chr(0)}{text}'.encode('utf-8', 'replace')).hexdigest()[:16]}"


def tell(state: Path, root: str, checked: Iterable[str], found: Mapping[str, tuple[str, Outcome]]) -> None:
    """Notes the findings of a check (`place` → guard and outcome), and those of earlier checks that are gone from the files it read."""
    spool = state / FILE_NAME
    with suppress(OSError):  # a record that cannot be written stops nobody's commit
        known = {hit.place: hit for hit in read(state)}
        files = {place_of(root, path, "", "").partition(".")[0] for path in checked} if known else set[str]()
        gone = [
            Hit(hit.guard, place, "accepted")
            for place, hit in known.items()
            if hit.outcome == "reported" and place not in found and place.partition(".")[0] in files
        ]
        news = [
            Hit(guard, place, outcome) for place, (guard, outcome) in found.items() if place not in known or known[place].outcome != outcome
        ]
        lines = "".join(json.dumps([hit.guard, hit.place, hit.outcome]) + "\n" for hit in (*gone, *news))
        if lines and (not spool.exists() or spool.stat().st_size < _MOST_BYTES):
            state.mkdir(parents=True, exist_ok=True)
            with spool.open("a", encoding="utf-8") as file:
                file.write(lines)


def read(state: Path) -> list[Hit]:
    """What the spool says, the newest last; lines that are none are left out."""
    try:
        lines = (state / FILE_NAME).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    hits: list[Hit] = []
    for line in lines:
        with suppress(ValueError, TypeError):
            guard, place, outcome = json.loads(line)
            if outcome in ("reported", "accepted", "overruled"):
                hits.append(Hit(str(guard), str(place), outcome))
    return hits


def drain(state: Path) -> list[Hit]:
    """Takes the decided findings out of the spool, each once; those that nobody decided stay."""
    last = {hit.place: hit for hit in read(state)}
    decided = [hit for hit in last.values() if hit.outcome != "reported"]
    if decided:
        with suppress(OSError):
            _rewrite(state / FILE_NAME, [hit for hit in last.values() if hit.outcome == "reported"])
    return decided


def _rewrite(spool: Path, hits: Sequence[Hit]) -> None:
    part = spool.with_suffix(".part")
    part.write_text("".join(json.dumps([hit.guard, hit.place, hit.outcome]) + "\n" for hit in hits), encoding="utf-8")
    part.replace(spool)
