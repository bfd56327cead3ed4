"""What the demo ends with: one object, from the ledger and the load driver, and a table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, State

MILESTONES = {
    "detected": "opened",
    "diagnosed": "diagnosed",
    "proposed": "proposed",
    "approved": "approved",
    "applied": "applied",
    "verified": "verified",
}


def case_json(case: Case, began: datetime) -> dict[str, Any]:
    """One case in the words of `kintsugi demo --json`."""
    fix = case.fix
    certificate: Mapping[str, Any] = fix.certificate if fix else {}
    times = {name: round((case.times[kind] - began).total_seconds(), 2) for name, kind in MILESTONES.items() if kind in case.times}
    return {
        "id": case.id,
        "title": case.title,
        "service": case.service,
        "state": str(case.state),
        "ticket": case.ticket,
        "fix": fix.id if fix else "",
        "digest": fix.digest if fix else "",
        "branch": fix.branch if fix else "",
        "suspect_commit": str(case.diagnosis.get("suspect_commit", "")),
        "cause": str(case.diagnosis.get("cause", "")),
        "reason": case.reason,
        "certificate": {key: certificate.get(key) for key in ("red_on_base", "same_fingerprint", "green_on_patch", "suite", "runs")}
        if certificate
        else {},
        "verdict": {key: case.verdict.get(key) for key in ("word", "before", "after", "p")} if case.verdict else {},
        "lesson": case.lesson,
        "guard": case.guard,
        "seconds": times,
    }


def report(
    ledger: Ledger, began: datetime, seconds: float, left_alone: Sequence[Mapping[str, Any]], traffic: Mapping[str, Any], repository: str
) -> dict[str, Any]:
    cases = sorted(ledger.cases(), key=lambda case: case.opened)
    refused = [
        {"title": case.title, "reason": case.reason or f"still {case.state} when the time was up"}
        for case in cases
        if case.state is not State.VERIFIED
    ]
    return {
        "seconds": round(seconds, 2),
        "healed": sum(case.state is State.VERIFIED for case in cases),
        "cases": [case_json(case, began) for case in cases],
        "left_alone": [{"title": quiet.get("title", ""), "reason": quiet.get("reason", "")} for quiet in left_alone],
        "refused": refused,
        "traffic": dict(traffic),
        "model_calls": sum(case.spent.get("model_calls", 0) for case in cases),
        "repository": repository,
    }


def table(found: Mapping[str, Any]) -> Table:
    """The cases of a report, a row each."""
    view = Table(box=None, header_style="bold", pad_edge=False, title_justify="left")
    for column in ("", "case", "what broke", "healed by", "before", "after", "detected", "verified"):
        view.add_column(column, no_wrap=column not in {"what broke", "healed by"})
    for case in found["cases"]:
        verdict, seconds = case["verdict"], case["seconds"]
        healed = case["state"] == "verified"
        view.add_row(
            Text("✔" if healed else "·", style="green" if healed else "yellow"),
            case["id"][5:],
            Text(case["title"]),
            Text(case["fix"] if healed else f"{case['state']}: {case['reason']}"[:60]),
            _share(verdict.get("before")),
            _share(verdict.get("after")),
            f"{seconds.get('detected', 0):.1f} s",
            f"{seconds['verified']:.1f} s" if "verified" in seconds else "",
        )
    return view


def _share(exposure: Mapping[str, Any] | None) -> str:
    return f"{exposure['events']}/{exposure['requests']}" if exposure else ""
