"""The nouns of deployments: what went into production, when, with what, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Word = Literal["", "good", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version of a repository in production. `verdict` is empty until somebody compared before and after."""

    id: str
    repository: str
    version: str
    deployed_at: datetime
    patterns_used: tuple[str, ...] = ()
    changes_summary: str = ""
    service: str = ""
    verdict: Word = ""
    rollback_performed: bool = False

    @property
    def success(self) -> bool | None:
        """Whether it held: no for one that was taken back or is worse, yes for one that is good, None as long as nobody knows."""
        if self.rollback_performed or self.verdict == "worse":
            return False
        return True if self.verdict == "good" else None


@dataclass(frozen=True, slots=True)
class Focus:
    """Something to look at after a deployment, and why."""

    what: str
    why: str
