"""The identity of errors: what must keep it, what must change it, and whether traces are found from their first line to their last."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure, Say, cpu_seconds, met
from benchmarks.stacks import NOISE, Stack, changing, keeping, stacks
from mcp_servers.logs import fingerprint, stacktrace
from mcp_servers.logs.fingerprint import Fingerprint
from mcp_servers.logs.survey import found_in
from mcp_servers.logs.traces.finder import find_in

_WORDS = (
    (
        "payment 4711 for 'bob' declined by 10.0.0.7:443",
        "payment 99 for 'eve' declined by 10.9.0.1:8443",
        "payment 4711 for 'bob' accepted by 10.0.0.7:443",
    ),
    ("disk /dev/sda1 is 97% full", "disk /dev/sdb2 is 99% full", "disk /dev/sda1 is 97% empty"),
    (
        "lost connection to replica 0x7f3a after 30 s",
        "lost connection to replica 0x11bc after 2 s",
        "found connection to replica 0x7f3a after 30 s",
    ),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One text with one change, and whether its identity did what it must."""

    stack: str
    change: str
    right: bool


def identity(text: str) -> Fingerprint | None:
    """The fingerprint of the first trace in a text as it came out of a file, or None."""
    found = find_in(text.replace("\r\n", "\n").split("\n"))
    return fingerprint.of_trace(stacktrace.mark_in_app(found[0].trace)) if found else None


def pairs(some: Sequence[Stack]) -> Iterator[Pair]:
    """Every change of these texts, judged in both grains."""
    for stack in some:
        own = identity(stack.text)
        for name, text in keeping(stack):
            yield Pair(stack.name, f"keeps: {name}", own is not None and identity(text) == own)
        for name, text in changing(stack):
            other = identity(text)
            yield Pair(
                stack.name,
                f"changes: {name}",
                own is not None and other is not None and own.coarse != other.coarse and own.fine != other.fine,
            )


def words() -> Iterator[Pair]:
    """Messages without frames: other values keep the identity, another word changes it."""
    for first, same, other in _WORDS:
        own, kept, changed = (fingerprint.of_message(text) for text in (first, same, other))
        yield Pair(first, "keeps: other values in the message", own == kept)
        yield Pair(first, "changes: another word", own != changed)


def stream(some: Sequence[Stack], seed: int) -> tuple[list[str], list[tuple[int, int, str]]]:
    """Lines of all texts in random order with other lines between, and where each trace begins and ends."""
    source = random.Random(seed)
    lines: list[str] = []
    truth: list[tuple[int, int, str]] = []
    for stack in source.sample(list(some), len(some)):
        lines += source.choices(NOISE, k=source.randrange(3))
        lines.append(f"2026-11-20 10:{len(lines) % 60:02}:00,123 INFO shop: served /carts/{len(lines)}")
        own = stack.text.split("\n")
        truth.append((len(lines) + 1, len(lines) + len(own), stack.language))
        lines += own
        lines.append(f"2026-11-20 10:{len(lines) % 60:02}:59,123 INFO shop: served /carts/{len(lines)}")
    return lines, truth


def run(say: Say) -> list[Figure]:
    """Shares of right answers over all texts of ours."""
    some = stacks()
    say("changes")
    judged = [*pairs(some), *words()]
    say("streams")
    seen, right, made = 0, 0, 0
    for seed in range(20):
        lines, truth = stream(some, seed)
        found = {(one.first, one.last, one.trace.language) for one in find_in(lines)}
        seen, right, made = seen + len(truth), right + len(found & set(truth)), made + len(found - set(truth))
    say("speed")
    lines = [line for seed in range(20) for line in stream(some, seed)[0]]
    seconds, _ = cpu_seconds(lambda: find_in(lines))
    plain = [f"2026-11-20 10:15:00,123 INFO shop.api [worker-{n % 9}] served /carts/{n} in {n % 99} ms" for n in range(100_000)]
    quick, _ = cpu_seconds(lambda: list(found_in(plain)))
    noise = find_in([*NOISE] * 50)
    kept = [pair.right for pair in judged if pair.change.startswith("keeps")]
    changed = [pair.right for pair in judged if pair.change.startswith("changes")]
    every = sum(pair.right for pair in judged) / len(judged)
    return [
        Figure(
            f"identity kept or changed as it must ({len(judged)} pairs, {len(some)} texts)",
            f"{every:.4f}",
            reach="≥ .95",
            beyond="≥ .99",
            met=met(every, 0.95, 0.99),
        ),
        Figure("… kept", f"{sum(kept) / len(kept):.4f}"),
        Figure("… changed", f"{sum(changed) / len(changed):.4f}"),
        Figure(
            f"traces found, first and last line exact ({seen} in 20 streams)",
            f"{right / seen:.4f}",
            reach="≥ .95",
            beyond="≥ .99",
            met=met(right / seen, 0.95, 0.99),
        ),
        Figure("traces found where none is", str(made + len(noise)), reach="0", beyond="0", met="" if made + len(noise) else "beyond"),
        Figure("lines searched for traces, per CPU-second: traces only", f"{len(lines) / seconds:,.0f}"),
        Figure("… lines without any", f"{len(plain) / quick:,.0f}"),
    ]
