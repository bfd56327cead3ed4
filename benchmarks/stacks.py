"""Stack traces of our own making, one file per language, and every change that must keep, or must change, the identity of an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

TEXTS = Path(__file__).resolve().parents[1] / "tests" / "logs" / "stacks"

_SYSTEM = {
    "python": '  File "/usr/lib/python3.11/contextlib.py", line 81, in inner\n    return func(*args, **kwds)',
    "java": "\tat java.base/java.util.concurrent.FutureTask.run(FutureTask.java:264)",
    "javascript": "    at node:internal/timers:573:17",
    "go": "net/http.serverHandler.ServeHTTP({0xc0000b2000?}, {0x7d3d48?, 0xc0000e01c0?}, 0xb?)\n\t/usr/local/go/src/net/http/server.go:2938 +0x8e",
    "php": "#9 /srv/vendor/laravel/framework/Pipeline.php(180): Illuminate\\Pipeline->then(Object(Closure))",
    "ruby": "\tfrom /usr/lib/ruby/3.0/monitor.rb:202:in `mon_synchronize'",
    "csharp": "   at System.Threading.ExecutionContext.RunInternal(ExecutionContext context)",
    "rust": "  77: core::ops::function::FnOnce::call_once\n             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/core/src/ops/function.rs:250:5",
    "dart": "#9      _rootRun (dart:async/zone.dart:1399:13)",
    "elixir": "    (stdlib 5.0.2) gen_server.erl:1113: :gen_server.try_handle_call/4",
}
_FRAME = {
    "python": r'^[ |]*File ".*\n.*\n',
    "java": r"^\s+at .*\n",
    "javascript": r"^(?:\s+at .*|\S*@.*:\d+:\d+)\n",
    "go": r"^\S.*\n\t\S+:\d+.*\n",
    "php": r"^#\d+ .*\n",
    "ruby": r"^(?:\s+from |\s*\d+: from |[\w./ ()-]+:\d+:in [`'][^']*'$).*\n",
    "csharp": r"^\s+at .*\n",
    "rust": r"^\s+\d+: .*\n\s+at .*\n",
    "dart": r"^#\d+ .*\n",
    "elixir": r"^\s+(?:\(|\S+\.exs?:).*\n",
}
_HEADERS = re.compile(r"^(?!\s*(?:File \"|at |#\d|from |\d+: |\w+\.\w+.*:in |\t)).*$", re.M)
_PLACES = re.compile(r"(, line |\.\w{1,5}:|:line |\.php\(|on line |\.(?:js|mjs|ts|tsx):|repeated )(\d+)")
_RELEASES = ("/srv/releases/20261120101500", "/home/deploy/shop-3", "/opt/apps/9f8e7d6c5b4a", "/var/www/html/current")


@dataclass(frozen=True, slots=True)
class Stack:
    """One text with its truth: types root cause first, the function of ours nearest the throw (empty: none named), and where it is installed."""

    name: str
    language: str
    types: tuple[str, ...]
    function: str
    prefix: str
    text: str

    @property
    def root(self) -> str:
        return self.types[0]


def stacks() -> list[Stack]:
    """Every text, in the order of languages and files."""
    return [stack for path in sorted(TEXTS.glob("*.txt")) for stack in _read(path)]


def _read(path: Path) -> Iterator[Stack]:
    for part in path.read_text("utf-8").split("@@ ")[1:]:
        head, _, text = part.partition("\n")
        name, types, function, prefix = (field.strip() for field in head.split("|"))
        yield Stack(f"{path.stem}: {name}", path.stem, tuple(types.split(",")), function, prefix, text.removesuffix("\n"))


# --- what must keep the identity ---


def keeping(stack: Stack) -> Iterator[tuple[str, str]]:
    """Names and texts of the changes that are not another error."""
    yield "other lines", _PLACES.sub(lambda found: found[1] + str(int(found[2]) + 17), stack.text)
    yield "other values in the message", _other_values(stack)
    yield "line ends of Windows", stack.text.replace("\n", "\r\n")
    if stack.prefix:
        yield from _installed_elsewhere(stack)
    if stack.function:
        yield from _other_frames(stack)
    for name, wrap in _WRAPPERS:
        yield name, "\n".join(wrap(line) for line in stack.text.split("\n"))
    yield "another thread between", _interleaved(stack.text)
    yield "in a field of JSON", json.dumps({"level": "error", "msg": "failed", "stack": stack.text})
    yield "escaped into one line", json.dumps(stack.text)[1:-1]
    yield "behind an entry of the log", "2026-11-20 10:15:00,123 ERROR shop: request failed\n" + stack.text


def _other_values(stack: Stack) -> str:
    def other(found: re.Match[str]) -> str:
        line = re.sub(r"0x[0-9a-f]{3,}", "0xbeef01", found[0])
        line = re.sub(r"(?<![\w.:])\d{4,5}\b(?![\w.:]*\()", "7654321", line)
        return (
            re.sub(r"(?<=[ :=])'[\w.-]+'(?=[ ,.]|$)", "'another one'", line)
            if "thread '" not in line and "exception '" not in line and "Instance of" not in line
            else line
        )

    return _HEADERS.sub(other, stack.text)


def _installed_elsewhere(stack: Stack) -> Iterator[tuple[str, str]]:
    if "://" in stack.prefix or "webpack" in stack.prefix:
        yield "another host", stack.text.replace(stack.prefix, "https://cdn7.example.net/v2.4.1/assets")
        yield "another hash", stack.text.replace("8f3a2b1c", "0d1e2f3a")
        return
    for place in _RELEASES:
        yield f"installed in {place}", stack.text.replace(stack.prefix, place)
    windows = re.compile(re.escape(stack.prefix) + r"[^\s:)\"',]*")
    yield "on Windows", windows.sub(lambda found: "D:\\apps\\rel-77" + found[0].removeprefix(stack.prefix).replace("/", "\\"), stack.text)


def _other_frames(stack: Stack) -> Iterator[tuple[str, str]]:
    frames = list(re.finditer(_FRAME[stack.language], stack.text + "\n", re.M))
    own = next((frame for frame in frames if re.search(rf"{re.escape(stack.function)}\b", frame[0])), None)
    if own is None:
        return
    text, margin = stack.text + "\n", "  | " if own[0].lstrip().startswith("|") else ""
    yield "a frame repeated", (text[: own.start()] + own[0] * 3 + text[own.start() :].removeprefix(own[0])).removesuffix("\n")
    if not margin and stack.name.partition(": ")[2] not in (
        "only the platform",
        "full backtrace",
        "old order",
        "rails",
        "template",
        "job",
        "error that prints its stack",
    ):
        added = _SYSTEM[stack.language] + "\n"
        yield "a frame of the system more", (text[: own.end()] + added + text[own.end() :]).removesuffix("\n")


def _interleaved(text: str) -> str:
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        lines.append(line)
        if number % 2:
            lines.append(f"2026-11-20 10:15:00,{number:03} INFO [worker-{number}] served /carts/{number} in {number} ms")
    return "\n".join(lines[: -1 if lines[-1].startswith("2026-11-20") else None])


_WRAPPERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("in the engine's JSON", lambda line: json.dumps({"log": line + "\n", "stream": "stderr", "time": "2026-11-20T10:15:00.123456789Z"})),
    ("in CRI", lambda line: f"2026-11-20T10:15:00.123456789Z stderr F {line}"),
    ("in syslog", lambda line: f"Nov 20 10:15:00 web-1 shop[4711]: {line}"),
    ("in syslog 5424", lambda line: f"<11>1 2026-11-20T10:15:00.123Z web-1 shop 4711 - - {line}"),
    ("by compose", lambda line: f"shop-web-1  | {line}"),
    ("with a time on each line", lambda line: f"2026-11-20T10:15:00.123456789Z {line}"),
)


# --- what must change it ---


def changing(stack: Stack) -> Iterator[tuple[str, str]]:
    """Names and texts of the changes that are another error."""
    if stack.function:
        simple = re.split(r"[.$]", stack.function)[-1]
        if re.fullmatch(r"\w+", simple) and simple not in ("apply", "invokeSuspend"):
            yield "another function", re.sub(rf"(?<![\w]){re.escape(simple)}(?![\w])", f"{simple}Elsewhere", stack.text)
    root = stack.root.rpartition("::")[2]
    if root not in ("panic", "error", "runtime error", "fatal error", "Error") and not root.startswith("Fatal"):
        yield "another type", re.sub(rf"(?<![a-zA-Z]){root}\b", f"Other{root}", stack.text)
    if root == "Error" and stack.language == "javascript":
        yield "another type", re.sub(r"(?<![\w\[])Error\b(?=:|$)", "OtherError", stack.text)
    if root == "runtime error":
        yield "another type", re.sub(r"runtime error: .*", "runtime error: hash of unhashable type []int", stack.text)


# --- streams to find them in ---

NOISE = (
    "2026-11-20 10:15:00,123 INFO shop: served /carts/4711 in 12 ms",
    "2026-11-20 10:15:01,456 ERROR shop.pay: TypeError in the card reader, see the manual",
    "[10:15:02] WARN  retry 3 of 5",
    "starting worker at port 8080 (eth0:1)",
    "  at home (12:30)",
    "meet me at the gate (north.side:1)",
    '10.0.0.7 - - [20/Nov/2026:10:15:00 +0000] "GET /error HTTP/1.1" 500 12',
    '{"level":"error","msg":"Exception: nothing of note\\nsecond line"}',
    "Error: something went wrong",
    "java.lang.IllegalStateException: told without a stack",
    "Traceback (most recent call last): is what Python prints",
    "#1 in the list: buy milk",
    "#5 DONE 0.1s",
    'File "setup.cfg", line 3',
    "goroutine counts rise",
    "panic: this word alone is no trace",
    "src/main.rs:14:9: warning: unused variable",
    "from app.rb:12 we learned nothing",
    "Caused by: rain",
    '"main" #1 prio=5 os_prio=0 tid=0x00007f nid=0x1 runnable',
    "   java.lang.Thread.State: RUNNABLE",
    "",
    "mail from a@b.example.com:25:1 refused",
    "    - an indented item (1:2)",
    "== Results: 5 (3:2) ==",
    "note: nothing to do",
    "exit status 1",
)
