"""How fast any amount of log becomes templates or a digest, beside drain3 and beside what the machine can do at all.

Rates are lines per CPU-second over everything: reading the file, mining, naming the templates. drain3 sees the same lines (with masks
every fifth, with JSON a tenth: its rate falls as its tree grows, so that this favours it). The limit: `bytes.translate`, `split` and `Counter`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import floods
from benchmarks.corpora import labelled_sets, redrawn
from benchmarks.figures import Figure, Say, cpu_seconds, met
from benchmarks.templates import drain
from mcp_servers.kit.budget import tokens
from mcp_servers.kit.project import Project, Source
from mcp_servers.logs.answers import log_digest
from mcp_servers.logs.bulk import Mined, digested, mined
from mcp_servers.logs.model import Query
from mcp_servers.logs.reading import Reader
from mcp_servers.logs.templates import masking, merging

_TIMES = 20
_BLOCK = 2 * 1024 * 1024
_GIGABYTE = 1_000_000_000
_LONG = 40_000
_STREAMED = 10_000_000
_CHANGING = 1_500_000
_PIECE = 250_000

_CHILD = """
import json, resource, sys
from pathlib import Path
from mcp_servers.kit.project import Project, Source
from mcp_servers.logs.bulk import mined
found = mined(Project(Path.cwd(), "bench", sources=(Source("in", "files", {"paths": ["-"]}),)), content=True)
used = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status")
peak = int(status.read_text().partition("VmHWM:")[2].split()[0]) if status.exists() else used.ru_maxrss
lines = sum(template.count for template in found.templates)
print(json.dumps([lines, len(found.templates), peak / 1024, used.ru_utime + used.ru_stime]))
"""


def run(say: Say) -> list[Figure]:
    """Speed on varying lines, on long JSON lines, memory over ten million lines, and a gigabyte of mixed formats."""
    with TemporaryDirectory(prefix="kintsugi-bench-") as folder:
        figures = _varying(Path(folder), say)
        figures += _long_lines(Path(folder), say)
        figures += _memory(say)
        return figures + _gigabyte(Path(folder), say)


def _varying(folder: Path, say: Say) -> list[Figure]:
    figures: list[Figure] = []
    sums = Counter[str]()
    ratios: list[tuple[float, float]] = []
    everything: list[str] = []
    for one in labelled_sets():
        say(f"{one.name}: digits redrawn")
        lines = redrawn(one.messages, _TIMES)
        everything += lines
        ours, limit = _ours(folder, lines), _limit(folder / "lines.log")
        plain, _ = cpu_seconds(lambda lines=lines: drain()(lines))
        masked, _ = cpu_seconds(lambda lines=lines[::5]: drain(masked=True)(lines))
        took = {"ours": ours, "limit": limit, "plain": plain, "masked": masked * 5}
        sums.update({"lines": len(lines), **took})
        rates = {name: len(lines) / seconds for name, seconds in took.items()}
        figures.append(_speed(f"{one.name} ×{_TIMES}", rates))
        ratios.append((rates["ours"] / rates["plain"], rates["ours"] / rates["masked"]))
    rates = {name: sums["lines"] / sums[name] for name in ("ours", "limit", "plain", "masked")}
    ratio, ratio_masked = rates["ours"] / rates["plain"], rates["ours"] / rates["masked"]
    say("all sets in one file")
    big = everything * 3
    one_file, limit = len(big) / _ours(folder, big), len(big) / _limit(folder / "lines.log")
    share = one_file / limit
    return [
        *figures,
        _bar("all sets: lines/CPU-s, drain3 defaults", rates["ours"], rates["plain"], ratio, 30, 60, f"at most {rates['limit'] / rates['plain']:.0f}×"),
        _bar("all sets: lines/CPU-s, drain3 example masks", rates["ours"], rates["masked"], ratio_masked, 20, 40, f"at most {rates['limit'] / rates['masked']:.0f}×"),
        Figure("median set: drain3 defaults / example masks", "", ratio=" / ".join(f"{median(column):.0f}×" for column in zip(*ratios, strict=True))),
        Figure("all sets in one file: share of the limit", _rate(one_file), anchor=f"{share:.2f} of {_rate(limit)}", reach="0.3", beyond="0.5", met=met(share, 0.3, 0.5)),
    ]  # fmt: skip


def _long_lines(folder: Path, say: Say) -> list[Figure]:
    corpora = {
        "nested JSON": floods.long_json(_LONG),
        "compact JSON": floods.compact_json(_LONG),
        "collected JSON": floods.nested_json(_LONG),
        "engine's JSON": floods.docker_json(_LONG),
    }
    found: list[Figure] = []
    for name, lines in corpora.items():
        say(f"{name} with ids")
        size = sum(map(len, lines)) / len(lines)
        part = lines[:4_000]
        plain, masked = (len(part) / cpu_seconds(lambda part=part, masks=masks: drain(masked=masks)(part))[0] for masks in (False, True))
        for how, content in (("parsed", False), ("as bare text", True)):
            rate = len(lines) / _ours(folder, lines, content=content)
            limit = len(lines) / _limit(folder / "lines.log")
            of = f"{rate / limit:.2f} of {_rate(limit)}; {rate * size / 1e6:.0f} MB/s; {rate / masked:.0f}× drain3 with masks"
            bar = _bar(f"{name}, lines of {size:.0f} bytes, {how}", rate, plain, rate / plain, 5, 10)
            found.append(replace(bar, anchor=of))
    return found


def _memory(say: Say) -> list[Figure]:
    say("ten million lines through a pipe")
    plain = "\n".join(line for one in labelled_sets() for line in redrawn(one.messages, 3))
    pieces = (plain.encode("utf-8", "replace") + b"\n" for _ in range(_STREAMED // (plain.count("\n") + 1) + 1))
    figures = [_streamed("labelled sets streamed", pieces)]
    say("lines of changing shape through a pipe")
    seeds = range(_CHANGING // _PIECE)
    return [*figures, _streamed("changing lines streamed", (("\n".join(floods.changing(_PIECE, seed)) + "\n").encode() for seed in seeds))]


def _streamed(name: str, pieces: Iterable[bytes]) -> Figure:
    with subprocess.Popen([sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        sent = 0
        for piece in pieces:
            sent += piece.count(b"\n")
            child.stdin.write(piece)
        child.stdin.close()
        lines, templates, resident, seconds = json.loads(child.stdout.read())
    if lines != sent:
        raise ValueError(f"{name}: {sent} lines were sent and {lines} counted.")
    ours = f"{resident:.0f} MiB at its peak"
    note = f"{lines / 1e6:.1f} M lines, {templates} templates, {_rate(lines / seconds)}"
    return Figure(f"memory: {name}", ours, anchor=note, reach="500 MiB", beyond="250 MiB", met=met(resident, 500, 250))


def _gigabyte(folder: Path, say: Say) -> list[Figure]:
    say("writing a gigabyte")
    path = folder / "mixed.log"
    lines = floods.mixed(path, _GIGABYTE)
    say("digest of a gigabyte")
    begun = time.perf_counter()
    seconds, (digest, tally) = cpu_seconds(lambda: digested(Reader(_project(path)), None, Query()))
    wall = time.perf_counter() - begun
    answer = log_digest(digest.lines(), tally, {}, 500)
    accounts = answer["accounts"]
    if tally.lines != lines or lines != sum(accounts[name] for name in ("shown", "folded", "continuations", "outside", "blank")):
        raise ValueError(f"{lines} lines were written, {accounts} is accounted for.")
    done = f"{wall:.1f} s, {seconds:.0f} CPU-s"
    size = f"{lines / 1e6:.1f} M lines, {answer['total']} templates, {tokens(answer)} tokens of 500"
    return [Figure("digest of 1 GB on two cores", done, anchor=size, reach="60 s", beyond="20 s", met=met(wall, 60, 20))]


def _ours(folder: Path, lines: Sequence[str], *, content: bool = True) -> float:
    path = folder / "lines.log"
    path.write_bytes("\n".join(line.replace("\n", " ") for line in lines).encode("utf-8", "replace") + b"\n")
    seconds, found = min((_cold(lambda: mined(_project(path), content=content)) for _ in range(2)), key=lambda run: run[0])
    if found.lines != len(lines):
        raise ValueError(f"{len(lines)} lines were written and {found.lines} counted.")
    return seconds


def _cold(work: Callable[[], Mined]) -> tuple[float, Mined]:
    """One run that remembers nothing of the runs before it."""
    for room in (masking, merging):
        for name in vars(room).values():
            if hasattr(name, "cache_clear"):
                name.cache_clear()
    masking._SPELLINGS.clear()
    return cpu_seconds(work)


def _limit(path: Path) -> float:
    def count() -> Counter[bytes]:
        found: Counter[bytes] = Counter()
        with path.open("rb") as file:
            rest = b""
            while block := file.read(_BLOCK):
                whole, _, rest = (rest + block).rpartition(b"\n")
                found.update(whole.translate(None, b"0123456789").split(b"\n"))
        return found

    return cpu_seconds(count, best_of=2)[0]


def _project(path: Path) -> Project:
    return Project(path.parent, "bench", sources=(Source("log", "files", {"paths": [path.name]}),))


def _speed(name: str, rates: dict[str, float]) -> Figure:
    ratio = f"{rates['ours'] / rates['plain']:.0f}× / {rates['ours'] / rates['masked']:.0f}×"
    peers = f"{_rate(rates['plain'])} / {_rate(rates['masked'])} masked"
    return Figure(name, _rate(rates["ours"]), peers, ratio, f"{rates['ours'] / rates['limit']:.2f} of {_rate(rates['limit'])}")


def _bar(name: str, ours: float, peer: float, ratio: float, reach: float, beyond: float, anchor: str = "") -> Figure:
    return Figure(name, _rate(ours), _rate(peer), f"{ratio:.1f}×", anchor, f"{reach:.0f}×", f"{beyond:.0f}×", met(ratio, reach, beyond))


def _rate(lines: float) -> str:
    return f"{lines / 1e6:.2f} M/s" if lines >= 1e5 else f"{lines / 1e3:.1f} k/s"
