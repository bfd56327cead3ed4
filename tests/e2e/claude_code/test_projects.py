"""A project with agents, skills, hooks and server of its own, for people who use no plugins; and a log that no context could hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi import roles
from kintsugi.commands.init import init
from mcp_servers.kit.budget import DEFAULT_BUDGET, tokens
from tests.components import needs
from tests.e2e.claude_code.host import Claude
from tests.e2e.claude_code.road import WINDOW, Road, Walker, call
from tests.e2e.messages_api import Use
from tests.e2e.strangers import LEDGER

pytestmark = needs("claude")
MEBIBYTES = 1


def flood(path: Path) -> None:
    """Lines of many shapes, each with a long value of its own: more than any answer may quote."""
    lines = (
        f"2026-11-20 08:{number // 60 % 60:02d}:{number % 60:02d},{number % 1000:03d} ERROR mileage.part{number % 97} trip {number} failed: {'x' * 300}\n"
        for number in range(2_900)
    )
    block = "".join(lines)
    with path.open("w", encoding="utf-8") as log:
        for _ in range(MEBIBYTES):
            log.write(block)


@pytest.mark.promise("S1.1")
def test_a_project_of_its_own_has_the_same_roles_and_locks_and_its_answers_stay_small(stranger: Claude, tmp_path: Path) -> None:
    root = LEDGER.build(tmp_path / "mileage")
    flood(root / "logs" / "flood.log")
    written = CliRunner().invoke(init, ["--claude", str(root)])
    assert written.exit_code == 0, written.output

    def walked(said: str) -> Road:
        yield from call("query_logs", **WINDOW, limit=500)
        yield from call("digest_logs", **WINDOW)
        yield from call("find_anomalies", **WINDOW, baseline="0m")
        yield [
            Use("Agent", {"description": "look", "prompt": "Look.", "subagent_type": "diagnoser", "run_in_background": False}),
            Use("Bash", {"command": "kintsugi approve fix_20261120_101500"}),
        ]
        return "Looked."

    walker = Walker({"Heal what is broken": walked}, roles.PROJECT)
    session = stranger.ask(walker, "/heal", folder=root)
    assert session.answers == ["Looked."]
    assert set(roles.roles()) <= set(session.begun["agents"])
    assert set(roles.skills()) <= set(session.begun["skills"])
    sent = next(request for request in session.requests if request.is_subagent)
    assert {tool for tool in sent.tools if roles.is_ours(tool)} <= {f"{roles.PROJECT}{tool}" for tool in roles.role("diagnoser").tools}
    assert "does not let a model do this" in walker.told["Bash"]
    for name in ("query_logs", "digest_logs", "find_anomalies"):
        assert tokens(walker.told[name]) <= DEFAULT_BUDGET, name
        assert walker.told[name]["omitted"] > 0 or walker.told[name]["returned"] > 0, name
