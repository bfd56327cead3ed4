"""The gate, implemented by the ledger: paused means no, over the budget means no, and what was done is on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.policy import Budgets
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Approval, Write
from mcp_servers.kit.stack import Failure, StackTrace


class LedgerGate:
    """Implements `kit.gate.Gate` for every slice."""

    def __init__(self, ledger: Ledger, approvals: Approvals, budgets: Budgets | None = None) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._budgets = budgets or Budgets()

    def admit(self, write: Write) -> None:
        self._ledger.check_lease()
        paused, why = self._ledger.paused()
        if paused and write.tool not in {"rollback_fix", "pause_healing"}:
            raise Refusal(f"Healing is paused ({why}); {write.tool} did nothing. `kintsugi resume` goes on.", code="paused")
        if write.tool == "propose_fix" and write.case:
            self._admit_proposal(write.case)
        if write.tool == "create_ticket":
            self._admit_ticket()

    def record(self, write: Write, event: str, data: Mapping[str, Any], connection: Connection | None = None) -> None:
        if write.case:
            key = ":".join(str(data.get(part, "")) for part in ("fix", "digest", "ticket", "lesson") if data.get(part))
            self._ledger.append(write.case, event, data, actor=write.actor, key=key, connection=connection)

    def spend(self, digest: str, write: Write, connection: Connection) -> Approval:
        return self._approvals.spend(digest, write, connection)

    def evidence(self, case: str) -> Mapping[str, Any]:
        return self._ledger.case(case).evidence

    def failure(self, case: str) -> Failure:
        evidence = self._ledger.case(case).evidence
        if evidence.get("trace"):
            return Failure.of(StackTrace.from_json(evidence["trace"]))
        return Failure("", message=str(evidence.get("message") or evidence.get("title", "")))

    def _admit_proposal(self, case: str) -> None:
        made = len(self._ledger.case(case).fixes)
        if made >= self._budgets.proposals_per_case:
            raise Refusal(
                f"Case {case} has had {made} proposals, its budget is {self._budgets.proposals_per_case}; a person must look at it now.",
                code="budget_used_up",
            )

    def _admit_ticket(self) -> None:
        today = self._ledger.count_since("ticketed", self._ledger.now() - timedelta(days=1))
        if today >= self._budgets.tickets_per_day:
            raise Refusal(f"{today} tickets were opened in the last 24 hours, the budget; nothing was opened.", code="budget_used_up")
