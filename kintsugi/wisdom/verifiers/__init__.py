"""Whoever checks what production should show: live where an address is set and something can ask it, else by the artifacts, and says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kintsugi.wisdom.audit import Finding
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.page import Page, Standing, cell, counted, section, table
from mcp_servers.kit.errors import KintsugiError, Unavailable
from mcp_servers.kit.lazy import LazyTable


@dataclass(frozen=True, slots=True)
class Seen:
    """What production showed: how that stands, in a sentence, and tables."""

    standing: Standing
    summary: str
    blocks: tuple[str, ...] = ()


class Live(Protocol):
    """Asks what the address leads to; raises `KintsugiError` where it does not answer, and the artifacts speak instead."""

    def __call__(self, gathered: Gathered, address: str, expected: Sequence[str]) -> Seen: ...


@dataclass(frozen=True, slots=True)
class Verifier:
    """One row: its page, the sort of signal, and the variables of which any one makes it ask live."""

    name: str
    file: str
    title: str
    signals: str
    variables: tuple[str, ...]


VERIFIERS = (
    Verifier("metrics-verifier", "metrics_verification.md", "Metrics verification", "metrics", ("METRICS_ENDPOINT",)),
    Verifier("log-verifier", "log_verification.md", "Log verification", "logs", ("LOGS_ENDPOINT",)),
    Verifier("trace-verifier", "trace_verification.md", "Trace verification", "traces", ("TRACE_ENDPOINT", "HONEYCOMB_API_KEY")),
)
LIVE = LazyTable("verifier", {"log-verifier": "kintsugi.wisdom.verifiers.logs:verify"})


def page(verifier: Verifier, gathered: Gathered, findings: Sequence[Finding]) -> Page:
    """The verifier's page: PASS or FAIL for each signal that observability_spec.md expects."""
    expected = [one for one in findings if one.claim.kind == "signal" and one.claim.under == verifier.signals]
    artifacts = _by_artifacts(verifier, expected)
    seen, fallback = _live(verifier, gathered, [one.claim.subject for one in expected])
    if seen is None:
        return Page(verifier.file, verifier.title, artifacts.standing, f"{artifacts.summary} {fallback}", artifacts.blocks)
    return Page(verifier.file, verifier.title, seen.standing, seen.summary, (*seen.blocks, *artifacts.blocks))


def _live(verifier: Verifier, gathered: Gathered, expected: Sequence[str]) -> tuple[Seen | None, str]:
    variable = next((name for name in verifier.variables if gathered.environ.get(name)), "")
    if not variable:
        return (
            None,
            f"Source: artifacts, since {' and '.join(verifier.variables)} {'is' if len(verifier.variables) == 1 else 'are'} not set.",
        )
    try:
        if verifier.name not in list(LIVE):
            raise Unavailable(f"nothing here asks {verifier.signals} live yet.", code="no_port")
        ask: Live = LIVE[verifier.name]
        return ask(gathered, gathered.environ[variable], expected), ""
    except KintsugiError as error:
        return None, f"Source: artifacts, since {variable} is set and did not answer: {cell(error, 300)}"


def _by_artifacts(verifier: Verifier, expected: Sequence[Finding]) -> Seen:
    """By the code alone: whether it names what is expected. That says nothing of values, so it is never good news of production."""
    if not expected:
        return Seen("unknown", f"unknown: observability_spec.md names no {verifier.signals}.")
    rows = [(one.claim.subject, "PASS" if one.verdict == "borne out" else "FAIL", one.seen) for one in expected]
    failed = sum(word == "FAIL" for _, word, _ in rows)
    summary = f"Of {counted(len(rows), 'expected signal')} {len(rows) - failed} are named by the code and {failed} are not; what production shows is unknown."
    return Seen("findings" if failed else "unknown", summary, (section("In the code", table(("expected", "verdict", "seen"), rows)),))
