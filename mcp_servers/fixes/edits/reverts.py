"""Taking a commit back: what it changed, the other way round, on what the files hold now."""

from __future__ import annotations

from mcp_servers.fixes.carrying import told
from mcp_servers.fixes.edits.workspace import Workspace
from mcp_servers.kit.errors import Refusal


def taken_back(work: Workspace, commit: str) -> None:
    """Takes one commit back. Raises `Refusal`: `unknown_ref`, `not_in_base`, `merge_commit`, `first_commit` for one that cannot be
    taken back, and `revert_conflict` with files and hunks when later commits changed the same lines."""
    id, parent = work.history(commit)
    conflicts = work.carry(id, parent)
    if conflicts:
        raise Refusal(
            f"{id[:12]} cannot be taken back by itself: later commits changed the same lines. Nothing was changed.\n{told(conflicts)}\n"
            "Write the change as a diff, with what of these lines shall stay.",
            code="revert_conflict",
        )
