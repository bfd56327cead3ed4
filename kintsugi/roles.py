"""Who does what: `agents/*.md` and `skills/*/SKILL.md`, read the same for every host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from mcp_servers.kit.errors import Misconfigured

PLUGIN = "mcp__plugin_kintsugi_kintsugi__"
"""Before the name of a tool, where the server came with the plugin; this is how `agents/*.md` write it."""
PROJECT = "mcp__kintsugi__"
"""The same, where a project's own `.mcp.json` starts the server."""

_FRONT = re.compile(r"---\r?\n(.*?)\r?\n---\r?\n(.*)", re.S)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Role:
    """An agent: `prompt` is its system prompt, `tools` the bare names of ours that it may call, `host_tools` what the host itself brings
    (Read, Grep, Glob), `skills` what it is told beforehand, `model` a model's name or `inherit`."""

    name: str
    description: str
    prompt: str
    tools: tuple[str, ...]
    host_tools: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    model: str = "inherit"


@dataclass(frozen=True, slots=True)
class Skill:
    """A way of working: the front desk as `prompt`, and the folder that its `references/` lie in."""

    name: str
    description: str
    prompt: str
    folder: Path


def role(name: str, root: Path | None = None) -> Role:
    """The agent of this name under `root` (what we ship); raises `Misconfigured` when it is missing or cannot be read as one."""
    path = _named(name, "agent", roles(root), folder("agents", root)).with_suffix(".md")
    head, prompt = _read(path)
    tools = _words(head, "tools", path)
    return Role(
        name=_text(head, "name", path, name),
        description=_text(head, "description", path),
        prompt=prompt,
        tools=tuple(bare(tool) for tool in tools if is_ours(tool)),
        host_tools=tuple(tool for tool in tools if not is_ours(tool)),
        skills=_words(head, "skills", path),
        model=str(head.get("model") or "inherit"),
    )


def roles(root: Path | None = None) -> tuple[str, ...]:
    """The names of all agents."""
    return tuple(sorted(path.stem for path in folder("agents", root).glob("*.md")))


def skill(name: str, root: Path | None = None) -> Skill:
    """The skill of this name under `root` (what we ship); raises `Misconfigured` when it is missing or cannot be read as one."""
    path = _named(name, "skill", skills(root), folder("skills", root)) / "SKILL.md"
    head, prompt = _read(path)
    return Skill(_text(head, "name", path, name), _text(head, "description", path), prompt, path.parent)


def skills(root: Path | None = None) -> tuple[str, ...]:
    """The names of all skills."""
    return tuple(sorted(path.parent.name for path in folder("skills", root).glob("*/SKILL.md")))


def folder(kind: str, root: Path | None = None) -> Path:
    """Where the `agents` or the `skills` lie: under `root`, beside the package in a checkout, inside it when it was installed."""
    return (root or _shipped()) / kind


def is_ours(tool: str) -> bool:
    """Whether a tool is one of Kintsugi's servers, by the name that a host gives it."""
    return tool.startswith((PLUGIN, PROJECT))


def bare(tool: str) -> str:
    """The name of a tool as its server says it: `get_case` for `mcp__plugin_kintsugi_kintsugi__get_case`."""
    return tool.removeprefix(PLUGIN).removeprefix(PROJECT)


def for_project(text: str) -> str:
    """The text of an agent or a skill for a project that has its own copy: `mcp__kintsugi__X`, and names without `kintsugi:` before them."""
    names = "|".join(map(re.escape, (*roles(), *skills())))
    return re.sub(rf"\bkintsugi:({names})(?![\w-])", r"\1", text.replace(PLUGIN, PROJECT))


@cache
def _shipped() -> Path:
    checkout = _PACKAGE.parent
    return checkout if (checkout / ".claude-plugin" / "plugin.json").is_file() else _PACKAGE / "shipped"


def _named(name: str, noun: str, known: tuple[str, ...], where: Path) -> Path:
    if _NAME.fullmatch(name) and name in known:
        return where / name
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"{where} has {', '.join(known) or 'none'}."
    raise Misconfigured(f"There is no {noun} named {name[:60]!r}; {hint}", code=f"unknown_{noun}")


def _read(path: Path) -> tuple[Mapping[str, Any], str]:
    try:
        parts = _FRONT.fullmatch(path.read_text("utf-8"))
        head = yaml.safe_load(parts[1]) if parts else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Misconfigured(f"{path} cannot be read: {' '.join(str(error).split())[:200]}.", code="bad_role") from error
    if parts is None or not isinstance(head, dict):
        raise Misconfigured(f"{path} must open with frontmatter (name, description) between two lines of ---.", code="bad_role")
    return cast(Mapping[str, Any], head), parts[2].strip() + "\n"


def _text(head: Mapping[str, Any], key: str, path: Path, wanted: str = "") -> str:
    value = head.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Misconfigured(f"{path} has no {key!r} in its frontmatter; give it one.", code="bad_role")
    if wanted and value != wanted:
        raise Misconfigured(f"{path} calls itself {value!r}; name and file must agree.", code="bad_role")
    return value


def _words(head: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    value = head.get(key) or ()
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if isinstance(value, (list, tuple)):
        return tuple(str(word) for word in cast(list[Any], value))
    raise Misconfigured(f"{path}: {key!r} must be names with commas between them, or a list.", code="bad_role")
