"""What a case has cost so far, and which of its budgets the next write would overdraw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcp_servers.cases.model import Case, Event
from mcp_servers.kit.budgets import Budgets


@dataclass(frozen=True, slots=True)
class Overdrawn:
    """A budget that is used up, as the end of a sentence about the case."""

    name: str
    spent: int
    limit: int
    sentence: str


def overdrawn(case: Case, events: Sequence[Event], budgets: Budgets, tool: str) -> Overdrawn | None:
    """The first budget that leaves no room for one more call of this tool, whoever spent it."""
    for name, spent, limit, sentence in _accounts(case, events, budgets, tool):
        if spent >= limit:
            return Overdrawn(name, spent, limit, sentence)
    return None


def _accounts(case: Case, events: Sequence[Event], budgets: Budgets, tool: str) -> Iterator[tuple[str, int, int, str]]:
    counts = Counter(event.kind for event in events)
    counted = {
        "propose_fix": ("proposals", sum(not fix.takes_back for fix in case.fixes), budgets.proposals_per_case),
        "certify_fix": ("certifications", counts["certified"], budgets.certifications_per_case),
        "create_ticket": ("tickets", counts["ticketed"], budgets.tickets_per_case),
        "open_pull_request": ("pull requests", counts["pull_request"], budgets.pull_requests_per_case),
    }
    if tool in counted:
        name, spent, limit = counted[tool]
        yield name, spent, limit, f"has had {spent} {name}, its budget is {limit}"
    tokens, cents = case.spent.get("tokens", 0), case.spent.get("cents", 0)
    seconds = case.spent.get("seconds", 0) + case.spent.get("sandbox_ms", 0) // 1000
    yield "tokens", tokens, budgets.tokens_per_case, f"has cost {tokens:,} tokens, its budget is {budgets.tokens_per_case:,}"
    yield "cents", cents, budgets.cents_per_case, f"has cost ${cents / 100:.2f}, its budget is ${budgets.cents_per_case / 100:.2f}"
    minutes = seconds // 60
    yield "minutes", minutes, budgets.minutes_per_case, f"has taken {minutes} minutes of work, its budget is {budgets.minutes_per_case}"
