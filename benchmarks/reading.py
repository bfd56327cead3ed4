"""The record road: how fast lines become records, and whether their headers are cut where people who labelled the logs cut them.

Rates are lines per CPU-second on one core. The limit for JSON is `json.loads` alone; for text one match of the header's own pattern.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpora import labelled_sets
from benchmarks.figures import Figure, Say, cpu_seconds, met
from mcp_servers.kit.project import Source
from mcp_servers.logs.formats import Parser
from mcp_servers.logs.model import Query
from mcp_servers.logs.multiline import join
from mcp_servers.logs.sources import Tally, open_source
from mcp_servers.logs.times import Clock

_LINES = 60_000
_REFERENCE = datetime(2026, 11, 20, 12, tzinfo=UTC)
_HEADER = re.compile(r"(\S+ \S+) ([A-Z]+) ([\w.]+): ")


def run(say: Say) -> list[Figure]:
    """Speed of parsing, of joining, of the whole road and of the time column; headers against the labelled sets."""
    levelled = [f"2026-11-20 10:15:{n % 60:02d},{n % 1000:03d} INFO shop.api: request {n} done in {n % 97} ms" for n in range(_LINES)]
    records = [
        json.dumps({"time": f"2026-11-20T10:15:{n % 60:02d}.{n % 1000:03d}Z", "level": "info", "msg": f"request {n}", "service": "api"})
        for n in range(_LINES)
    ]
    say("parsing")
    figures = [
        _parsing("parse, levelled lines", levelled, 150_000, 225_000, "one match", _HEADER.match),
        _parsing("parse, short JSON", records, 100_000, 150_000, "json.loads", json.loads),
    ]
    say("the whole road")
    figures += [_road("file to records, levelled", levelled), _road("file to records, JSON", records), _joining(levelled), _times()]
    say("headers")
    return [*figures, *_headers()]


def _parsing(name: str, lines: Sequence[str], reach: float, beyond: float, limit: str, bare: Callable[[str], object]) -> Figure:
    def parse() -> None:
        parser = Parser(_REFERENCE)
        for line in lines:
            parser.parse(line, "a:1")

    seconds, _ = cpu_seconds(parse, best_of=3)
    least, _ = cpu_seconds(lambda: [bare(line) for line in lines], best_of=3)
    rate = len(lines) / seconds
    anchor = f"{least / seconds:.2f} of {limit}"
    return Figure(name, _rate(rate), anchor=anchor, reach=_rate(reach), beyond=_rate(beyond), met=met(rate, reach, beyond))


def _road(name: str, lines: Sequence[str]) -> Figure:
    with TemporaryDirectory(prefix="kintsugi-bench-") as folder:
        (Path(folder) / "a.log").write_text("\n".join(lines) + "\n", "utf-8")

        def scan() -> int:
            source = open_source(Source("app", "files", {"paths": ["a.log"]}), Path(folder))
            return sum(1 for _ in source.scan(Query(), Tally()))

        seconds, count = cpu_seconds(scan, best_of=3)
    return Figure(name, _rate(count / seconds))


def _joining(lines: Sequence[str]) -> Figure:
    seconds, count = cpu_seconds(lambda: sum(entry.lines for entry in join(lines)), best_of=3)
    return Figure("join, levelled lines", _rate(count / seconds))


def _times() -> Figure:
    columns = [
        [f"2026-11-20 10:15:{n % 60:02d},{n % 1000:03d}" for n in range(_LINES)],
        [f"Nov 20 10:{n // 1000 % 60:02d}:{n // 20 % 60:02d}" for n in range(_LINES)],
        [f"20/Nov/2026:10:{n // 1000 % 60:02d}:{n // 20 % 60:02d} +0100" for n in range(_LINES)],
    ]

    def read() -> None:
        for column in columns:
            clock = Clock(_REFERENCE)
            for value in column:
                clock.read(value)

    seconds, _ = cpu_seconds(read, best_of=3)
    each = seconds / (3 * _LINES) * 1e6
    return Figure("time column", f"{each:.2f} µs", reach="1.5 µs", beyond="1.0 µs", met=met(each, 1.5, 1.0))


def _headers() -> list[Figure]:
    """The share of lines whose message is the one that the annotation gives, over all labelled sets."""
    shares: list[tuple[float, str]] = []
    for one in labelled_sets():
        parser = Parser(_REFERENCE)
        right = sum(parser.parse(line).body.split() == message.split() for line, message in zip(one.lines, one.messages, strict=True))
        shares.append((right / len(one.lines), one.name))
    mean, (worst, name) = sum(share for share, _ in shares) / len(shares), min(shares)
    ours = f"{mean:.4f}, worst {worst:.4f} ({name})"
    return [Figure("message cut out of the line", ours, reach="0.95", beyond="0.99", met=met(mean, 0.95, 0.99))]


def _rate(lines: float) -> str:
    return f"{lines / 1e3:,.0f} k/s"
