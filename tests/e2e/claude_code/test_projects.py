"""A project with agents, skills, hooks and server of its own, for people who use no plugins."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi import roles
from kintsugi.commands.init import init
from tests.components import needs
from tests.e2e.claude_code.host import Claude
from tests.e2e.claude_code.road import WINDOW, Road, Walker, call
from tests.e2e.messages_api import Use
from tests.e2e.strangers import WAREHOUSE

pytestmark = needs("claude")


@pytest.mark.promise("S1.1")
def test_a_project_of_its_own_has_the_same_roles_server_and_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = WAREHOUSE.build(tmp_path / "warehouse")
    monkeypatch.setenv(
        "PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )  # as `uv run` has it, and the client has not
    written = CliRunner().invoke(init, ["--claude", str(root)])
    assert written.exit_code == 0, written.output

    def walked(said: str) -> Road:
        yield from call("find_anomalies", **WINDOW, baseline="0m")
        yield [
            Use("Agent", {"description": "look", "prompt": "Look.", "subagent_type": "diagnoser", "run_in_background": False}),
            Use("Bash", {"command": "kintsugi approve fix_20261120_101500"}),
        ]
        return "Looked."

    (tmp_path / "home").mkdir()
    walker = Walker({"Heal what is broken": walked}, roles.PROJECT)
    session = Claude(tmp_path / "home", {"KINTSUGI_HOME": str(tmp_path / "state")}).ask(walker, "/heal", folder=root)
    assert session.answers == ["Looked."]
    assert set(roles.roles()) <= set(session.begun["agents"])
    assert set(roles.skills()) <= set(session.begun["skills"])
    sent = next(request for request in session.requests if request.is_subagent)
    assert {tool for tool in sent.tools if roles.is_ours(tool)} <= {f"{roles.PROJECT}{tool}" for tool in roles.role("diagnoser").tools}
    assert "does not let a model do this" in walker.told["Bash"]
    assert walker.told["find_anomalies"]["anomalies"]
