"""The child: everything from here on shares its process with code that is not trusted."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any

from mcp_servers.fixes.runner.plain import run_plain
from mcp_servers.fixes.runner.suites import run_pytest
from mcp_servers.fixes.runner.wires import Event, Send, protect, write_all


def be_child(run: Event, pytest: Any, go: int, events: int, log: int) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    close_others({0, 1, 2, go, events})
    token = os.read(go, 64).decode("ascii")
    os.close(go)
    if not token:
        os._exit(3)
    protect(False)
    if run.get("command"):
        become(run)
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        send = sender(events, token)
        prepare(run)
        code = run_pytest(pytest, run, send) if pytest else run_plain(run, send)
        sys.stdout.flush()
        send({"kind": "end", "code": code})
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def become(run: Event) -> None:
    """Gives this process to a command: what it prints, what it writes where its report belongs, and how it leaves is what it says."""
    command = [word.replace("{report}", run["report"]) for word in run["command"]]
    try:
        prepare(run)
        os.environ["PWD"] = str(Path.cwd())
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, str(error).encode("utf-8", "replace"))
    finally:
        os._exit(127)


def close_others(keep: set[int]) -> None:
    for descriptor in range(256):
        if descriptor not in keep:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def sender(descriptor: int, token: str) -> Send:
    owner = os.getpid()
    write, dumps, getpid = write_all, json.dumps, os.getpid

    def send(event: Event) -> None:
        if getpid() == owner:
            write(descriptor, dumps(dict(event, token=token)).encode("ascii") + b"\n")

    return send


def prepare(run: Event) -> None:
    if run["copied"]:  # so that one run neither sees nor breaks the files of another
        copy = Path(tempfile.mkdtemp()) / "work"
        shutil.copytree(str(Path.cwd()), str(copy), symlinks=True)
        os.chdir(str(copy))
    os.environ.update(run.get("env", {}))
    here = Path.cwd()
    run["here"] = os.path.realpath(str(here)) + os.sep  # now: a test may change the folder
    for name, content in run["write"].items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))
    for name in run.get("without", ()):
        with contextlib.suppress(OSError):
            (here / name).unlink()
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(here)] + [str(here / "src")] * (here / "src").is_dir()
    sys.argv = ["python"]
    forget_what_the_project_is(here)


def forget_what_the_project_is(here: Path) -> None:
    """Modules that pytest brought along are loaded anew where the project is one of them."""
    own = {path.name.partition(".")[0] for root in (here, here / "src") if root.is_dir() for path in root.iterdir()} - {"pytest", "_pytest"}
    for name in [name for name in sys.modules if name.partition(".")[0] in own and name not in sys.builtin_module_names]:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "site-packages" in file:
            del sys.modules[name]
