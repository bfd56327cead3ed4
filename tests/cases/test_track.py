from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.gate import LedgerGate
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.cases.track import LATELY, Level, Record, records, wilson
from mcp_servers.kit.budgets import Budgets
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from tests.cases.stories import anomaly, diagnosed
from tests.conftest import Clock

RECIPE = "recipe optional-value"


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    return Ledger(Database.open(f"sqlite:///{tmp_path / 'state.sqlite'}"), clock)


@pytest.fixture
def approvals(ledger: Ledger) -> Approvals:
    return Approvals(ledger)


def tried(ledger: Ledger, number: int, *after: str) -> str:
    """A case whose fix by the recipe came to this."""
    case, _ = ledger.open_case("shop", anomaly(f"{number:016x}"), actor="kintsugi")
    ledger.append(case.id, "diagnosed", {"status": "likely", "cause": "x", "recipe": "optional-value"}, actor="recipes")
    fix = f"fix_20261120_{number:06}"
    ledger.append(case.id, "proposed", {"fix": fix, "digest": f"sha256:{number}"}, actor="kintsugi")
    for kind in after:
        ledger.append(case.id, kind, {"fix": fix}, actor="ada")
    return case.id


HELD = ("approved", "applied", "deployed", "verified")
REGRESSED = ("approved", "applied", "deployed", "regressed")


def test_the_record_counts_what_became_of_each_fix(ledger: Ledger) -> None:
    for number, after in enumerate([HELD, REGRESSED, ("rejected",), ("approved",), ()]):
        tried(ledger, number, *after)
    kept = records(ledger.events_since(0), ledger.now())
    assert kept.of(RECIPE) == Record(RECIPE, accepted=3, held=1, reverted=1, rejected=1)
    assert kept.of("reasoner recipes").held == 1


@pytest.mark.promise("4.6")
def test_a_recipe_that_fails_is_demoted_and_one_that_holds_again_is_promoted(ledger: Ledger, approvals: Approvals, clock: Clock) -> None:
    gate = LedgerGate(ledger, approvals)
    for number in range(5):
        tried(ledger, number, "rejected")
    new = tried(ledger, 9)
    with pytest.raises(Refusal, match="demoted to observe: of 5 fixes 0 held") as refused:
        gate.admit(Write("propose_fix", "kintsugi", new))
    assert refused.value.code == "demoted"
    gate.admit(Write("propose_fix", "ada", new))
    with pytest.raises(Refusal, match="demoted"):  # behind the protocol anybody may call themselves ada
        LedgerGate(ledger, approvals, served=True).admit(Write("propose_fix", "ada", new))
    for number in range(10, 15):
        tried(ledger, number, *HELD)
    assert records(ledger.events_since(0), ledger.now()).of(RECIPE).level is Level.SUGGEST
    for number in range(15, 20):
        tried(ledger, number, *HELD)
    gate.admit(Write("propose_fix", "kintsugi", new))
    clock.forward(days=LATELY.days + 1)
    assert records(ledger.events_since(0), ledger.now()).records == {}


@given(some.integers(0, 200), some.integers(0, 200))
def test_the_bound_lies_below_the_share_and_rises_with_evidence(hits: int, misses: int) -> None:
    count = hits + misses
    assert 0 <= wilson(hits, count) <= (hits / count if count else 0)
    assert wilson(hits + 1, count + 1) >= wilson(hits, count)
    assert wilson(2 * hits, 2 * count) >= wilson(hits, count) - 1e-12


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        ({"tokens": 900}, "900 tokens"),
        ({"cents": 120}, r"\$1.20"),
        ({"seconds": 660}, "11 minutes"),
        ({"seconds": 330, "sandbox_ms": 330_000}, "11 minutes"),
    ],
)
def test_what_a_case_may_cost_is_one_sum_for_all_drivers(ledger: Ledger, approvals: Approvals, spent: dict[str, int], told: str) -> None:
    gate = LedgerGate(ledger, approvals, Budgets(tokens_per_case=800, cents_per_case=100, minutes_per_case=10))
    case = diagnosed(ledger)
    half = {name: amount // 2 for name, amount in spent.items()}
    ledger.append(case.id, "spent", half, actor="kintsugi")
    gate.admit(Write("propose_fix", "kintsugi", case.id))
    ledger.append(case.id, "spent", half, actor="claude")
    for _ in range(2):
        with pytest.raises(Refusal, match=told) as refused:
            gate.admit(Write("try_reproduction", "claude", case.id))
        assert refused.value.code == "budget_exhausted"
    assert [event.kind for event in ledger.events(case.id)].count("exhausted") == 1
    gate.admit(Write("rollback_fix", "ada", case.id))


def test_tickets_and_pull_requests_of_a_case_are_counted(ledger: Ledger, approvals: Approvals) -> None:
    gate = LedgerGate(ledger, approvals, Budgets(tickets_per_case=1))
    case = diagnosed(ledger)
    gate.admit(Write("create_ticket", "kintsugi", case.id))
    ledger.append(case.id, "ticketed", {"ticket": "KIN-1"}, actor="kintsugi")
    with pytest.raises(Refusal, match="has had 1 tickets, its budget is 1"):
        gate.admit(Write("create_ticket", "claude", case.id))
    assert ledger.case(case.id).state is State.DIAGNOSED
