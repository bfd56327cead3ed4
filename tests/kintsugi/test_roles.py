from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi import roles
from mcp_servers.kit.errors import Misconfigured
from tests.components import ROOT

AGENT = """---
name: baker
description: Bakes what was ordered.
tools: mcp__plugin_kintsugi_kintsugi__get_case, Read
skills: kneading, resting
---

You are the baker.
"""


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, "utf-8")


@pytest.mark.promise("S1.1")
def test_a_role_is_what_its_file_says_with_the_names_that_servers_use(tmp_path: Path) -> None:
    put(tmp_path, "agents/baker.md", AGENT)
    baker = roles.role("baker", tmp_path)
    assert (baker.tools, baker.host_tools, baker.skills, baker.model) == (("get_case",), ("Read",), ("kneading", "resting"), "inherit")
    assert baker.prompt == "You are the baker.\n"


def test_every_role_and_skill_that_is_shipped_can_be_read() -> None:
    assert "production-monitor" in roles.roles()
    assert "healing" in roles.skills()
    for name in roles.roles():
        assert roles.role(name).tools
        assert set(roles.role(name).skills) <= set(roles.skills())
    for name in roles.skills():
        assert roles.skill(name).prompt


@pytest.mark.parametrize("name", ["bakr", "../agents/baker", "", "BAKER"])
def test_a_role_that_is_missing_is_said_with_the_one_that_was_meant(tmp_path: Path, name: str) -> None:
    put(tmp_path, "agents/baker.md", AGENT)
    with pytest.raises(Misconfigured, match=r"There is no agent named .*baker"):
        roles.role(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("You are the baker.", "must open with frontmatter"),
        ("---\nname: [baker\n---\nx\n", "cannot be read"),
        ("---\nname: cook\ndescription: x\n---\nx\n", "calls itself 'cook'"),
        ("---\nname: baker\n---\nx\n", "has no 'description'"),
        ("---\nname: baker\ndescription: x\ntools: 7\n---\nx\n", "must be names"),
    ],
)
def test_a_file_that_is_no_role_is_said_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    put(tmp_path, "agents/baker.md", text)
    with pytest.raises(Misconfigured, match=sentence):
        roles.role("baker", tmp_path)


def test_a_project_that_keeps_its_own_copy_gets_the_names_that_its_host_gives() -> None:
    text = (
        "tools: mcp__plugin_kintsugi_kintsugi__get_case\nSend `kintsugi:production-monitor`, then /kintsugi:healing. Not kintsugi:healings."
    )
    told = "tools: mcp__kintsugi__get_case\nSend `production-monitor`, then /healing. Not kintsugi:healings."
    assert roles.for_project(text) == told
    assert roles.bare("mcp__kintsugi__get_case") == roles.bare("mcp__plugin_kintsugi_kintsugi__get_case") == "get_case"
    assert not roles.is_ours("Read")


@pytest.mark.parametrize("kind", ["agents", "skills", "hooks"])
def test_an_installed_package_brings_the_same_files(kind: str) -> None:
    """The package holds links; building it makes files of them."""
    assert contents(ROOT / "kintsugi" / "shipped" / kind) == contents(ROOT / kind), "run scripts/ship"


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
