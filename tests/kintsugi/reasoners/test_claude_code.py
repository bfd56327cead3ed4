"""Claude Code as a host that the driver asks: the real program, cut off from everything but a scripted endpoint on loopback."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kintsugi.reasoners import REASONERS, Given
from kintsugi.tools import Tools
from kintsugi.workspace import ledger_of
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Misconfigured, Unavailable
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.components import CLAUDE, needs
from tests.e2e.messages_api import Answer, MessagesApi, Request, Turn, Use
from tests.kintsugi.reasoners.test_models import CAUSE, desk_of, mileage

pytestmark = pytest.mark.anyio
OURS = "mcp__plugin_kintsugi_kintsugi__"


def cut_off(deps: Deps, url: str, **settings: object) -> Deps:
    environ = {
        "PATH": os.environ["PATH"],
        "KINTSUGI_CLAUDE": str(CLAUDE),
        "ANTHROPIC_API_KEY": "not-a-key",
        "ANTHROPIC_BASE_URL": url,
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    project = replace(deps.watched(), models={"claude_code": {"isolated": True, **settings}})
    return replace(deps, environ=environ, project=project)


def says(deps: Deps, *events: dict[str, object]) -> Deps:
    """A program in the place of Claude Code that says these events and ends well, as Claude Code does."""
    program = deps.scratch.parent / "talker"
    lines = "\n".join(json.dumps(event) for event in events)
    program.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'END'\n{lines}\nEND\n", "utf-8")
    program.chmod(0o700)
    cut = cut_off(deps, "")
    return replace(cut, environ={**cut.environ, "KINTSUGI_CLAUDE": str(program)})


@needs("claude")
async def test_claude_code_works_as_the_diagnoser_with_our_servers_and_nothing_that_writes(tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        if not request.tools:
            return "a title"
        if not request.turns:
            return Turn([Use(f"{OURS}list_cases"), Use(f"{OURS}get_case", {"case_id": case}), Use(f"{OURS}open_case", {}), Use("Bash", {})])
        return Turn([Use("StructuredOutput", CAUSE)]) if request.results else "done"

    with MessagesApi(script) as api:
        desk = await desk_of(cut_off(mileage(tmp_path), api.url), "claude_code")
        case = desk.case.id
        found = await desk.diagnose()
        assert (found.status, found.file, found.line) == ("likely", "mileage/report.py", 2)
        first, second = [request for request in api.requests if request.tools][:2]
        assert "You are the diagnoser" in first.system
        assert {"Read", "Grep", "Glob", "StructuredOutput", f"{OURS}get_case"} <= set(first.tools)
        assert not {"Bash", "Edit", "Write", f"{OURS}open_case", f"{OURS}apply_fix"} & set(first.tools)
        assert [result.is_error for result in second.results].count(True) >= 2
        assert any("ZeroDivisionError in consumption" in result.text for result in second.results)
        asked = len(api.requests)
        assert desk.spent["tokens"] == api.usage.total
        assert desk.spent["microdollars"] > 0
        assert await desk.diagnose() == found
        assert len(api.requests) == asked, "what was answered is not paid for again"


@pytest.mark.parametrize(
    ("events", "kind", "sentence"),
    [
        ([], Unavailable, "Claude Code ended with 0"),
        ([{"type": "result", "api_error_status": 529}], Unavailable, r"reached no model \(529\)"),
        ([{"subtype": "init", "mcp_servers": [{"name": "ours", "status": "failed"}]}], Unavailable, "could not start our server ours"),
    ],
)
async def test_the_exit_code_says_nothing_so_the_events_are_read(
    tmp_path: Path, events: list[dict[str, object]], kind: type[Exception], sentence: str
) -> None:
    desk = await desk_of(says(mileage(tmp_path), *events), "claude_code")
    with pytest.raises(kind, match=sentence):
        await desk.diagnose()


async def test_a_tool_that_was_denied_is_the_reason_of_an_answer_that_is_missing(tmp_path: Path) -> None:
    result = {"type": "result", "session_id": "s1", "usage": {"output_tokens": 7}, "permission_denials": [{"tool_name": "Bash"}]}
    desk = await desk_of(says(mileage(tmp_path), result), "claude_code")
    found = await desk.diagnose()
    assert (found.status, found.reason) == ("inconclusive", "Claude Code gave no answer of the right form: it was denied Bash.")
    assert desk.spent["tokens"] == 7


async def test_where_the_program_is_not_installed_the_operator_is_told(tmp_path: Path) -> None:
    deps = assemble(Project(tmp_path, "p"), home=tmp_path / "home", environ={"PATH": str(tmp_path)})
    with pytest.raises(Misconfigured, match="needs the program `claude`"):
        REASONERS["claude_code"](Given(deps, Tools(deps), ledger_of(deps)))
