"""Which functions of the program a test calls: watched only until the one that is looked for was called, because watching costs time."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from mcp_servers.fixes.runner.wires import Event, Send

MOST = 4000


class Reached:
    """Collects (file, function) below the project's folder, outside the tests that are run."""

    def __init__(self, run: Event) -> None:
        self.run = run
        self.wanted = str(run.get("reach", ""))
        self.found: dict[tuple[str, str], None] = {}
        self.files: dict[str, str] = {}

    def start(self) -> None:
        if self.wanted:
            threading.setprofile(self.hear)
            sys.setprofile(self.hear)

    def stop(self) -> None:
        if self.wanted:
            sys.setprofile(None)
            threading.setprofile(None)

    def hear(self, frame: Any, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        file = self.files.get(code.co_filename)
        if file is None:
            file = self.files[code.co_filename] = self.inside(code.co_filename)
        if file:
            self.found[(file, code.co_name)] = None
            if code.co_name == self.wanted or len(self.found) > MOST:
                self.stop()

    def inside(self, name: str) -> str:
        path = name if name.startswith("<") else os.path.realpath(name)
        if not path.startswith(self.run["here"]) or "site-packages" in path:
            return ""
        path = path[len(self.run["here"]) :]
        return "" if path in self.run["paths"] else path

    def tell(self, send: Send) -> None:
        if self.wanted:
            send({"kind": "reached", "functions": [list(each) for each in self.found]})
