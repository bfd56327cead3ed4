"""A project's own copy of agents, skills, hooks and the server entry, for Claude Code without the plugin: merged with what is there."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kintsugi import roles
from kintsugi.clients.snippets import entry
from mcp_servers.kit.errors import Misconfigured, Refusal

MANIFEST = ".claude/kintsugi.json"
SERVERS, SETTINGS = ".mcp.json", ".claude/settings.local.json"
_PYTHON: Mapping[str, list[str]] = {
    "guard": ["-c", "import sys; from kintsugi.hooks.toolguard import main; sys.exit(main(sys.stdin, sys.stderr))"],
    "session-start": ["-m", "kintsugi.hooks", "session-start"],
}
"""How the hooks of the plugin start where our own Python is known; `setup` has nothing to do there."""

_IN_PLUGIN = re.compile(
    r'UV_PROJECT_ENVIRONMENT="\$\{CLAUDE_PLUGIN_DATA\}/venv" uv run --project "\$\{CLAUDE_PLUGIN_ROOT\}" [\w -]*?kintsugi\b'
)
"""How a skill starts the command line in a plugin, which has it in an environment of its own."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing of ours in a project: `key` names it, `wanted` is what it should be, `there` what it is now (None when it is not there)."""

    key: str
    wanted: str
    there: str | None

    def fate(self, written: Mapping[str, str]) -> str:
        """`write`, `same`, `kept` (ours, and edited since) or `conflict` (not ours at all), by the digests of what we wrote before."""
        if self.there == self.wanted:
            return "same"
        if self.there is None or written.get(self.key) == _digest(self.there):
            return "write"
        return "kept" if self.key in written else "conflict"


def install(root: Path, program: str) -> dict[str, list[str]]:
    """Writes what is missing or outdated below `root`, and says what was written, kept and the same, by name.

    Raises `Refusal` before anything is written when a name is taken by something that is not ours, and `Misconfigured` for a file that cannot be read
    or written.
    """
    written: dict[str, str] = _json(root, MANIFEST).get("written", {})
    settings, servers = _json(root, SETTINGS), _json(root, SERVERS)
    hooks = list(_hooks(settings))
    files, server = list(_files(root, program)), _server(servers, program)
    fates = {piece.key: piece.fate(written) for piece in (*files, *hooks, server)}
    _refuse([key for key, fate in fates.items() if fate == "conflict"])
    new = [piece for piece in (*files, *hooks, server) if fates[piece.key] == "write"]
    for piece in new:
        if piece in files:
            _put(root / piece.key, piece.wanted)
    _merge(root, SETTINGS, settings, [piece for piece in new if piece in hooks], _hook_in)
    _merge(root, SERVERS, servers, [piece for piece in new if piece is server], _server_in)
    known = {**written, **{piece.key: _digest(piece.wanted) for piece in new}}
    if known != written:
        _put(root / MANIFEST, _text({"written": known}))
    return {"wrote": [piece.key for piece in new], **{fate: [key for key in fates if fates[key] == fate] for fate in ("kept", "same")}}


def _files(root: Path, program: str) -> Iterator[Piece]:
    """Agents and skills, in which the command line is the one beside the program of the servers."""
    command = shlex.quote(str(Path(program).with_name("kintsugi")))
    for kind in ("agents", "skills"):
        folder = roles.folder(kind)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                target = Path(".claude") / kind / path.relative_to(folder)
                wanted = _IN_PLUGIN.sub(lambda _: command, roles.for_project(_read(path) or ""))
                yield Piece(target.as_posix(), wanted, _read(root / target))


def _server(servers: Mapping[str, Any], program: str) -> Piece:
    there = _table(servers, "mcpServers", SERVERS).get("kintsugi")
    return Piece(f"{SERVERS}: kintsugi", _text(entry(program)), None if there is None else _text(there))


def _hooks(settings: Mapping[str, Any]) -> Iterator[Piece]:
    """One piece for each event; what is there of it is the group that starts our hooks."""
    shipped: Mapping[str, list[Any]] = json.loads((roles.folder("hooks") / "hooks.json").read_text("utf-8"))["hooks"]
    present = _table(settings, "hooks", SETTINGS)
    for event, groups in shipped.items():
        adapted = [_adapted(group) for group in groups if _name(group) in _PYTHON]
        if adapted:
            there = next((group for group in cast(list[Any], present.get(event, [])) if _is_ours(group)), None)
            yield Piece(f"{SETTINGS}: {event}", _text(adapted[0]), None if there is None else _text(there))


def _adapted(group: Mapping[str, Any]) -> dict[str, Any]:
    hook = {**group["hooks"][0], "command": sys.executable, "args": ["-E", "-P", *_PYTHON[_name(group)]]}
    return {**group, "hooks": [hook]}


def _name(group: Mapping[str, Any]) -> str:
    return str(group["hooks"][0]["command"]).split()[-1]


def _is_ours(group: Any) -> bool:
    return "kintsugi.hooks" in json.dumps(group)


def _hook_in(settings: dict[str, Any], piece: Piece) -> None:
    hooks: dict[str, list[Any]] = settings.setdefault("hooks", {})
    event = piece.key.rpartition(" ")[2]
    hooks[event] = [*(group for group in hooks.get(event, []) if not _is_ours(group)), json.loads(piece.wanted)]


def _server_in(servers: dict[str, Any], piece: Piece) -> None:
    servers.setdefault("mcpServers", {})["kintsugi"] = json.loads(piece.wanted)


def _merge(root: Path, name: str, data: dict[str, Any], pieces: list[Piece], put: Callable[[dict[str, Any], Piece], None]) -> None:
    for piece in pieces:
        put(data, piece)
    if pieces:
        _put(root / name, _text(data))


def _refuse(taken: list[str]) -> None:
    if taken:
        more = f" and {len(taken) - 3} more" if len(taken) > 3 else ""
        raise Refusal(
            f"{', '.join(taken[:3])}{more}: that name is taken by something Kintsugi did not write. Rename yours, or remove it, and run this again; "
            "nothing was changed.",
            code="name_taken",
        )


def _json(root: Path, name: str) -> dict[str, Any]:
    text = _read(root / name)
    try:
        data: Any = json.loads(text) if text and text.strip() else {}
    except ValueError as error:
        raise Misconfigured(
            f"{root / name} is no JSON ({error}); mend it and run this again. Nothing was changed.", code="bad_json"
        ) from error
    if not isinstance(data, dict):
        raise Misconfigured(f"{root / name} must hold an object; mend it and run this again. Nothing was changed.", code="bad_json")
    return cast(dict[str, Any], data)


def _table(data: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise Misconfigured(f"{key!r} in {name} must be an object; mend it and run this again. Nothing was changed.", code="bad_json")
    return cast(dict[str, Any], table)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}. Nothing was changed.", code="unreadable") from error


def _put(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}.", code="unwritable") from error


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
