from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.gate import LedgerGate
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.budgets import Budgets
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.kit.policy import Policy
from tests.cases.stories import DIGEST, approved, certified, diagnosed, proposed
from tests.conftest import Clock

FIX = "fix_20261120_101500"


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    return Ledger(Database.open(f"sqlite:///{tmp_path / 'state.sqlite'}"), clock)


@pytest.fixture
def approvals(ledger: Ledger) -> Approvals:
    return Approvals(ledger)


def _spend(ledger: Ledger, approvals: Approvals, digest: str = DIGEST) -> str:
    with ledger.database.transaction() as connection:
        return approvals.spend(digest, Write("apply_fix", "kintsugi"), connection).person


def test_a_person_is_asked_only_about_what_a_machine_has_proven(ledger: Ledger, approvals: Approvals) -> None:
    proposed(ledger)
    with pytest.raises(Refusal, match="has no certificate yet"):
        approvals.request(FIX, risk="low", actor="kintsugi")


def test_asking_twice_asks_once(ledger: Ledger, approvals: Approvals) -> None:
    certified(ledger)
    approvals.request(FIX, risk="low", actor="kintsugi")
    approvals.request(FIX, risk="low", actor="kintsugi")
    assert [request.fix for request in approvals.waiting()] == [FIX]


def test_an_approval_acts_once(ledger: Ledger, approvals: Approvals) -> None:
    approved(ledger, approvals)
    assert _spend(ledger, approvals) == "ada"
    with pytest.raises(Refusal, match="each one acts once"):
        _spend(ledger, approvals)


def test_of_sixteen_that_race_for_one_approval_one_gets_it(ledger: Ledger, approvals: Approvals) -> None:
    approved(ledger, approvals)

    def attempt(_: int) -> bool:
        try:
            return _spend(ledger, approvals) == "ada"
        except KintsugiError:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_a_rolled_back_transaction_gives_the_approval_back(ledger: Ledger, approvals: Approvals) -> None:
    approved(ledger, approvals)

    def spend_and_die() -> None:
        with ledger.database.transaction() as connection:
            approvals.spend(DIGEST, Write("apply_fix", "kintsugi"), connection)
            raise RuntimeError("the machine died here")

    with pytest.raises(RuntimeError):
        spend_and_die()
    assert _spend(ledger, approvals) == "ada"


def test_an_approval_expires_and_may_be_asked_for_again(ledger: Ledger, approvals: Approvals, clock: Clock) -> None:
    case = approved(ledger, approvals)
    clock.forward(hours=2)
    with pytest.raises(Refusal, match="expired"):
        _spend(ledger, approvals)
    ledger.append(case.id, "expired", {"fix": FIX}, actor="kintsugi")
    approvals.request(FIX, risk="low", actor="kintsugi")
    approvals.approve(DIGEST, person="ada", channel="terminal")
    assert _spend(ledger, approvals) == "ada"


def test_what_ran_out_ends_at_the_next_look_and_a_person_may_be_asked_anew(ledger: Ledger, approvals: Approvals, clock: Clock) -> None:
    case = approved(ledger, approvals)
    clock.forward(minutes=59)
    approvals.sweep()
    assert ledger.case(case.id).state is State.APPROVED
    clock.forward(minutes=2)
    for _ in range(2):
        approvals.sweep()
    ended = ledger.case(case.id)
    assert (ended.state, ended.asked, ended.reason) == (State.PROPOSED, "", "the approval was not used in time")
    assert [event.kind for event in ledger.events(case.id)].count("expired") == 1
    with pytest.raises(Refusal, match="expired at"):
        _spend(ledger, approvals)
    assert approvals.request(FIX, risk="low", actor="kintsugi").number == 2
    approvals.approve(DIGEST, person="ada", channel="terminal")
    assert _spend(ledger, approvals) == "ada"


