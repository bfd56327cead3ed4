"""Claude Code itself, cut off from this user's configuration and from every network but loopback, before a scripted model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.components import CLAUDE, ROOT
from tests.e2e.messages_api import Answer, MessagesApi, Request

Json = dict[str, Any]
BYPASS = "--dangerously-skip-permissions"
_QUIET = {"DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "IS_SANDBOX": "1"}
_KEY = "not-a-key"
_NOWHERE = "http://127.0.0.1:9"
_SECONDS = 120


def uv() -> Path:
    """The uv that `make` uses."""
    return Path(shutil.which("uv") or ROOT / ".tools" / "uv" / "bin" / "uv")


def checkout(folder: Path) -> Path:
    """The repository as a clone of it holds it, without what was built or fetched beside the code."""
    kept = {".claude-plugin", ".mcp.json"}

    def left_out(_: str, names: list[str]) -> set[str]:
        return {name for name in names if (name.startswith(".") and name not in kept) or name in {"__pycache__", "file:"}}

    return Path(shutil.copytree(ROOT, folder, symlinks=True, ignore=left_out))


@dataclass(frozen=True)
class Session:
    """One run: what Claude Code told as it went, and what the model was sent."""

    events: Sequence[Json]
    requests: Sequence[Request]
    stderr: str = ""

    @property
    def begun(self) -> Json:
        """The last event that names servers, tools, agents and skills: each question has one."""
        return next(event for event in reversed(self.events) if event.get("subtype") == "init")

    @property
    def servers(self) -> dict[str, str]:
        """What has become of each server, by its name."""
        return {server["name"]: server["status"] for server in self.begun["mcp_servers"]}

    @property
    def answers(self) -> list[str]:
        """The last words to each question."""
        return [str(event.get("result")) for event in self.events if event.get("type") == "result"]


@dataclass(frozen=True)
class Claude:
    """A person's Claude Code: `home` is all that it knows of them."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str])

    def environment(self, **more: str) -> dict[str, str]:
        found = subprocess.run([uv(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
        offline = {"UV_CACHE_DIR": found, "UV_OFFLINE": "1", "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}
        own = {"PATH": f"{uv().parent}:/usr/bin:/bin", "HOME": str(self.home), "CLAUDE_CONFIG_DIR": str(self.home / "config")}
        return {**own, **_QUIET, **offline, "ANTHROPIC_API_KEY": _KEY, "ANTHROPIC_BASE_URL": _NOWHERE, **self.environ, **more}

    def run(self, *arguments: str, folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """One command that asks no model."""
        return subprocess.run(
            [str(CLAUDE), *arguments],
            env=self.environment(**environ), cwd=folder or self.home, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_SECONDS,
        )  # fmt: skip

    @property
    def program(self) -> Path:
        """The command line in the environment that `Setup` built."""
        return next((self.home / "config" / "plugins" / "data").glob("*/venv/bin/kintsugi"))

    def kintsugi(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line of the plugin's own environment, as a person types it in `folder`, without a terminal."""
        return subprocess.run(
            [self.program, *arguments],
            env=self.environment(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def settle(self, folder: Path) -> None:
        """What a person has answered before: the first start, the key, and that they trust this folder."""
        path = self.home / "config" / ".claude.json"
        known: Json = json.loads(path.read_text("utf-8")) if path.exists() else {}
        known |= {"hasCompletedOnboarding": True, "theme": "dark", "customApiKeyResponses": {"approved": [_KEY], "rejected": []}}
        trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        known["projects"] = {**known.get("projects", {}), str(folder): trusted}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known), "utf-8")
        settings = path.with_name("settings.json")
        chosen: Json = json.loads(settings.read_text("utf-8")) if settings.exists() else {}
        settings.write_text(json.dumps({**chosen, "tui": "default"}), "utf-8")

    def ask(
        self, script: Callable[[Request], Answer], *questions: str, folder: Path, options: Sequence[str] = (BYPASS,), **environ: str
    ) -> Session:
        """One session, question after question, each when the one before is answered."""
        with MessagesApi(script) as api:
            command = [str(CLAUDE), "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose", *options]
            told = self.environment(ANTHROPIC_BASE_URL=api.url, **environ)
            pipe = subprocess.PIPE
            with subprocess.Popen(command, env=told, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
                try:
                    events = list(_conversation(program, questions))
                finally:
                    program.kill()
                assert program.stderr is not None
                session = Session(events, api.requests, program.stderr.read())
        assert not [answer for answer in session.answers if answer.startswith("the script broke")], session.answers
        return session


def _conversation(program: subprocess.Popen[str], questions: Sequence[str]) -> Iterator[Json]:
    assert program.stdin is not None
    assert program.stdout is not None
    left = list(questions)
    _send(program, left.pop(0))
    for line in program.stdout:
        if not line.startswith("{"):
            continue
        event: Json = json.loads(line)
        yield event
        if event.get("type") == "result":
            if not left:
                return
            _send(program, left.pop(0))


def _send(program: subprocess.Popen[str], question: str) -> None:
    assert program.stdin is not None
    program.stdin.write(json.dumps({"type": "user", "message": {"role": "user", "content": question}}) + "\n")
    program.stdin.flush()
