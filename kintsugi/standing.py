"""How healing stands in a project: what is open, what waits for a person, what was deployed, who works. Read from the store, nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kintsugi.loop.executor import Executor
from mcp_servers.cases.approvals import Approvals, Request, short
from mcp_servers.cases.leases import Leases
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.database import Database
from mcp_servers.kit.home import database_url, state_folder
from mcp_servers.kit.project import find_project

CLOSED = frozenset({State.VERIFIED, State.FALSE_POSITIVE, State.ROLLED_BACK})
_MOST = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that only a person can do, and the command to type for it."""

    what: str
    case: str
    command: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A fix that went into production: when (ISO), in which release, and what the logs say of it since."""

    fix: str
    case: str
    at: str
    release: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Driver:
    """Something that heals: a seat of this state folder whose lock is held, or the holder of a case elsewhere; and the cases it holds."""

    id: str
    cases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it, for one project, or for all where `project` is empty. `states` counts the open cases."""

    project: str
    paused: bool
    reason: str
    states: Mapping[str, int]
    waiting: tuple[Waiting, ...]
    deployments: tuple[Deployment, ...]
    drivers: tuple[Driver, ...]

    @property
    def open(self) -> int:
        return sum(self.states.values())


def standing(ledger: Ledger, project: str, environ: Mapping[str, str]) -> Standing:
    """How things stand now in the project of that name, or in all of them where it is empty."""
    cases = ledger.cases(project)
    ids = {case.id for case in cases}
    requests = [request for request in Approvals(ledger).waiting() if request.case in ids]
    paused, reason = ledger.paused()
    return Standing(
        project,
        paused,
        reason,
        dict(Counter(str(case.state) for case in cases if case.state not in CLOSED)),
        tuple(_waiting(paused, requests, cases)),
        tuple(_deployments(cases)),
        tuple(_drivers(ledger, cases, state_folder(environ))),
    )


def here(folder: Path, environ: Mapping[str, str]) -> Standing:
    """How things stand in the project around a folder; raises `Misconfigured` when its description or the store cannot be read."""
    project = find_project(folder)
    ledger = Ledger(Database.open(database_url(environ)), lambda: datetime.now(UTC))
    return standing(ledger, project.name if project else "", environ)


def line(now: Standing) -> str:
    """The standing in one line; empty when nothing is open and nothing waits."""
    if not (now.open or now.waiting):
        return ""
    counted = ", ".join(f"{count} {state}" for state, count in sorted(now.states.items()))
    parts = [f"{now.open} open case{'' if now.open == 1 else 's'}" + (f" ({counted})" if counted else "")]
    parts += (
        [f"{len(now.waiting)} wait{'s' if len(now.waiting) == 1 else ''} for a person: {now.waiting[0].command}"] if now.waiting else []
    )
    return f"Kintsugi{f' in {now.project}' if now.project else ''}: {'; '.join(parts)}."


def _waiting(paused: bool, requests: Iterable[Request], cases: Iterable[Case]) -> Iterable[Waiting]:
    if paused:
        yield Waiting("Healing is paused.", "", "kintsugi resume")
    asked = {request.fix for request in requests}
    for request in requests:
        yield Waiting(
            f"{request.fix} is proven and asks for a decision (risk {request.risk}, digest {short(request.digest)}).",
            request.case,
            f"kintsugi approve {request.fix}",
        )
    for case in cases:
        if case.state is State.PROPOSED and case.fix and case.fix.certified and case.fix.id not in asked:
            yield Waiting(f"{case.fix.id} is proven; nobody was asked yet.", case.id, f"kintsugi approve {case.fix.id}")
        elif case.state is State.APPROVED and case.fix:
            yield Waiting(f"{case.fix.id} is approved and not applied yet.", case.id, f"kintsugi fix apply {case.fix.id}")
        elif case.state is State.INCONCLUSIVE:
            yield Waiting("No cause could be shown.", case.id, f"kintsugi cases {case.id}")


def _deployments(cases: Iterable[Case]) -> list[Deployment]:
    told = [
        Deployment(
            case.fix.id, case.id, case.times["deployed"].isoformat(), case.release, str(case.verdict.get("word", "")) or str(case.state)
        )
        for case in cases
        if case.fix and "deployed" in case.times
    ]
    return sorted(told, key=lambda one: one.at, reverse=True)[:_MOST]


def _drivers(ledger: Ledger, cases: Iterable[Case], state: Path) -> list[Driver]:
    """Those with a seat in this state folder are asked by its lock; of one elsewhere only the cases are known that it holds."""
    leases, held = Leases(ledger.database, "status"), dict[str, list[str]]()
    for case in cases:
        sign = leases.sign(case.id)
        if sign is not None:
            held.setdefault(sign[0], []).append(case.id)
    folder = state / "drivers"
    place = (folder / "place").read_text("ascii") if (folder / "place").is_file() else ""
    seats = sorted(int(lock.stem) for lock in folder.glob("*.lock") if lock.stem.isdecimal()) if place else []
    here = Executor(state, "here", 0)
    alive = [seat for seat in seats if not here.gone(f"here/{seat}")]
    found = {holder: Driver(f"{holder} (elsewhere)", tuple(ids)) for holder, ids in held.items() if f"/{place}/" not in f"/{holder}"}
    for seat in alive:
        mine = [ids for holder, ids in held.items() if holder.endswith(f"/{place}/{seat}")]
        found[f"{place}/{seat}"] = Driver(f"seat {seat} of this machine", tuple(case for ids in mine for case in ids))
    return list(found.values())
