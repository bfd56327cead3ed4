"""The ticket that a case becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.tickets.compose import compose

EVIDENCE: dict[str, Any] = {
    "title": "AttributeError in format_phone: 'NoneType' object has no attribute 'strip'",
    "service": "Shop API",
    "severity": "HIGH",
    "error_type": "bug",
    "fingerprint": {"version": 1, "coarse": "c0ffee00c0ffee00", "fine": "f1"},
    "count": 12,
    "requests": 480,
    "rate_per_minute": 36.0,
    "onset": "2026-11-20T10:00:00+00:00",
    "last_seen": "2026-11-20T10:10:00+00:00",
    "releases": {"r3": 12},
    "concurrency": 17,
    "explain": "12 of 480 requests failed; none did in the hour before.",
    "samples": [{"at": "10:00", "body": "boom\n```\n@everyone fixes #1 ![x](https://evil.test)", "origin": "api.log:120"}],
    "request": [{"method": "GET", "target": "/customers/17?x=1", "status": 500}],
    "also": [{"title": "500 on /customers", "count": 12}],
}
DIAGNOSIS: dict[str, Any] = {
    "status": "likely",
    "cause": "a customer may have no phone",
    "file": "shop/customers.py",
    "line": 7,
    "function": "format_phone",
    "suspect_commit": "ab12cd",
    "claims": [{"text": "phone is None", "evidence": "shop/customers.py:7"}],
    "current_config": {"pool_size": 5},
    "suggested_config": "pool_size = 20",
}


@pytest.mark.promise("S0.3")
@pytest.mark.promise("S1.17")
@pytest.mark.promise("S2.4")
def test_a_ticket_says_what_a_person_needs_to_act() -> None:
    draft = compose(EVIDENCE, DIAGNOSIS, "case_c0ffee00")
    assert draft.title == "[Auto-detected] AttributeError in format_phone: 'NoneType' object has no attribute 'strip'"
    assert (draft.type, draft.priority, draft.fingerprint, draft.case) == ("Bug", "HIGH", "c0ffee00c0ffee00", "case_c0ffee00")
    assert draft.labels == ("production", "production-bug", "auto-generated", "auto-detected", "AI-Fix", "high", "shop-api", "bug")
    assert (draft.current_config, draft.suggested_config) == ('{\n  "pool_size": 5\n}', "pool_size = 20")
    for told in (
        "12 occurrences of 480 requests (2.5%)",
        "HTTP 500",
        "36 per minute",
        "onset: 2026-11-20T10:00:00+00:00",
        "r3 (12×)",
        "up to 17 requests at the same time",
        "Likely: a customer may have no phone",
        "at shop/customers.py:7 format_phone",
        "GET /customers/17?x=1",
        "api.log:120",
        "suspect commit: ab12cd",
        "500 on /customers (12×)",
    ):
        assert told in draft.description


@pytest.mark.promise("S0.8")
def test_what_production_wrote_is_quoted_and_inert() -> None:
    description = compose(EVIDENCE, DIAGNOSIS).description
    assert "Quoted from production" in description
    assert "````text\n10:00 api.log:120\nboom\n```\n(at)everyone fixes # 1 ! [x] (https[:]//evil.test)\n````" in description


def test_an_inconclusive_diagnosis_is_told_and_nothing_is_invented() -> None:
    draft = compose({"title": "timeouts"}, {"status": "inconclusive", "reason": "no trace"})
    assert "Inconclusive: no trace" in draft.description
    assert "No request was recorded" in draft.description
    assert "Current configuration" not in draft.description
    assert draft.priority == "MEDIUM"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(EVIDENCE, JSON)), st.fixed_dictionaries({}, optional=dict.fromkeys(DIAGNOSIS, JSON))
)
def test_evidence_of_any_shape_makes_a_ticket(evidence: dict[str, Any], diagnosis: dict[str, Any]) -> None:
    draft = compose(evidence, diagnosis)
    assert draft.title.startswith("[Auto-detected] ")
    assert "\n" not in draft.title