def test_a_question_that_nobody_answered_waits_no_more_after_a_week(ledger: Ledger, approvals: Approvals, clock: Clock) -> None:
    case = certified(ledger)
    approvals.request(FIX, risk="low", actor="kintsugi")
    clock.forward(days=7)
    assert approvals.waiting() == []
    assert (ledger.case(case.id).asked, ledger.case(case.id).reason) == ("", "nobody answered in time")
    with pytest.raises(Refusal, match="too long"):
        approvals.approve(DIGEST, person="ada", channel="terminal")
    approvals.reject(DIGEST, person="ada", channel="terminal", reason="not this way")
    assert ledger.case(case.id).state is State.REJECTED


def test_what_runs_out_for_an_older_form_of_a_fix_leaves_the_approval_of_the_newer_one(
    ledger: Ledger, approvals: Approvals, clock: Clock
) -> None:
    case = approved(ledger, approvals)
    newer = "sha256:" + "7" * 64
    ledger.append(case.id, "superseded", {"fix": FIX, "reason": "the base moved"}, actor="kintsugi")
    ledger.append(case.id, "proposed", {"fix": FIX, "digest": "sha256:00"}, actor="kintsugi")
    ledger.append(case.id, "certified", {"fix": FIX, "digest": newer, "certificate": {"passed": True}}, actor="kintsugi")
    clock.forward(minutes=30)
    approvals.request(FIX, risk="low", actor="kintsugi")
    approvals.approve(newer, person="ada", channel="terminal")
    clock.forward(minutes=31)
    approvals.sweep()
    assert ledger.case(case.id).state is State.APPROVED
    assert _spend(ledger, approvals, newer) == "ada"


def test_nothing_approved_covers_another_digest(ledger: Ledger, approvals: Approvals) -> None:
    approved(ledger, approvals)
    with pytest.raises(Refusal, match="No person has approved"):
        _spend(ledger, approvals, "sha256:" + "0" * 64)


def test_who_proposes_cannot_approve(ledger: Ledger, approvals: Approvals) -> None:
    certified(ledger, by="grace")
    approvals.request(FIX, risk="low", actor="kintsugi")
    with pytest.raises(Refusal, match="another person must"):
        approvals.approve(DIGEST, person="grace", channel="terminal")
    assert approvals.approve(DIGEST, person="ada", channel="terminal").state is State.APPROVED


def test_what_was_rejected_is_never_applied(ledger: Ledger, approvals: Approvals) -> None:
    certified(ledger)
    approvals.request(FIX, risk="low", actor="kintsugi")
    case = approvals.reject(DIGEST, person="ada", channel="terminal", reason="too broad")
    assert (case.state, case.reason) == (State.REJECTED, "too broad")
    with pytest.raises(Refusal, match="ada rejected"):
        _spend(ledger, approvals)
    with pytest.raises(Refusal, match="already rejected by ada"):
        approvals.approve(DIGEST, person="ada", channel="terminal")


def test_a_paused_gate_admits_only_the_way_back(ledger: Ledger, approvals: Approvals) -> None:
    gate = LedgerGate(ledger, approvals)
    ledger.pause(True, actor="ada", reason="freeze")
    with pytest.raises(Refusal, match="Healing is paused"):
        gate.admit(Write("apply_fix", "kintsugi"))
    gate.admit(Write("rollback_fix", "ada"))


def test_a_case_has_a_budget_of_proposals_across_drivers(ledger: Ledger, approvals: Approvals) -> None:
    gate = LedgerGate(ledger, approvals, Budgets(proposals_per_case=2))
    case = diagnosed(ledger)
    for number in range(2):
        gate.admit(Write("propose_fix", "kintsugi", case.id))
        data = {"fix": f"fix_2026112{number}_000000", "digest": f"sha256:{number}"}
        ledger.append(case.id, "proposed", data, actor="claude" if number else "kintsugi")
    with pytest.raises(Refusal, match="has had 2 proposals"):
        gate.admit(Write("propose_fix", "kintsugi", case.id))


