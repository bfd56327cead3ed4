"""Large logs to measure on, generated: long JSON lines, endless lines of changing shape, a gigabyte of mixed formats."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

_DAY = datetime(2026, 1, 5, tzinfo=UTC)
_SAID = (
    "order {n} stored in {m} ms",
    "cache miss for key {hex}",
    "retry {k} of payment {n}",
    "pool exhausted, {k} waiting",
    "user {user} signed in",
)
_USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")


def long_json(count: int, seed: int = 1) -> list[str]:
    """Lines of about 550 bytes with ids in hexadecimal, nested fields and times."""
    source = random.Random(seed)
    return [_json_line(source, _DAY + timedelta(seconds=number / 50)) for number in range(count)]


def compact_json(count: int, seed: int = 1) -> list[str]:
    """Flat lines of about 220 bytes as a service in JavaScript writes them: ids in hexadecimal, five numbers of varying length."""
    source = random.Random(seed)
    return [_compact_line(source, number) for number in range(count)]


def nested_json(count: int, seed: int = 1) -> list[str]:
    """Lines of about 500 bytes from a collector: ordinary words and ids in a free text, its time, trace and writer around it."""
    source = random.Random(seed)
    return [_nested_line(source, _DAY + timedelta(milliseconds=13 * number)) for number in range(count)]


def docker_json(count: int, seed: int = 1) -> list[str]:
    """Lines of about 300 bytes as a container engine keeps them: its own object around the escaped JSON of a service in JavaScript."""
    source = random.Random(seed)
    return [_engine_line(source, number) for number in range(count)]


def changing(count: int, seed: int = 1) -> Iterator[str]:
    """Lines whose words change as well: an id in hexadecimal in every second line, a word seen nowhere else in every fourth."""
    source = random.Random(seed)
    for number in range(count):
        word = "".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=8)) if number % 4 == 0 else "home"
        ident = f"{source.getrandbits(64):016x}" if number % 2 else str(number)
        yield f"request {ident} of {source.choice(_USERS)} went {word} after {source.randrange(9999)} ms"


def mixed(path: Path, size: int, seed: int = 1) -> int:
    """Writes so many bytes of a service's day after day: levelled lines, JSON, access log, syslog, traces. Gives the number of lines."""
    source = random.Random(seed)
    moments = (_DAY + timedelta(seconds=number * 0.9) for number in range(96_000))
    day = ("\n".join(line for moment in moments for line in _entry(source, moment)) + "\n").encode()
    lines, written, number = 0, 0, 0
    with path.open("wb") as file:
        while written < size:
            date = _DAY + timedelta(days=number)
            portion = day.replace(b"2026-01-05", f"{date:%Y-%m-%d}".encode()).replace(b"05/Jan/2026", f"{date:%d/%b/%Y}".encode())
            file.write(portion)
            written, lines, number = written + len(portion), lines + portion.count(b"\n"), number + 1
    return lines


def _entry(source: random.Random, moment: datetime) -> list[str]:
    kind, said = source.random(), _said(source)
    if kind < 0.45:
        level = source.choices(("INFO", "DEBUG", "WARN", "ERROR"), (70, 20, 7, 3))[0]
        return [f"{_stamp(moment)} {level:5} [worker-{source.randrange(16)}] com.shop.orders.Desk: {said}"]
    if kind < 0.60:
        return [_json_line(source, moment)]
    if kind < 0.85:
        status = source.choices((200, 201, 304, 404, 500), (70, 10, 10, 7, 3))[0]
        target = f"/api/items/{source.randrange(10**5)}?page={source.randrange(50)}"
        return [
            f'10.0.{source.randrange(256)}.{source.randrange(256)} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET {target} HTTP/1.1" {status} {source.randrange(10**5)} "-" "Mozilla/5.0"'
        ]
    if kind < 0.97:
        process = source.randrange(32_768)
        return [
            f"{moment:%Y-%m-%dT%H:%M:%SZ} web{source.randrange(4)} sshd[{process}]: Accepted key for {source.choice(_USERS)} port {source.randrange(65_536)}"
        ]
    if kind < 0.99:
        frames = [f"\tat com.shop.cart.Cart.step{depth}(Cart.java:{source.randrange(500)})" for depth in "ABCD"]
        return [
            f"{_stamp(moment)} ERROR [worker-1] com.shop.cart.Cart: failed for {source.randrange(10**6)}",
            "java.lang.IllegalStateException: empty",
            *frames,
        ]
    frames = [f'  File "/app/shop.py", line {source.randrange(500)}, in total', "    return cart.sum"]
    return [f"{_stamp(moment)} ERROR [main] app: failed", "Traceback (most recent call last):", *frames, "AttributeError: no sum", ""]


