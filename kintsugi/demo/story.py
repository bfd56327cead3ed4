"""The demo as its viewer sees it: every line is read off the ledger, the moment it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from mcp_servers.cases.approvals import short
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Event

GOLD = "#c9a227"


class Story:
    """Tells what is new on the ledger since the last telling."""

    def __init__(self, ledger: Ledger, console: Console, began: datetime, subject: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._console = console
        self._began = began
        self._subject = subject
        self._told = 0

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style))

    def go_on(self) -> None:
        """Prints one line for each event that has come since."""
        for event in self._ledger.events_since(self._told):
            self._told = event.number
            told = _TELL.get(event.kind)
            if told:
                label, text, style = told(event.data, self._subject)
                self._line(event, label, text, style)

    def _line(self, event: Event, label: str, text: str, style: str) -> None:
        second = (event.at - self._began).total_seconds()
        line = Text(f"{second:5.1f} s  ", style="dim")
        line.append(f"{event.case[5:]}  ", style="cyan")
        line.append(f"{label:<13}", style=f"bold {style}")
        line.append(text)
        self._console.print(line, soft_wrap=True)


Told = tuple[str, str, str]


def _opened(data: Mapping[str, Any], _: Callable[[str], str]) -> Told:
    seen: Mapping[str, Any] = data["evidence"]
    return "detected", f"{data['title']}  ({data['service']}, {seen.get('count')} events, {seen.get('rate_per_minute', 0):.0f}/min)", "red"


def _diagnosed(data: Mapping[str, Any], subject: Callable[[str], str]) -> Told:
    commit = str(data.get("suspect_commit") or "")
    where = f"{data.get('file')}:{data.get('line')} in {data.get('function') or 'the configuration'}"
    return "cause", f"{where}: {data.get('cause')}" + (f"\n{'':24}commit {commit[:8]} “{subject(commit)}”" if commit else ""), ""


def _certified(data: Mapping[str, Any], _: Callable[[str], str]) -> Told:
    seen: Mapping[str, Any] = data.get("certificate", {})
    if not seen.get("passed", True):
        return "refuted", str(seen.get("reason", "")), "yellow"
    proof = "fails on the base with production's own failure" if seen.get("same_fingerprint") else "fails on the base"
    return (
        "certificate",
        f"the new test {proof}, passes with the patch; suite {seen.get('suite')}; {seen.get('runs')} runs agree; jail {seen.get('jail')}",
        "green",
    )


def _verified(data: Mapping[str, Any], _: Callable[[str], str]) -> Told:
    before, after = data["before"], data["after"]
    return (
        "verified",
        f"{before['events']} events in {before['requests']} requests before, {after['events']} in {after['requests']} after; p = {data.get('p', 0):.1g}",
        GOLD,
    )


_TELL: Mapping[str, Callable[[Mapping[str, Any], Callable[[str], str]], Told]] = {
    "opened": _opened,
    "diagnosed": _diagnosed,
    "ticketed": lambda data, _: ("ticket", str(data["ticket"]), ""),
    "proposed": lambda data, _: ("patch", f"{data.get('title')}  ({data['fix']})", ""),
    "certified": _certified,
    "approved": lambda data, _: ("approved", f"{short(data['digest'])} by the {data.get('channel')}", "green"),
    "rejected": lambda data, _: ("rejected", str(data.get("reason")), "yellow"),
    "superseded": lambda data, _: ("again", str(data.get("reason")), "yellow"),
    "inconclusive": lambda data, _: ("inconclusive", str(data.get("reason")), "yellow"),
    "applied": lambda data, _: ("applied", f"on branch {data.get('branch')}", ""),
    "deployed": lambda data, _: ("restarted", f"the shop now runs {data.get('release')}", ""),
    "verified": _verified,
    "regressed": lambda data, _: ("regressed", str(data.get("reason")), "red"),
    "learned": lambda data, _: ("learned", f"{data.get('lesson')}" + (f", guard {data['guard']}" if data.get("guard") else ""), GOLD),
}
