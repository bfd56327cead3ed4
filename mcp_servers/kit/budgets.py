"""The most that healing may cost: one budget for each case across all drivers, and one for each day. Set in the policy, outside every watched repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mcp_servers.kit.errors import Misconfigured

MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Budgets:
    """Counts, tokens of models, US cents, and minutes of work, of models and of the sandbox. Zero allows nothing."""

    proposals_per_case: int = 6
    certifications_per_case: int = 12
    tickets_per_case: int = 3
    pull_requests_per_case: int = 6
    tokens_per_case: int = 200_000
    cents_per_case: int = 500
    minutes_per_case: int = 120
    tickets_per_day: int = 50


UNCHANGED = Budgets()
"""What holds where the policy says nothing of budgets."""


def parse(data: Mapping[str, Any], where: str) -> Budgets:
    """The budgets of a `[budgets]` table, the rest as shipped; raises `Misconfigured` for an unknown name or no whole number."""
    known = {field.name for field in fields(Budgets)}
    for name, value in data.items():
        if name not in known:
            raise Misconfigured(f"{where} has a bad {name!r} in [budgets]: it knows {', '.join(sorted(known))}.", code="bad_policy")
        if type(value) is not int or not 0 <= value <= MOST:
            raise Misconfigured(f"{where} has a bad {name!r}: it is a whole number from 0 to {MOST}, not {value!r}.", code="bad_policy")
    return Budgets(**data)
