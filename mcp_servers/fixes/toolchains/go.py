"""Go: `go test -json`, with the panics among what the tests print.

Each package gets the witnesses as its last file; it is taken away when the package was built, before its tests run.
It begins by giving the tests another descriptor to report on, as the program may have taken the first one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from mcp_servers.fixes.toolchains import Outcomes, Toolchain, below
from mcp_servers.fixes.toolchains.witnesses import WHY, Staged, Witness
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

_PANIC = re.compile(r"^panic: (?P<text>.*?)(?: \[recovered.*\])?$", re.M)
_TYPED = re.compile(r"^(?P<type>runtime error|[\w.*/]+Error)(?:[:{(] ?|$)")
_FRAME = re.compile(r"^(?P<function>[\w./@~-]+(?:\(\*?\w+\)\.)?[\w.·]*)\(.*\)\n\t(?P<file>\S+\.go):(?P<line>\d+)", re.M)
_FAILED = re.compile(r"^\s+(?P<file>\w[\w.-]*_test\.go):(?P<line>\d+): (?P<text>.*)$", re.M)
_KINDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def read(text: str, code: int, ran: str) -> Outcomes:
    outcomes: dict[str, str] = {}
    printed: defaultdict[str, str] = defaultdict(str)
    for line in text.splitlines():
        try:
            event = json.loads(line)
            name, action = str(event.get("Test", "")), str(event["Action"])
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
        name = f"{package}.{name}" if name and (package := event.get("Package")) else name
        if name and action in _KINDS:
            outcomes[name] = "failed" if outcomes.get(name) == "failed" else _KINDS[action]
        elif action == "output":
            printed[name] += str(event.get("Output", ""))
    if not outcomes and code:
        return {ran: ("failed", None)}
    return {name: (outcome, _trace(printed[name], ran) if outcome == "failed" else None) for name, outcome in outcomes.items()}


def _trace(text: str, ran: str) -> StackTrace | None:
    if panic := _PANIC.search(text):
        typed = _TYPED.match(panic["text"])
        thrown = text.rfind("\npanic(")
        frames = [_frame(found, ran) for found in _FRAME.finditer(text, max(0, thrown))]
        return StackTrace("go", (ExceptionInfo(typed["type"] if typed else "panic", panic["text"], tuple(reversed(frames))),))
    if failed := _FAILED.search(text):
        frame = Frame(str(PurePosixPath(ran).parent / failed["file"]), int(failed["line"]), "", in_app=False)
        return StackTrace("go", (ExceptionInfo("AssertionError", failed["text"], (frame,)),))
    return None


def _frame(found: re.Match[str], ran: str) -> Frame:
    file = below(found["file"])
    own = "/work/" in found["file"] and not file.endswith("_test.go") and "vendor/" not in file
    return Frame(file, int(found["line"]), found["function"].rpartition("/")[2], in_app=own)


_PACKAGE = re.compile(r"^package (\w+?)(?:_test)?\s*(?://.*|;.*)?$", re.M)
_LAST = "zzzz_kintsugi_"
_AWAY = f"""sh -c 'rm -f {_LAST}*_test.go; exec "$0" "$@" 3>&1'"""
_COMMAND = ("go", "test", "-json", "-count=1", "-vet=off", f"-exec={_AWAY}")
_WITNESS = """package {package}_test

import (
	"os"
	"testing"
)

func init() {{ os.Stdout = os.NewFile(3, "/dev/stdout") }}

func {failing}(t *testing.T) {{ t.Fatal({why}) }}

func {ending}(t *testing.T) {{}}
"""


def beside(paths: Sequence[str], text: Callable[[str], str], suite: bool) -> Staged:
    packages = {PurePosixPath(path).parent: found[1] for path in paths if (found := _PACKAGE.search(text(path)))}
    witnesses = {folder: Witness.of_chance(str(folder), "TestK") for folder in packages}
    write = {
        str(folder / f"{_LAST}{secrets.token_hex(8)}_test.go"): _WITNESS.format(
            package=packages[folder], failing=each.failing, ending=each.ending, why=json.dumps(WHY)
        )
        for folder, each in witnesses.items()
    }
    return Staged(tuple(paths), write, list(witnesses.values()))


GO = Toolchain(
    "go test",
    "go",
    one=lambda path: [*_COMMAND, f"./{PurePosixPath(path).parent}"],
    all=lambda paths: [*_COMMAND, "./..."],
    read=read,
    beside=beside,
    parallel=True,
    env={"GOCACHE": "/tmp/go-build", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOPATH": "/tmp/go"},
    hint="install it with `apt-get install golang-go`",
)
