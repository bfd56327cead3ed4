"""How healthy a pattern is over all repositories that use it: how many of them had problems with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from mcp_servers.knowledge.patterns.model import AntiPattern, Change

Band = Literal["critical", "degraded", "healthy", "unknown"]
TOP = 10
_SEVERITIES = ("critical", "high", "medium", "low")


class Incident(Protocol):
    """What is asked of a problem that production had."""

    @property
    def repository(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def detected_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Health:
    """`score` is 1 - repositories with issues / all that use the pattern, from 0 to 1; None where nobody uses it."""

    band: Band
    score: float | None
    total: int
    with_issues: int


def health(users: frozenset[str], incidents: Sequence[Incident]) -> Health:
    """The health of a pattern that these repositories use, by the incidents of a period."""
    hit = {incident.repository for incident in incidents}
    total = len(users | hit)
    if not total:
        return Health("unknown", None, 0, 0)
    score = 1 - len(hit) / total
    return Health("critical" if score < 0.5 else "degraded" if score < 0.8 else "healthy", score, total, len(hit))


def gravest(incidents: Sequence[Incident]) -> list[Incident]:
    """The incidents by severity, the latest first among equals."""

    def rank(incident: Incident) -> tuple[int, float]:
        word = incident.severity.lower()
        return _SEVERITIES.index(word) if word in _SEVERITIES else len(_SEVERITIES), -incident.detected_at.timestamp()

    return sorted(incidents, key=rank)


def recommendation(found: Health, history: Sequence[Change], known: Sequence[AntiPattern]) -> str:
    """What to do about the pattern, in a sentence or two, with the value that experience speaks for."""
    still = sorted({name for one in known for name in one.affected})
    advice = {
        "unknown": "No repository is known to use this pattern; `kintsugi patterns scan` in a repository records what it uses.",
        "healthy": "Keep it; few who use it had problems with it.",
        "degraded": "Look at its incidents before it is used anew.",
        "critical": "Do not use it as it stands; half of those who do had problems with it.",
    }[found.band]
    if history and history[0].cause:
        advice += f" Learned: {history[0].told} ({history[0].reason or history[0].cause})."
    return f"{advice} Still as it was in {', '.join(still[:10])}." if still else advice
