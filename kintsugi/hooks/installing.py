"""Puts our hooks into a repository and takes them out again. What was there is kept beside, runs first, and comes back byte for byte."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Literal

from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.gitrun import as_user

GUARDS = ("pre-commit", "pre-push")
SENSORS = ("post-commit", "post-checkout", "post-merge")
HOOKS = (*GUARDS, *SENSORS)
KEPT = ".before-kintsugi"
_MARK = "# A hook of Kintsugi."
_SCRIPT = """#!/bin/sh
{mark} `kintsugi hooks uninstall` takes it out and puts back what was here before.
hook={hook}
python={python}
before="${{0%/*}}/$hook{kept}"

lines=
[ "$hook" = pre-push ] && lines=$(cat)
fed() {{ if [ "$hook" = pre-push ]; then printf '%s\\n' "$lines" | "$@"; else "$@"; fi; }}

if [ -x "$before" ]; then
    fed "$before" "$@" || exit $?
fi
if [ -n "$KINTSUGI_SKIP_HOOKS" ]; then
    echo "Kintsugi's $hook hook is skipped (KINTSUGI_SKIP_HOOKS)." >&2
    exit 0
fi
fed "$python" -E -P -m kintsugi.hooks "$hook" "$@"
case $? in
0) ;;
{findings}) exit 1 ;;
*) echo "Kintsugi's $hook hook did not run; git goes on. \\`kintsugi hooks install\\` mends it, \\`kintsugi hooks uninstall\\` takes it out." >&2 ;;
esac
exit 0
"""

State = Literal["installed", "absent", "other"]


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook of a repository: ours, nobody's, or another's; `kept` is what ours runs first."""

    name: str
    state: State
    kept: bool
    path: Path


def listed(folder: Path) -> list[Hook]:
    """The state of each of our hooks; raises `Refusal` outside a git repository."""
    place = _hooks_folder(folder)
    return [_hook(place, name) for name in HOOKS]


def install(folder: Path) -> list[Hook]:
    """Puts every hook in, keeping what is there. Raises `Refusal` where another program manages the hooks, with what to add to it instead."""
    place = _hooks_folder(folder)
    _leave_to_its_manager(folder, place)
    from kintsugi.hooks.__main__ import FINDINGS

    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            path, kept = place / name, place / f"{name}{KEPT}"
            if _lexists(path) and not _ours(path):
                if _lexists(kept):
                    raise Refusal(f"{kept} is in the way of keeping {path}; look at both and remove one of them.", code="kept_twice")
                path.rename(kept)
            script = _SCRIPT.format(mark=_MARK, hook=name, python=quote(sys.executable), kept=KEPT, findings=FINDINGS)
            _write(path, script)
    except OSError as error:
        raise Misconfigured(f"The hooks in {place} cannot be written: {error.strerror}.") from error
    return listed(folder)


def uninstall(folder: Path) -> list[Hook]:
    """Takes our hooks out and puts back what was there; a hook that is another's by now is left as it is."""
    place = _hooks_folder(folder)
    try:
        for name in HOOKS:
            path, kept = place / name, place / f"{name}{KEPT}"
            if _lexists(kept) and (_ours(path) or not _lexists(path)):
                kept.replace(path)
            elif _ours(path):
                path.unlink()
    except OSError as error:
        raise Misconfigured(f"The hooks in {place} cannot be changed: {error.strerror}.") from error
    return listed(folder)


def _hook(place: Path, name: str) -> Hook:
    path = place / name
    state: State = "installed" if _ours(path) else "other" if _lexists(path) else "absent"
    return Hook(name, state, _lexists(place / f"{name}{KEPT}"), path)


def _hooks_folder(folder: Path) -> Path:
    """Where git looks for hooks here: `core.hooksPath`, or the folder that all worktrees share."""
    found = as_user(folder, "rev-parse", "--path-format=absolute", "--git-path", "hooks")
    if not found:
        raise Refusal(f"{folder.resolve()} is not in a git repository; name one with --repo (or `git init` first).", code="no_repository")
    return Path(found)


def _leave_to_its_manager(folder: Path, place: Path) -> None:
    top = Path(as_user(folder, "rev-parse", "--show-toplevel") or folder)
    add = 'add the line `kintsugi hooks run HOOK "$@"` to its hooks'
    if ".husky" in place.parts:
        raise Refusal(
            f'husky manages the hooks of {top}: put `kintsugi hooks run pre-commit "$@"` into .husky/pre-commit, and likewise for {", ".join(HOOKS[1:])}.',
            code="husky",
        )
    if _mentions(place / "pre-commit", "pre-commit.com") or _mentions(place / "pre-commit", "INSTALL_PYTHON"):
        raise Refusal(
            f"pre-commit manages the hooks of {top}: name Kintsugi in .pre-commit-config.yaml instead, as docs/hooks.md shows.",
            code="pre_commit",
        )
    if _mentions(place / "pre-commit", "lefthook"):
        raise Refusal(f"lefthook manages the hooks of {top}: {add} in lefthook.yml instead.", code="lefthook")
    shared = [scope for scope in ("--system", "--global") if as_user(folder, "config", scope, "core.hooksPath")]
    if shared and not (as_user(folder, "config", "--local", "core.hooksPath") or as_user(folder, "config", "--worktree", "core.hooksPath")):
        raise Refusal(
            f"core.hooksPath sends all your repositories to {place}; {add} there, or set core.hooksPath for this repository alone.",
            code="shared_hooks",
        )


def _write(path: Path, script: str) -> None:
    """Whole or not at all: git may start the hook at any moment."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(script, "utf-8")
    part.chmod(0o755)
    part.replace(path)


def _ours(path: Path) -> bool:
    return not path.is_symlink() and _mentions(path, _MARK)


def _mentions(path: Path, text: str) -> bool:
    try:
        return text in path.read_text("utf-8", "replace")
    except OSError:
        return False


def _lexists(path: Path) -> bool:
    return os.path.lexists(path)
