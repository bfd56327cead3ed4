"""Other repositories that may have the same mistake: what guards find in them, and how a ticket tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_servers.kit.git import Repository
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.guards.checking import check_all
from mcp_servers.knowledge.guards.desk import Held
from mcp_servers.knowledge.guards.index import reads
from mcp_servers.knowledge.guards.model import Finding

_TOLD = 40


@dataclass(frozen=True, slots=True)
class Sibling:
    """A repository with what guards object to at its head; `identity` is the same on every clone."""

    name: str
    identity: str
    findings: tuple[Finding, ...]

    def told(self, known: Mapping[str, Held]) -> str:
        """The body of its ticket: per guard the origin with its case and logs, then the places."""
        parts = [
            _origin(known[guard], [one for one in self.findings if one.guard == guard])
            for guard in dict.fromkeys(one.guard for one in self.findings)
        ]
        return "\n\n".join(parts)


def siblings(folders: Sequence[Path], known: Mapping[str, Held]) -> list[Sibling]:
    """Each repository once, however many clones are named; raises `Refusal` for a folder that is none."""
    found: dict[str, Sibling] = {}
    for folder in folders:
        repository = Repository.at(folder.resolve())
        head = repository.head()
        identity = repository.identity(head)
        if identity not in found:
            found[identity] = Sibling(folder.resolve().name, identity, tuple(_findings(repository, head, known)))
    return list(found.values())


def _findings(repository: Repository, head: str, known: Mapping[str, Held]) -> list[Finding]:
    guards = [held.guard for held in known.values()]
    wanted = [
        entry for entry in repository.entries(head) if entry.mode.startswith("100") and any(reads(guard, entry.path) for guard in guards)
    ]
    blobs = repository.blobs([entry.id for entry in wanted])
    return check_all(guards, {entry.path: blobs[entry.id].decode("utf-8", "replace") for entry in wanted})


def _origin(held: Held, findings: Sequence[Finding]) -> str:
    lesson = held.lesson
    lines = [
        f"## {held.guard['message']}",
        "",
        f"- broke {lesson.repository}: {lesson.symptom}",
        f"- origin: case {lesson.case}, lesson {lesson.id}; its logs: `kintsugi cases {lesson.case}`",
        f"- detection signal: guard {held.id} (`kintsugi guard explain {held.id}`)",
        f"- fix there: {lesson.fix}",
        "",
        *(f"- {clean(one.path)}:{one.line} `{clean(' '.join(one.text.split())[:120])}`" for one in findings[:_TOLD]),
    ]
    more = len(findings) - _TOLD
    return "\n".join([*lines, f"- and {more} places more"] if more > 0 else lines)
