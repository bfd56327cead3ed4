from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi.loop import intake
from kintsugi.tools import Tools
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble

pytestmark = pytest.mark.anyio


@pytest.mark.promise("S1.4")
async def test_an_attack_is_reported_and_opens_no_case(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    lines = [f"2026-11-20T10:00:{n:02}Z WARN Failed password for root from 203.0.113.7 port {n} ssh2\n" for n in range(30)]
    lines += [f"2026-11-20T10:01:{n:02}Z ERROR cannot price basket {n}\n" for n in range(4)]
    (tmp_path / "logs" / "app.log").write_text("".join(lines), "utf-8")
    project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["logs"]}),))

    seen = await intake.look(Tools(assemble(project, home=tmp_path / "home"), writes=True), "")

    assert len(seen.opened) == 1
    told = next(quiet for quiet in seen.left_alone if quiet["title"].startswith("brute force"))
    assert told["reason"].startswith("for people, no code would end it: 30 failed logins from 1 address")
