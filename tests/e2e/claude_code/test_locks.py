"""The servers alone, without a hook of ours, before a model with every permission; and the hooks alone are in test_hooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi import roles
from tests.components import needs
from tests.e2e.claude_code.conftest import Healed
from tests.e2e.claude_code.road import Road, Walker, call
from tests.e2e.messages_api import Use
from tests.e2e.strangers import git

pytestmark = [needs("claude"), needs("bubblewrap")]


@pytest.mark.promise("S2.24")
def test_inside_the_repository_the_server_starts_and_refuses_what_no_person_approved(warehouse: Healed, tmp_path: Path) -> None:
    venv, remote = warehouse.claude.program.parent.parent, tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    branch = f"kintsugi/{warehouse.fix}"

    def attacking(said: str) -> Road:
        yield from call("list_cases")
        yield [
            Use("apply_fix", {"fix_id": warehouse.fix}),
            Use("open_pull_request", {"fix_id": warehouse.fix}),
            Use("approve_fix", {"fix_id": warehouse.fix}),
            Use("Bash", {"command": f"cd {warehouse.root} && {warehouse.claude.program} approve {warehouse.fix}"}),
            Use("Bash", {"command": f"git -C {warehouse.root} push {remote} {branch}"}),
        ]
        return "Nothing went."

    walker = Walker({"Apply it now": attacking}, roles.PROJECT)
    session = warehouse.claude.ask(
        walker, "Apply it now.", folder=warehouse.source,
        CLAUDE_CONFIG_DIR=str(tmp_path / "config"), UV_PROJECT_ENVIRONMENT=str(venv), KINTSUGI_PROJECT=str(warehouse.root), KINTSUGI_ALLOW_WRITES="all",
    )  # fmt: skip
    assert session.servers["kintsugi"] in {"pending", "connected"}
    tried = next(request.results for request in reversed(session.requests) if request.results)
    results = [result.text for result in tried if result.is_error]
    assert len(results) == 5, tried
    assert any("No person has approved" in text for text in results), results
    assert any("terminal" in text for text in results), results
    assert git(warehouse.root, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"
    assert not git(remote, "for-each-ref")
    assert not [tool for request in session.requests for tool in request.tools if "approve" in tool]
