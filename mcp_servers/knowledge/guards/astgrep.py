"""The rim of guards: runs ast-grep over texts, in a folder of ours and under names of ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.knowledge.guards.model import Hit

_SECONDS = 60
_AT_ONCE = 16_000_000


def scan(rules: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> list[Hit]:
    """Every match of the rules in the files.

    Raises `Refusal` for a rule that ast-grep does not understand, `Misconfigured` without the program, `Unavailable` when it is slow.
    """
    program = _program()
    return [hit for some in _batches(files) for hit in _scanned(program, rules, some)]


def _batches(files: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The files in portions that one run reads well within its time."""
    some: dict[str, str] = {}
    room = _AT_ONCE
    for path, text in files.items():
        some[path] = text
        room -= len(text)
        if room < 0:
            yield some
            some, room = {}, _AT_ONCE
    if some:
        yield some


def _scanned(program: str, rules: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> list[Hit]:
    with TemporaryDirectory(prefix="kintsugi-guard-") as folder:
        names = _lay_out(files, Path(folder, "files"))
        book = Path(folder, "rules.yml")
        book.write_text("\n---\n".join(json.dumps(rule, ensure_ascii=False) for rule in rules), encoding="utf-8", errors="replace")
        command = [program, "scan", "--rule", str(book), "--json=compact", "--no-ignore=parent", "--no-ignore=vcs", "."]
        output = _run(command, Path(folder, "files"))
    return [_hit(match, names) for match in output]


def _program() -> str:
    beside = Path(sys.executable).parent / "ast-grep"
    found = str(beside) if beside.exists() else shutil.which("ast-grep")
    if not found:
        raise Misconfigured("Guards need the program ast-grep; install it with `pip install ast-grep-cli`.", code="missing_program")
    return found


def _lay_out(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    folder.mkdir()
    names: dict[str, str] = {}
    for number, (path, text) in enumerate(files.items()):
        name = f"{number}{PurePosixPath(path).suffix.lower()}"
        (folder / name).write_text(text, encoding="utf-8", errors="replace", newline="")
        names[name] = path
    return names


def _run(command: list[str], folder: Path) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"ast-grep did not finish within {_SECONDS} seconds; check fewer files at a time.") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Refusal(f"ast-grep does not understand this rule: {said[-1] if said else 'no reason given'}", code="bad_rule")
    return json.loads(done.stdout or b"[]")


def _hit(match: dict[str, Any], names: Mapping[str, str]) -> Hit:
    place = match["range"]
    single: dict[str, Any] = match.get("metaVariables", {}).get("single", {})
    return Hit(
        match["ruleId"],
        names[PurePosixPath(match["file"]).name],
        place["start"]["line"] + 1,
        match["text"],
        (place["byteOffset"]["start"], place["byteOffset"]["end"]),
        {name: value["text"] for name, value in single.items()},
    )
