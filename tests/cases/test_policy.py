from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.cases.model import Case, Event, State
from mcp_servers.cases.policy import LAW, advance, fold
from mcp_servers.kit.errors import Refusal
from tests.cases.stories import anomaly

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
DATA: dict[str, Any] = {
    "project": "shop", "title": "x", "service": "api", "severity": "HIGH", "fingerprint": "f", "evidence": anomaly(),
    "fix": "fix_20261120_101500", "digest": "sha256:1", "ticket": "KIN-1",
}  # fmt: skip


def event(kind: str) -> Event:
    return Event(0, "case_1", kind, AT, "kintsugi", DATA if kind != "spent" else {"tokens": 5})


def walk(*kinds: str) -> Case:
    return fold(event(kind) for kind in kinds)


def test_the_whole_road_ends_verified() -> None:
    road = ("opened", "diagnosed", "ticketed", "proposed", "certified", "approval_requested", "approved", "applied", "deployed", "verified")
    assert walk(*road).state is State.VERIFIED


@pytest.mark.parametrize(
    ("road", "state"),
    [
        (("opened", "inconclusive"), State.INCONCLUSIVE),
        (("opened", "closed"), State.FALSE_POSITIVE),
        (("opened", "diagnosed", "proposed", "rejected"), State.REJECTED),
        (("opened", "diagnosed", "proposed", "approved", "applied", "rolled_back"), State.ROLLED_BACK),
        (("opened", "diagnosed", "proposed", "approved", "applied", "deployed", "regressed"), State.REGRESSED),
        (("opened", "diagnosed", "proposed", "approved", "superseded"), State.DIAGNOSED),
        (("opened", "diagnosed", "proposed", "approved", "expired"), State.PROPOSED),
    ],
)
def test_every_exit_has_a_way(road: tuple[str, ...], state: State) -> None:
    assert walk(*road).state is state


@given(st.lists(st.sampled_from(sorted(LAW)), max_size=30))
def test_no_sequence_of_events_applies_a_fix_that_nobody_approved(kinds: list[str]) -> None:
    case, approved = advance(None, event("opened")), False
    for kind in kinds:
        try:
            after = advance(case, event(kind))
        except Refusal:
            continue
        approved = (approved or kind == "approved") and after.state not in {State.DIAGNOSED, State.REJECTED, State.PROPOSED}
        assert after.state is not State.APPLIED or approved
        case = after


def test_budgets_add_up() -> None:
    assert walk("opened", "spent", "spent").spent == {"tokens": 10}


def test_an_event_nobody_knows_is_refused() -> None:
    with pytest.raises(Refusal, match="'blessed' is not an event"):
        advance(None, event("blessed"))
