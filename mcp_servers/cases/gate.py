"""The gate, implemented by the ledger: paused means no, over the budget means no, and what was done is on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.policy import SETTLED
from mcp_servers.cases.spending import overdrawn
from mcp_servers.cases.track import Level, failed_cases, records
from mcp_servers.kit.budgets import Budgets
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Approval, Standing, Write
from mcp_servers.kit.stack import Failure, StackTrace

_ALWAYS = frozenset(
    {
        "rollback_fix",
        "pause_healing",
        "close_case",
        "record_diagnosis",
        "request_approval",
        "apply_fix",
        "transition_ticket",
        "record_lesson",
    }
)
"""Writes that cost nothing new, or that end or take back what was begun."""
_DRIVERS = frozenset({"kintsugi", "agent"})


class LedgerGate:
    """Implements `kit.gate.Gate` for every slice. `served`: callers sit behind the protocol, so a person's name is only their word for it."""

    def __init__(self, ledger: Ledger, approvals: Approvals, budgets: Budgets | None = None, *, served: bool = False) -> None:
        self._ledger = ledger
        self._approvals = approvals
        self._budgets = budgets or Budgets()
        self._served = served

    def admit(self, write: Write) -> None:
        self._ledger.check_lease()
        paused, why = self._ledger.paused()
        if paused and write.tool not in {"rollback_fix", "pause_healing"}:
            raise Refusal(f"Healing is paused ({why}); {write.tool} did nothing. `kintsugi resume` goes on.", code="paused")
        if write.case and write.tool not in _ALWAYS:
            self._admit_cost(write)
        if write.tool == "create_ticket":
            self._admit_ticket()
        if write.tool == "propose_fix" and write.case and (self._served or write.actor in _DRIVERS):
            self._admit_record(write.case)

    def record(self, write: Write, event: str, data: Mapping[str, Any], connection: Connection | None = None) -> None:
        if write.case:
            key = ":".join(str(data.get(part, "")) for part in ("fix", "digest", "ticket", "lesson") if data.get(part))
            self._ledger.append(write.case, event, data, actor=write.actor, key=key, connection=connection)

    def spend(self, digest: str, write: Write, connection: Connection) -> Approval:
        return self._approvals.spend(digest, write, connection)

    def evidence(self, case: str) -> Mapping[str, Any]:
        return self._ledger.case(case).evidence

    def suspect(self, case: str) -> str:
        return str(self._ledger.case(case).diagnosis.get("suspect_commit") or "")

    def unsettled(self, ticket: str) -> str:
        given = {event.case for event in self._ledger.events_since(0) if event.kind == "ticketed" and event.data.get("ticket") == ticket}
        return next((case for case in sorted(given) if self._ledger.case(case).state not in SETTLED), "")

    def failure(self, case: str) -> Failure:
        evidence = self._ledger.case(case).evidence
        if evidence.get("trace"):
            return Failure.of(StackTrace.from_json(evidence["trace"]))
        return Failure("", message=str(evidence.get("message") or evidence.get("title", "")))

    def standing(self, recipe: str, apart_from: str = "") -> Standing:
        events = self._ledger.events_since(0)
        level = records(events, self._ledger.now()).of(f"recipe {recipe}").level
        cases = sorted(failed_cases(events, recipe) - {apart_from})
        return Standing(str(level), tuple(self._ledger.case(case).evidence for case in cases))

    def _admit_cost(self, write: Write) -> None:
        case = self._ledger.case(write.case)
        over = overdrawn(case, self._ledger.events(case.id), self._budgets, write.tool)
        if over is None:
            return
        data = {"budget": over.name, "spent": over.spent, "limit": over.limit, "tool": write.tool}
        self._ledger.append(case.id, "exhausted", data, actor=write.actor, key=f"{over.name}:{over.limit}")
        raise Refusal(f"Case {case.id} {over.sentence}; {write.tool} did nothing. A person must look at it now.", code="budget_exhausted")

    def _admit_record(self, case: str) -> None:
        """Whoever judged this case, and the recipe, have to have earned that the driver proposes."""
        kept = records(self._ledger.events_since(0), self._ledger.now())
        for name in kept.judges.get(case, ()):
            record = kept.of(name)
            if record.level is not Level.PROPOSE:
                raise Refusal(
                    f"{name} is demoted to {record.level}: {record.told}. A person may propose the fix; what holds promotes it again.",
                    code="demoted",
                )

    def _admit_ticket(self) -> None:
        today = self._ledger.count_since("ticketed", self._ledger.now() - timedelta(days=1))
        if today >= self._budgets.tickets_per_day:
            raise Refusal(f"{today} tickets were opened in the last 24 hours, the budget; nothing was opened.", code="budget_exhausted")
