"""A server that runs heeds a kintsugi.toml that comes or changes: who sets Kintsugi up in a session goes on in that session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client

from mcp_servers.launch import assemble, finder, server

pytestmark = pytest.mark.anyio
SOURCE = '[sources.{name}]\ntype = "files"\npaths = ["logs/*.log"]\n'


async def test_what_a_description_names_is_there_at_the_next_call(tmp_path: Path) -> None:
    shop, description = tmp_path / "shop", tmp_path / "shop" / "kintsugi.toml"
    (shop / "logs").mkdir(parents=True)
    (shop / "logs" / "a.log").write_text("2026-11-20 08:00:01,120 ERROR shop it broke\n", "utf-8")
    mcp = server(["logs"], replace(assemble(None, home=tmp_path / "home"), seek=finder(shop, {})))
    window = {"since": "2026-11-20T08:00:00Z", "until": "2026-11-20T09:00:00Z"}
    async with Client(mcp) as client:

        async def asked(**more: object) -> str:
            result = await client.call_tool("query_logs", {**window, **more})
            return str(result.content if result.is_error else result.structured_content)

        assert "kintsugi init" in await asked()
        description.write_text(SOURCE.format(name="app"), "utf-8")
        assert "it broke" in await asked(sources=["app"])
        description.write_text(SOURCE.format(name="site"), "utf-8")
        assert "known: site" in await asked(sources=["app"])
        description.write_text("[sources", "utf-8")
        assert "cannot be read" in await asked()


async def test_a_policy_inside_the_repository_that_came_later_is_refused(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("", "utf-8")
    mcp = server(["logs"], replace(assemble(None, home=tmp_path / "home"), seek=finder(tmp_path, {"KINTSUGI_POLICY": str(policy)})))
    (tmp_path / "kintsugi.toml").write_text(SOURCE.format(name="app"), "utf-8")
    async with Client(mcp) as client:
        result = await client.call_tool("list_log_sources", {})
    assert result.is_error
    assert "move it out" in str(result.content)
