"""The tool of guards: does this change repeat a mistake that production has paid for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired

from anyio.to_thread import run_sync
from typing_extensions import TypedDict

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.knowledge import ask
from mcp_servers.knowledge.guards.checking import check_all
from mcp_servers.knowledge.guards.desk import Desk, Held
from mcp_servers.knowledge.guards.model import Finding

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

ROOM = DEFAULT_BUDGET - 500


class Objection(TypedDict):
    guard_id: str
    lesson_id: str
    level: str
    path: str
    line: int
    text: str
    message: str
    instead: NotRequired[str]


class ChangesChecked(TypedDict):
    guards: int
    returned: int
    total: int
    omitted: int
    findings: list[Objection]


def register(tools: Toolbox, desk: Desk) -> None:
    """Mounts the tool of guards."""

    @tools.read(title="Check changes")
    async def check_changes(files: ask.Files) -> ChangesChecked:
        """Places in files that repeat a mistake of any lesson, by its guard."""
        known = {held.id: held for held in await run_sync(desk.speaking)}
        texts = {file["path"]: file["content"] for file in files}
        found = await run_sync(check_all, [held.guard for held in known.values()], texts)
        shown, omitted = fit([_objection(finding, known[finding.guard]) for finding in found], ROOM)
        return ChangesChecked(guards=len(known), returned=len(shown), total=len(found), omitted=omitted, findings=shown)


def _objection(finding: Finding, held: Held) -> Objection:
    answer = Objection(
        guard_id=finding.guard,
        lesson_id=held.lesson.id,
        level=held.state,
        path=finding.path,
        line=finding.line,
        text=finding.text[:200],
        message=finding.message,
    )
    if finding.replacement is not None:
        answer["instead"] = finding.replacement[:200]
    return answer