def test_tickets_have_a_budget_a_day(ledger: Ledger, approvals: Approvals, clock: Clock) -> None:
    gate = LedgerGate(ledger, approvals, Budgets(tickets_per_day=1))
    case = diagnosed(ledger)
    ledger.append(case.id, "ticketed", {"ticket": "KIN-1"}, actor="kintsugi")
    with pytest.raises(Refusal, match="1 tickets were opened"):
        gate.admit(Write("create_ticket", "kintsugi", case.id))
    clock.forward(days=2)
    gate.admit(Write("create_ticket", "kintsugi", case.id))


def test_another_spelling_is_the_same_person(ledger: Ledger, clock: Clock) -> None:
    strict = Approvals(ledger, Policy(people=("ada", "grace", "linus"), approvers=(2, 2, 2)))
    certified(ledger, by="grace")
    strict.request(FIX, risk="low", actor="kintsugi")
    with pytest.raises(Refusal, match="another person must"):
        strict.approve(DIGEST, person=" GRACE", channel="signed")
    assert strict.approve(DIGEST, person="ada", channel="signed").state is State.PROPOSED
    for same in ("ada", "Ada ", "\uff41da"):
        with pytest.raises(Refusal, match="approved ab12cd34 already"):
            strict.approve(DIGEST, person=same, channel="signed")
    with pytest.raises(Refusal, match="is not among those"):
        strict.approve(DIGEST, person="mallory", channel="signed")
    assert strict.approve(DIGEST, person="linus", channel="signed").state is State.APPROVED
    assert [event.kind for event in ledger.events(ledger.cases()[0].id)][-2:] == ["endorsed", "approved"]


def test_an_agent_may_call_its_fix_graver_never_lighter(ledger: Ledger, approvals: Approvals) -> None:
    case = diagnosed(ledger)
    ledger.append(case.id, "proposed", {"fix": FIX, "digest": "sha256:00", "risk": "high"}, actor="kintsugi")
    ledger.append(case.id, "certified", {"fix": FIX, "digest": DIGEST, "certificate": {"passed": True}}, actor="kintsugi")
    assert approvals.request(FIX, risk="low", actor="agent").risk == "high"
    with pytest.raises(Refusal, match="needs a signed approval"):
        approvals.approve(DIGEST, person="ada", channel="terminal")
    with pytest.raises(Refusal, match="no channel for a decision"):
        approvals.approve(DIGEST, person="ada", channel="agent")
    approvals.approve(DIGEST, person="ada", channel="signed")
    assert _spend(ledger, approvals) == "ada"


def test_a_yes_may_be_taken_back_until_it_is_used(ledger: Ledger, approvals: Approvals) -> None:
    approved(ledger, approvals)
    assert approvals.revoke(DIGEST, person="ada", reason="too late in the day").state is State.PROPOSED
    with pytest.raises(Refusal, match="No person has approved"):
        _spend(ledger, approvals)
    approvals.request(FIX, risk="low", actor="kintsugi")
    approvals.approve(DIGEST, person="ada", channel="terminal")
    assert _spend(ledger, approvals) == "ada"
    with pytest.raises(Refusal, match="kintsugi rollback"):
        approvals.revoke(DIGEST, person="ada")


def test_a_yes_is_void_once_the_case_went_on_without_it(ledger: Ledger, approvals: Approvals) -> None:
    case = approved(ledger, approvals)
    ledger.append(case.id, "superseded", {"reason": "the base moved"}, actor="kintsugi")
    with pytest.raises(Refusal, match="is for what it was before"):
        _spend(ledger, approvals)


def test_a_question_that_nobody_answered_for_days_is_asked_anew(ledger: Ledger, approvals: Approvals, clock: Clock) -> None:
    certified(ledger)
    approvals.request(FIX, risk="low", actor="kintsugi")
    clock.forward(days=8)
    with pytest.raises(Refusal, match="too long"):
        approvals.approve(DIGEST, person="ada", channel="terminal")
    approvals.request(FIX, risk="low", actor="kintsugi")
    approvals.approve(DIGEST, person="ada", channel="terminal")
