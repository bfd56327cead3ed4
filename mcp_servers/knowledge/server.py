"""The knowledge server: what went wrong before, what was learned from it, and the guards that keep it from coming back."""

from __future__ import annotations

import json

from anyio.to_thread import run_sync

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.tool import Toolbox
from mcp_servers.knowledge import ask, issues, lessons
from mcp_servers.knowledge.answers import ChangesChecked, objection
from mcp_servers.knowledge.guards.checking import check_all
from mcp_servers.knowledge.guards.compiling import compile

ROOM = DEFAULT_BUDGET - 500


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the knowledge tools."""
    learned = lessons.LessonStore(deps.database)
    issues.register(tools, deps)
    lessons.register(tools, deps, learned, compile)
    _register_check(tools, deps, learned)


def _register_check(tools: Toolbox, deps: Deps, store: lessons.LessonStore) -> None:
    @tools.read(title="Check changes")
    async def check_changes(files: ask.Files) -> ChangesChecked:
        """Checks files against the guards of every lesson, from any repository: places that repeat a mistake production has paid for."""
        known = {lesson.guard_id: lesson for lesson in lessons.trusted(await run_sync(store.guarded), deps.clock())}
        rules = [json.loads(lesson.guard) for lesson in known.values()]
        texts = {file["path"]: file["content"] for file in files}
        found = await run_sync(check_all, rules, texts)
        shown, omitted = fit([objection(finding, known[finding.guard].id) for finding in found], ROOM)
        return ChangesChecked(guards=len(rules), returned=len(shown), total=len(found), omitted=omitted, findings=shown)
