"""The knowledge server: what went wrong before, what was learned from it, and the guards that keep it from coming back."""

from __future__ import annotations

from mcp_servers.kit.deps import Deps
from mcp_servers.kit.tool import Toolbox
from mcp_servers.knowledge import deployments, issues, lessons, patterns, recipes
from mcp_servers.knowledge.guards import tools as guards
from mcp_servers.knowledge.guards.desk import Desk


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the knowledge tools."""
    learned = lessons.LessonStore(deps.database)
    desk = Desk(deps, learned)
    issues.register(tools, deps)
    lessons.register(tools, deps, learned, desk.compile, desk.publishing(recipes.teacher(deps)))
    guards.register(tools, desk)
    recipes.register(tools, deps, learned.speaker(deps.clock))
    patterns.register(tools, deps)
    deployments.register(tools, deps)
