"""How a case gets somewhere, for tests that begin there."""

from __future__ import annotations

from typing import Any

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case

DIGEST = "sha256:" + "ab12cd34" * 8


def anomaly(coarse: str = "1f3a9c0255aa10bb", **more: Any) -> dict[str, Any]:
    return {
        "title": "AttributeError in label",
        "service": "api",
        "severity": "HIGH",
        "count": 3,
        "fingerprint": {"version": 1, "coarse": coarse, "fine": coarse},
        "first_seen": "2026-11-20T10:10:00+00:00",
        "last_seen": "2026-11-20T10:14:00+00:00",
        "releases": {"r1": 3},
        **more,
    }


def diagnosed(ledger: Ledger, coarse: str = "1f3a9c0255aa10bb") -> Case:
    case, _ = ledger.open_case("shop", anomaly(coarse), actor="kintsugi")
    return ledger.append(case.id, "diagnosed", {"status": "likely", "cause": "a phone may be missing"}, actor="kintsugi")


def proposed(ledger: Ledger, fix: str = "fix_20261120_101500", by: str = "kintsugi", coarse: str = "1f3a9c0255aa10bb") -> Case:
    case = diagnosed(ledger, coarse)
    return ledger.append(case.id, "proposed", {"fix": fix, "digest": "sha256:00", "title": "guard it"}, actor=by)


def certified(ledger: Ledger, fix: str = "fix_20261120_101500", by: str = "kintsugi", digest: str = DIGEST) -> Case:
    case = proposed(ledger, fix, by)
    return ledger.append(case.id, "certified", {"fix": fix, "digest": digest, "certificate": {"passed": True}}, actor="kintsugi")


def approved(ledger: Ledger, approvals: Approvals, person: str = "ada") -> Case:
    case = certified(ledger)
    approvals.request("fix_20261120_101500", risk="low", actor="kintsugi")
    approvals.approve(DIGEST, person=person, channel="terminal")
    return case


def deployed(ledger: Ledger, approvals: Approvals, release: str = "r2") -> Case:
    case = approved(ledger, approvals)
    ledger.append(case.id, "applied", {"fix": "fix_20261120_101500", "branch": "kintsugi/x", "commit": "c0ffee"}, actor="kintsugi")
    return ledger.append(case.id, "deployed", {"fix": "fix_20261120_101500", "release": release}, actor="kintsugi")
