"""What a ticket is told when its problem is over."""

from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi.loop import telling
from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from tests.cases.stories import deployed
from tests.conftest import Clock


@pytest.mark.promise("S0.26")
def test_a_resolved_ticket_says_how_long_it_took_and_what_production_showed_before_and_after(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(Database.open(f"sqlite:///{tmp_path / 'k.db'}"), clock)
    case = deployed(ledger, Approvals(ledger))
    clock.forward(minutes=34)
    shown = "12 events in 400 requests before, 0 in 500 after: at most 0.2 times the rate before."
    case = ledger.append(case.id, "verified", {"word": "verified", "explain": shown}, actor="kintsugi")
    assert case.fix is not None
    assert telling.resolved(case, case.fix) == f"{case.fix.id} is verified in production, 34 minutes after the case was opened. {shown}"
