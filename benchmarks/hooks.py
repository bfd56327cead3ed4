"""Hooks: what they cost when there is nothing to say, and what the guard of a model's shell refuses and lets alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Say, cpu_seconds, met
from kintsugi.hooks import installing
from kintsugi.hooks.decisions import refusal
from kintsugi.hooks.places import Place
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from mcp_servers.knowledge.guards import index

_ROOT = Path(__file__).parent.parent
_TIMES = 20
_DECISIONS = ("approve fix_1", "reject fix_1", "resume", "fix approve fix_1", "fix apply fix_1", "guard accept guard_1")
_PROGRAMS = (
    "kintsugi", "/opt/k/bin/kintsugi", "./.venv/bin/kintsugi", "python -m kintsugi", "python3.11 -I -mkintsugi.cli", "uv run --frozen kintsugi",
    "uvx kintsugi", "sudo -u ada kintsugi", "env A=1 kintsugi", "nohup kintsugi", "timeout 9 kintsugi", "$(which kintsugi)", "kintsug?", "\\kintsugi",
)  # fmt: skip
_WRAPPED = (
    "{0}", "cd /src && {0}", "true; {0} &", "({0})", "{{ {0}; }}", "if true; then {0}; fi", "for i in 1 2; do {0}; done", "! {0}", "time {0}",
    "echo $({0})", "echo `{0}`", "sh -c {1}", "bash -lc {1}", "eval {1}", "ssh localhost {1}", "script -qec {1} /dev/null", "tmux new -d {1}",
    "su ada -c {1}", "watch {1}", "echo {1} | sh", "printf '%s\\n' {1} | bash -s", "sh <<< {1}", "bash <<'END'\n{0}\nEND", "source <(echo {1})",
    "echo {1} > x.sh; sh x.sh", "f() {{ {0}; }}; f", "yes | {0}", "{0} <<< 1a2b3c4d", "git rebase --exec {1} main", "find . -exec {0} \\;",
)  # fmt: skip
_FOLDERS = ("/usr/lib", "/usr/share", "/usr/bin", "/usr/sbin", "/etc", "/usr/local")
_MOST_SCRIPTS = 3_000


def run(say: Say) -> list[Figure]:
    """Costs in CPU milliseconds of whole processes, the shares of what is refused, and of scripts of this machine that are let alone."""
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="kintsugi-hooks-") as folder:
        repository = _repository(Path(folder))
        for name, words in {"pre-commit": (), "post-commit": (), "post-checkout": ("0" * 40, "1" * 40, "1")}.items():
            say(f"{name} with nothing to say")
            figures.append(
                _cost(f"git hook {name}, nothing to say", [str(repository / ".git/hooks" / name), *words], repository, 200.0, 100.0)
            )
        say("the greeting of a session")
        greeting = [sys.executable, "-E", "-P", "-m", "kintsugi.hooks", "session-start"]
        figures.append(_cost("SessionStart, one case open", greeting, _watched(Path(folder)), 1000.0, 500.0))
        (Path(folder) / "venv").symlink_to(Path(sys.prefix))
        say("the guard before a command")
        event = json.dumps({"tool_name": "Bash", "tool_input": {"command": "make test 2>&1 | tail -5"}, "cwd": "/tmp"})
        figures.append(
            _cost("PreToolUse guard, a plain command", ["/bin/sh", str(_ROOT / "hooks/run"), "guard"], repository, 100.0, 60.0, event)
        )
    say("spellings of decisions")
    return [*figures, _refused(), _let_alone(say)]


def _repository(folder: Path) -> Path:
    repository = folder / "shop"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    installing.install(repository)
    guards = [
        {"id": f"g{number}", "kind": "ast-grep", "level": "warning", "endings": [".py"], "anchors": [f"word{number}("]}
        for number in range(200)
    ]
    index.save(folder / "state", guards)
    for number in range(10):
        (repository / f"file{number}.py").write_text("x = 1\n" * 200, "utf-8")
    subprocess.run(["git", "add", "-A"], cwd=repository, check=True)
    return repository


def _watched(folder: Path) -> Path:
    """A project with an open case."""
    (folder / "shop/kintsugi.toml").write_text('[project]\nname = "shop"\n', "utf-8")
    ledger = Ledger(Database.open(f"sqlite:///{folder / 'state/kintsugi.sqlite'}"), lambda: datetime.now(UTC))
    ledger.open_case("shop", {"title": "ZeroDivisionError", "fingerprint": {"coarse": "1f3a9c0255aa10bb"}}, actor="benchmark")
    ledger.database.close()
    return folder / "shop"


def _cost(name: str, command: list[str], folder: Path, reach: float, beyond: float, stdin: str = "") -> Figure:
    home = folder.parent
    environ = {**os.environ, "KINTSUGI_HOME": str(home / "state"), "CLAUDE_PLUGIN_DATA": str(home)}

    def once() -> None:
        subprocess.run(command, cwd=folder, input=stdin, text=True, check=True, capture_output=True, env=environ)

    seconds, _ = cpu_seconds(once, best_of=_TIMES)
    value = seconds * 1000
    return Figure(name, f"{value:.0f} ms CPU", reach=f"< {reach:.0f} ms", beyond=f"< {beyond:.0f} ms", met=met(value, reach, beyond))


def _refused() -> Figure:
    place = Place("/src/shop", {"HOME": "/home/ada", "PATH": "/usr/bin"})
    spelled = [_wrapped(wrapper, f"{program} {decision}") for wrapper, program, decision in product(_WRAPPED, _PROGRAMS, _DECISIONS)]
    begin = time.process_time()
    share = sum(bool(refusal(text, place)) for text in spelled) / len(spelled)
    each = (time.process_time() - begin) / len(spelled) * 1000
    return Figure(
        "decisions refused, of spellings", f"{share:.2%} of {len(spelled):,} ({each:.2f} ms each)", reach="100 %", met=met(share, 1, 1)
    )


def _wrapped(wrapper: str, text: str) -> str:
    return wrapper.format(text, quote(text))


def _let_alone(say: Say) -> Figure:
    place = Place("/src/shop", {"HOME": "/home/ada", "PATH": "/usr/bin"})
    scripts = list(_scripts())
    say(f"{len(scripts)} scripts of this machine")
    blocked = [path for path, text in scripts if refusal(text, place)]
    lines = sum(text.count("\n") for _, text in scripts)
    told = f"{len(blocked)} of {len(scripts):,} scripts, {lines:,} lines" + (f": {blocked[0]}" if blocked else "")
    return Figure("commands blocked that name no decision", told, reach="0", met=met(len(blocked), 0, 0) if scripts else "")


def _scripts() -> Iterator[tuple[Path, str]]:
    """Shell scripts of this machine, in an order of their own, none of them ours."""
    found = sorted(
        {
            path
            for folder in _FOLDERS
            for pattern in ("**/*.sh", "**/git-*", "init.d/*")
            for path in Path(folder).glob(pattern)
            if path.is_file()
        }
    )
    random.Random(7).shuffle(found)
    for path in found[:_MOST_SCRIPTS]:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if path.suffix == ".sh" or text.startswith(("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash")):
            yield path, text
