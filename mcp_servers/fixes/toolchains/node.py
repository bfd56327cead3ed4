"""Node: the test runner that it brings along, read as TAP from a file.

Each test file is loaded by one of ours, in its own process, which takes itself away and then adds the witnesses.
What the program does to `process.stdout` reaches a copy: the original is where the runner reports.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from mcp_servers.fixes.toolchains import Outcomes, Toolchain, below
from mcp_servers.fixes.toolchains.witnesses import WHY, Staged, Witness
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

_RESULT = re.compile(r"^(?P<indent> *)(?P<not>not )?ok \d+(?: - (?P<name>.*?))?(?P<aside> # (?:SKIP|TODO).*)?$")
_FRAME = re.compile(r"^\s+(?:(?:async )?(?P<function>[^\s(][^(]*?) \()?(?P<file>(?:file://)?/[^():]+):(?P<line>\d+):\d+\)?$")


def read(text: str, code: int, ran: str) -> Outcomes:
    """Every test that TAP names. What the program prints comes as comments, so it is none."""
    found: dict[str, tuple[str, StackTrace | None]] = {}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if not (result := _RESULT.match(line)) or not result["name"]:
            continue
        outcome = "skipped" if result["aside"] else "failed" if result["not"] else "passed"
        if outcome == "failed" or found.get(result["name"], ("", None))[0] != "failed":
            found[result["name"]] = (outcome, _trace(list(_block(lines, at)), ran) if outcome == "failed" else None)
    return found


def _block(lines: list[str], at: int) -> Iterator[str]:
    """What stands under a result between --- and ..."""
    if at + 1 < len(lines) and lines[at + 1].strip() == "---":
        for line in lines[at + 2 :]:
            if line.strip() == "...":
                return
            yield line


def _trace(block: list[str], ran: str) -> StackTrace | None:
    told = {key.strip(): value.strip().strip("'\"") for key, colon, value in (line.partition(":") for line in block) if colon}
    kind = told.get("name", "")
    frames = [_frame(match, ran) for line in block if (match := _FRAME.match(line))]
    if told.get("failureType") == "testTimeoutFailure" or not (kind or frames):
        return None
    return StackTrace("javascript", (ExceptionInfo(kind or "Error", told.get("error", ""), tuple(reversed(frames))),))


def _frame(match: re.Match[str], ran: str) -> Frame:
    file = below(match["file"].removeprefix("file://"))
    own = "/work/" in match["file"] and "node_modules/" not in file and file != ran
    return Frame(file, int(match["line"]), (match["function"] or "").strip(), in_app=own)


_LOADER = """import test from 'node:test';
import {{ unlinkSync }} from 'node:fs';
unlinkSync(new URL(import.meta.url));
const out = process.stdout, own = Object.create(out), write = out.write.bind(out);
for (const each of ['write', '_write', '_writev', '_writeGeneric']) if (out[each]) Object.defineProperty(out, each, {{ value: out[each] }});
Object.defineProperty(own, 'write', {{ value: write, writable: true, configurable: true }});
Object.defineProperty(process, 'stdout', {{ value: own, configurable: true, enumerable: true }});
const thrown = [];
try {{ await import({name}); }} catch (error) {{ thrown.push(error); }}
test({path}, () => {{ if (thrown.length) throw thrown[0]; }});
test('{failing}', () => {{ throw new Error({why}); }});
test('{ending}', () => {{}});
"""
_COMMAND = (
    "node",
    "--test",
    "--test-reporter=tap",
    "--test-reporter-destination={report}",
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
)


def beside(paths: Sequence[str], text: Callable[[str], str], suite: bool) -> Staged:
    witnesses = [Witness.of_chance(path) for path in paths]
    write = {str(PurePosixPath(each.of).with_name(f"{secrets.token_hex(8)}.test.mjs")): _loader(each) for each in witnesses}
    return Staged(tuple(write), write, witnesses)


def _loader(witness: Witness) -> str:
    name = json.dumps(f"./{quote(PurePosixPath(witness.of).name)}")
    return _LOADER.format(name=name, path=json.dumps(witness.of), why=json.dumps(WHY), failing=witness.failing, ending=witness.ending)


NODE = Toolchain(
    "node --test",
    "node",
    one=lambda path: [*_COMMAND, path],
    all=lambda paths: [*_COMMAND, *paths],
    read=read,
    beside=beside,
    hint="install it with `apt-get install nodejs` (20 or later)",
)
