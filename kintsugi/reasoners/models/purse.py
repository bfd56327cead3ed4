"""What a case may still cost, and what it has cost: every answer is charged once, on the ledger, where all drivers see it."""

from __future__ import annotations

import math

from kintsugi.reasoners.models.messages import Message
from kintsugi.reasoners.models.settings import Settings
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.spending import Overdrawn, overdrawn
from mcp_servers.kit.budgets import Budgets
from mcp_servers.kit.errors import Refusal

_PER_CENT = 10_000
"""Millionths of a dollar in a cent: answers cost less than a cent, so that the ledger keeps both."""


class Purse:
    """The budget of one case, as one reasoner in one role spends it. `payer` is told to the ledger as the actor."""

    def __init__(self, ledger: Ledger, budgets: Budgets, settings: Settings, case: str, payer: str) -> None:
        self._ledger = ledger
        self._budgets = budgets
        self._settings = settings
        self._case = case
        self._payer = payer
        self._seconds = 0.0

    def room(self, prompt: int) -> int:
        """How many tokens an answer to a prompt of about so many may have; raises `Refusal` when the case's budget leaves none."""
        case = self._ledger.case(self._case)
        left = self._budgets.tokens_per_case - case.spent.get("tokens", 0) - prompt
        over = overdrawn(case, self._ledger.events(case.id), self._budgets, "")
        if over is None and left <= 0:
            spent, limit = case.spent.get("tokens", 0), self._budgets.tokens_per_case
            over = Overdrawn(
                "tokens", spent, limit, f"has cost {spent:,} tokens, the next question takes {prompt:,}, its budget is {limit:,}"
            )
        if over is None:
            return min(self._settings.output, left)
        data = {"budget": over.name, "spent": over.spent, "limit": over.limit, "tool": self._payer}
        self._ledger.append(case.id, "exhausted", data, actor=self._payer, key=f"{over.name}:{over.limit}")
        raise Refusal(f"The case {over.sentence}; no model was asked.", code="budget_exhausted")

    def pay(self, message: Message, seconds: float = 0.0, dollars: float | None = None) -> None:
        """Charges an answer, at its price when somebody told it. A second time changes nothing, so that nothing is lost or doubled by a crash."""
        usage, case = message.usage, self._ledger.case(self._case)
        self._seconds += seconds
        whole = int(self._seconds)
        self._seconds -= whole
        amounts = {"tokens": usage.total, "tokens_cached": usage.cached, "tokens_output": usage.output, "seconds": whole}
        price = self._settings.dollars(usage) if dollars is None else dollars
        if price is not None:
            before, micro = case.spent.get("microdollars", 0), round(price * 1_000_000)
            amounts["microdollars"] = micro
            amounts["cents"] = math.ceil((before + micro) / _PER_CENT) - math.ceil(before / _PER_CENT)
        self._ledger.append(self._case, "spent", amounts, actor=self._payer, key=message.id)
