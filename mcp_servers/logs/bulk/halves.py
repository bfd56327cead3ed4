"""A large file on two cores: its second half is read by another process of this program, which ends with it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from mcp_servers.logs.bulk.kinds import LineKinds
from mcp_servers.logs.bulk.lines import ALONE, joined, standing
from mcp_servers.logs.bulk.places import NOWHEN, Probe, text_of_line
from mcp_servers.logs.bulk.portions import Advance, Target, read, unseen
from mcp_servers.logs.digest import Digest
from mcp_servers.logs.sources import Tally
from mcp_servers.logs.sources.files import Part
from mcp_servers.logs.times import Clock

HALVE_FROM = 64 * 1024 * 1024
_CONTENT_IS_FASTER = 4  # a process costs as much to start as so much more of bare messages to read
_WINDOW = 256 * 1024
_LINES_BEFORE = 8
_SIGN_OF_LIFE = 0.2  # seconds


def read_on_two_cores(part: Part, target: Target, advance: Advance, halve_from: int = HALVE_FROM) -> None:
    """As `portions.read`; a plain file of at least so many bytes is halved where that changes nothing."""
    at = _cut(part, target, halve_from)
    if not at or part.path is None:
        return read(part, target, advance)
    helper = _start(part, at, target)
    try:
        read(part, target, advance, length=at)
        answer = _answer(helper, advance) if helper else b""
    finally:
        if helper:
            _end(helper)
    if helper and helper.returncode == 0 and answer:
        _absorb(target, pickle.loads(answer))
        advance(part.path.stat().st_size - at)
    else:
        part.stream.seek(at)
        read(part, target, advance)
    return None


def _cut(part: Part, target: Target, halve_from: int) -> int:
    """Where the second half begins: at a line that stands alone and tells its time. 0 for a file that is read as one."""
    if part.path is None or part.encoding != "utf-8" or (target.kinds and target.kinds.kept) or (os.cpu_count() or 1) < 2:
        return 0
    size = part.path.stat().st_size
    if size < halve_from * (_CONTENT_IS_FASTER if target.content else 1):
        return 0
    with part.path.open("rb") as file:
        if file.read(1) == b"#":  # a head that says how to read the lines
            return 0
        file.seek(size // 2)
        window = file.read(_WINDOW)
    lines, at = window.split(b"\n")[:-1], size // 2
    probe = Probe(part.parser(), Clock(part.modified))
    for number, line in enumerate(lines):
        if number >= _LINES_BEFORE and (target.content or _safe(lines[number - _LINES_BEFORE : number], line, probe)):
            return at
        at += len(line) + 1
    return 0


def _safe(before: list[bytes], line: bytes, probe: Probe) -> bool:
    texts = [text_of_line(one) for one in before]
    alone = all(standing(text) == ALONE for text in (texts[-1], text_of_line(line)))
    return alone and not joined(texts, text_of_line(line)) and probe.record(line).timestamp not in (None, NOWHEN)


def _start(part: Part, at: int, target: Target) -> subprocess.Popen[bytes] | None:
    """The other process, at work; None when there cannot be one."""
    empty = replace(target, digest=target.digest.empty(), tally=Tally(), kinds=None)
    job = pickle.dumps((part.elsewhere(), at, empty, target.kinds is not None))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    command = [sys.executable, "-m", "mcp_servers.logs.bulk.halves"]
    try:
        helper = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert helper.stdin is not None
        helper.stdin.write(job)
        helper.stdin.close()
    except OSError:
        return None
    helper.stdin = None
    return helper


def _answer(helper: subprocess.Popen[bytes], advance: Advance) -> bytes:
    while True:
        try:
            return helper.communicate(timeout=_SIGN_OF_LIFE)[0]
        except subprocess.TimeoutExpired:
            advance(0)


def _end(helper: subprocess.Popen[bytes]) -> None:
    if helper.poll() is None:
        helper.kill()
        helper.wait()
    if helper.stdout:
        helper.stdout.close()


def _absorb(target: Target, answer: tuple[Digest, Tally, Counter[int]]) -> None:
    digest, tally, lines = answer
    here = target.digest.absorb(digest)
    if target.kinds:
        target.kinds.add({here[kind] if kind >= 0 else kind: count for kind, count in lines.items()})
    target.tally.absorb(tally)


def main() -> None:
    """Reads the job on standard input and answers on standard output, to the process that started this one."""
    part, at, target, counted = pickle.load(sys.stdin.buffer)
    kinds = LineKinds() if counted else None
    path: Path = part.path
    with path.open("rb") as stream:
        stream.seek(at)
        read(replace(part, stream=stream), replace(target, kinds=kinds), unseen)
    pickle.dump((target.digest, target.tally, kinds.counts if kinds else Counter[int]()), sys.stdout.buffer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
