"""What each MCP client reads to start the servers: the same command line for all, in the words and the file of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

_WORKSPACE = "${workspaceFolder}"
_STARTS_WITHIN = 20  # seconds; a first start on a cold disk takes some of them
_ANSWERS_WITHIN = 60  # seconds; what takes longer is collected by the same call made again

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """Where a client keeps its servers, how one is written there, and what a person has to know besides.

    `workspace` is how the client itself names the open project; empty where it cannot, so that the path is written out.
    """

    place: str
    write: Callable[[Entry], str]
    workspace: str = ""
    note: str = ""


def _json(key: str, **more: Any) -> Callable[[Entry], str]:
    return lambda entry: json.dumps({key: {"kintsugi": {**more, **entry}}}, indent=2, ensure_ascii=False)


def _toml(entry: Entry) -> str:
    waiting = {"startup_timeout_sec": _STARTS_WITHIN, "tool_timeout_sec": _ANSWERS_WITHIN}
    return tomlkit.dumps({"mcp_servers": {"kintsugi": {**entry, **waiting}}}).strip()  # pyright: ignore[reportUnknownMemberType]


CLIENTS: Mapping[str, Client] = {
    "claude": Client(".mcp.json in the project (or install the plugin)", _json("mcpServers"), note="`kintsugi init --claude` writes it."),
    "vscode": Client(".vscode/mcp.json", _json("servers", type="stdio"), _WORKSPACE),
    "cursor": Client(".cursor/mcp.json in the project, or ~/.cursor/mcp.json", _json("mcpServers"), _WORKSPACE),
    "jetbrains": Client(
        "Settings → Tools → AI Assistant → Model Context Protocol, as JSON",
        _json("mcpServers"),
        note="Give the project's folder as the working directory.",
    ),
    "codex": Client(".codex/config.toml in a trusted project, or ~/.codex/config.toml", _toml),
    "gemini": Client(
        ".gemini/settings.json in the project, or ~/.gemini/settings.json", _json("mcpServers", timeout=_ANSWERS_WITHIN * 1000)
    ),
    "zed": Client(
        ".zed/settings.json in the project, or the user's settings.json",
        _json("context_servers"),
        note="Zed cannot ask for an approval: `kintsugi approve` in a terminal does.",
    ),
}


def entry(program: str, project: str = "") -> dict[str, Any]:
    """The command line that starts all servers, and the project that they watch; without one, that of the folder they are started in."""
    return {"command": program, "args": ["all"], **({"env": {"KINTSUGI_PROJECT": project}} if project else {})}


def snippet(client: str, program: str, project: Path) -> str:
    """What goes into the client's file, as its own format; `client` is a key of `CLIENTS`."""
    chosen = CLIENTS[client]
    watched = "" if client == "claude" else chosen.workspace or str(project)
    return chosen.write(entry(program, watched))
