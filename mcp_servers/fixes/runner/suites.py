"""Tests under pytest, watched through its hooks."""

from __future__ import annotations

import os
from typing import Any

from mcp_servers.fixes.runner.exceptions import LoggedExceptions, describe
from mcp_servers.fixes.runner.reached import Reached
from mcp_servers.fixes.runner.wires import Event, Send


class Watcher:
    """Hears what became of each test. The exception itself decides, not the report: reports can be rewritten by any hook."""

    def __init__(self, send: Send, run: Event) -> None:
        self.send, self.run = send, run
        self.seen: Event = {}
        self.logged = LoggedExceptions(run)
        self.reached = Reached(run)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.seen[nodeid] = {"outcome": ""}
        self.logged.start()
        self.reached.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        seen = self.seen[report.nodeid]
        if report.failed:
            seen["outcome"] = "failed"
        elif seen["outcome"] != "failed" and (report.skipped or hasattr(report, "wasxfail")):
            seen["outcome"] = "skipped"
        elif report.when == "call" and not seen["outcome"]:
            seen["outcome"] = "passed"

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        trace = describe(call.excinfo.value, self.run)
        if node.nodeid in self.seen:
            self.seen[node.nodeid].update(outcome="failed", trace=trace)
        else:
            self.tell(node.nodeid, {"outcome": "failed", "trace": trace})

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.reached.stop()
        seen = self.seen.pop(nodeid)
        logged = self.logged.stop()
        self.tell(nodeid, dict(seen, logged=logged) if seen["outcome"] == "failed" else seen)

    def tell(self, name: str, seen: Event) -> None:
        kept = {"outcome": seen["outcome"] or "skipped"} if self.run["brief"] else seen
        self.send({"kind": "test", "id": name, "seen": kept})


def run_pytest(pytest: Any, run: Event, send: Send) -> int:
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "--rootdir=.", "-p", "no:cacheprovider", "-o", "addopts=", "-W", "ignore::pytest.PytestConfigWarning"]
    watcher = Watcher(send, run)
    code = int(pytest.main([*options, *run["paths"]], plugins=[watcher]))
    watcher.reached.tell(send)
    return code