def _json_line(source: random.Random, moment: datetime) -> str:
    value = {
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": source.choices(("info", "debug", "warn", "error"), (70, 20, 7, 3))[0],
        "service": {"name": "checkout", "version": "1.4.2", "instance": f"{source.getrandbits(32):08x}"},
        "trace": {"trace_id": f"{source.getrandbits(128):032x}", "span_id": f"{source.getrandbits(64):016x}"},
        "http": {"method": "GET", "path": f"/api/v1/orders/{source.randrange(10**6)}", "status": source.choice((200, 200, 404)), "ms": round(source.random() * 100, 2)},
        "user": {"id": f"{source.getrandbits(48):012x}", "country": "de", "plan": "gold"},
        "message": _said(source),
        "thread": f"worker-{source.randrange(64)}",
        "host": f"node-{source.randrange(99)}.internal",
        "extra": {"queue": source.randrange(100), "note": "the cart was read before the price"},
    }  # fmt: skip
    return json.dumps(value)


def _compact_line(source: random.Random, number: int) -> str:
    value = {
        "level": source.choice((20, 30, 30, 30, 40, 50)),
        "time": int(_DAY.timestamp() * 1000) + number * 37,
        "pid": source.randrange(100, 99_999),
        "hostname": f"web-{source.getrandbits(20):x}",
        "reqId": f"{source.getrandbits(128):032x}",
        "spanId": f"{source.getrandbits(64):016x}",
        "userId": source.randrange(10**7),
        "responseTime": source.randrange(3000),
        "size": source.randrange(10**5),
        "msg": _said(source),
    }
    return json.dumps(value, separators=(",", ":"))


def _engine_line(source: random.Random, number: int) -> str:
    moment = _DAY + timedelta(milliseconds=37 * number)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond * 1000 + source.randrange(1000):09d}Z"
    value = {"log": _compact_line(source, number) + "\n", "stream": "stdout", "time": stamp}
    return json.dumps(value, separators=(",", ":"))


def _nested_line(source: random.Random, moment: datetime) -> str:
    said = source.choice(
        (
            "booking of account {id} was sent to the stock of {n} places",
            "list of {n} routes was read in {n} ms",
            "price of route {id} is {n}.5",
        )
    )
    ident = f"{source.getrandbits(128):032x}"
    dashed = "-".join((ident[:8], ident[8:12], ident[12:16], ident[16:20], ident[20:]))
    text = said.format(id=dashed, n=source.randrange(10 ** source.randrange(1, 5)))
    value = {
        "stamp": moment.isoformat(),
        "kubernetes": {"namespace": "default", "container": "booking", "host": f"node-{source.randrange(9)}"},
        "labels": {"app": "booking", "tier": "back", "owner": "travel and booking", "release": "stable"},
        "log": f"{_stamp(moment)}  INFO 1 --- [exec-{source.randrange(1, 12)}] o.t.service.BookingDesk : {text}, trace {source.getrandbits(128):032x}, span {source.getrandbits(64):016x}",
    }
    return json.dumps(value)


def _said(source: random.Random) -> str:
    values = {"n": source.randrange(10**6), "m": source.randrange(900), "k": source.randrange(9), "hex": f"{source.getrandbits(64):016x}"}
    return source.choice(_SAID).format(user=source.choice(_USERS), **values)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}"
