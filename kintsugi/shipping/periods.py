"""When it tends to break: the slots of the week in which more cases begin than chance brings. Values in, values out.

Each of the week's 42 slots of four hours (UTC) is tested with the exact binomial tail, at 1 % over all of them (Bonferroni).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import comb

HOURS, SLOTS = 4, 42
FEWEST, LONGEST = 3, timedelta(days=180)
_SURE = 0.01
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Period:
    """A slot of the week in which `cases` of `of` incidents began; `services` are those they were of, the most frequent first."""

    slot: int
    cases: int
    of: int
    services: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        day, hour = divmod(self.slot * HOURS, 24)
        return f"{_DAYS[day]} {hour:02d}:00 to {hour + HOURS:02d}:00 UTC, when {self.cases} of {self.of} incidents began"

    def begins(self, now: datetime) -> datetime:
        """When it begins, or began if it is now."""
        monday = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=now.astimezone(UTC).weekday())
        start = monday + timedelta(hours=HOURS * self.slot)
        return start if now < start + timedelta(hours=HOURS) else start + timedelta(days=7)

    def ends(self, now: datetime) -> datetime:
        return self.begins(now) + timedelta(hours=HOURS)


def risky(began: Sequence[tuple[datetime, str]], now: datetime) -> list[Period]:
    """The slots that are riskier than chance, the worst first, told by when cases of the last half year began, each with its service.

    Cases of one slot in one week are one incident: only what comes back in other weeks tells of a slot.
    """
    slots: dict[int, dict[tuple[int, int], list[str]]] = {}
    for at, service in sorted(one for one in began if now - LONGEST <= one[0] <= now):
        moment = at.astimezone(UTC)
        weeks = slots.setdefault((moment.weekday() * 24 + moment.hour) // HOURS, {})
        weeks.setdefault(moment.isocalendar()[:2], []).append(service)
    total = sum(map(len, slots.values()))
    found = [
        Period(
            slot,
            len(some),
            total,
            tuple(name for name, _ in Counter(name for week in some.values() for name in week if name).most_common()),
        )
        for slot, some in slots.items()
        if len(some) >= FEWEST and _tail(len(some), total) * SLOTS < _SURE
    ]
    return sorted(found, key=lambda one: (-one.cases, one.slot))


def _tail(hits: int, of: int) -> float:
    """The chance of at least so many hits in one slot, if each of `of` falls anywhere."""
    p = 1 / SLOTS
    return sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(hits, of + 1))
