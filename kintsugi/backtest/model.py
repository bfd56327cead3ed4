"""The nouns of a backtest: a change of the past that mended something, what is known of it, and what each part would have made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mcp_servers.cases.track import wilson
from mcp_servers.kit.git import FileChange
from mcp_servers.kit.stack import StackTrace

Kind = Literal["fix", "revert"]


@dataclass(frozen=True, slots=True)
class Past:
    """One commit with one parent, as the log tells it. `changes` has no renames; `at` is the committer's time."""

    id: str
    parent: str
    at: datetime
    message: str
    changes: tuple[FileChange, ...]

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0].strip()


@dataclass(frozen=True, slots=True)
class Claim:
    """A commit that says it mends something, and by which words; `reverted` is what it takes back."""

    commit: Past
    why: str
    reverted: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """A commit that mended something. `paths` is what of it runs or configures, `tests` its tests; `reverted` is what a revert took back."""

    commit: Past
    kind: Kind
    why: str
    paths: tuple[str, ...]
    tests: tuple[str, ...] = ()
    reverted: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """How an incident was seen to fail: by a case that the stored logs open, or by a test of the fix. `at` is when it was first seen."""

    by: Literal["logs", "test"]
    trace: StackTrace
    name: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one part would have said: `hit` is None where the question could not be asked, and `why` then says what was missing.

    `rank` counts from 1; 0 where what was sought is not among the answers.
    """

    hit: bool | None
    why: str = ""
    rank: int = 0
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])


STAGES = ("detected", "blamed", "placed", "proposed", "prevented")


@dataclass(frozen=True, slots=True)
class Told:
    """One incident with its label (commits that brought the mistake, by how many of the mended lines are theirs) and each stage's answer."""

    incident: Incident
    culprits: Mapping[str, int]
    answers: Mapping[str, Answer]
    guard: Mapping[str, Any] | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`, with the 95 % interval of Wilson (1927). `about` says what was counted, so that nobody has to guess the denominator."""

    name: str
    hits: int
    of: int
    about: str

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        return (wilson(self.hits, self.of), 1 - wilson(self.of - self.hits, self.of)) if self.of else (0.0, 1.0)

    def as_json(self) -> dict[str, Any]:
        low, high = self.interval
        shown = {"value": round(self.value, 4), "low": round(low, 4), "high": round(high, 4)} if self.value is not None else {}
        return {"name": self.name, "hits": self.hits, "of": self.of, **shown, "about": self.about}


@dataclass(frozen=True, slots=True)
class Report:
    """What the past shows. `commits` were read, `claimed` of them say that they mend something, `told` did and were judged; `notes` say
    what was left out and why."""

    since: datetime
    commits: int
    claimed: int
    told: tuple[Told, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...] = ()
