"""The reasoner that asks Claude Code: the program that the user has, as a host of its own, with our servers and our agents and nothing else."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kintsugi.reasoners import Given
from kintsugi.reasoners.models import briefs
from kintsugi.reasoners.models.host import Done, Work, schema
from kintsugi.reasoners.models.messages import Json, Message, Prompt, Usage
from kintsugi.reasoners.models.purse import Purse
from kintsugi.reasoners.models.roles import Roles
from kintsugi.reasoners.models.settings import Settings
from kintsugi.reasoners.models.transcripts import Transcript
from kintsugi.roles import PLUGIN, Role, role
from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable

NAME = "claude_code"
PROGRAM = "KINTSUGI_CLAUDE"
"""The environment's path of the program; else `claude` is looked for."""
_SERVER = PLUGIN.removeprefix("mcp__").removesuffix("__")
_STRUCTURED = "StructuredOutput"
_ROUNDS = 2


def reasoner(given: Given) -> Roles:
    """Claude Code as the environment has it; raises `Misconfigured` where it is not installed."""
    environ = given.deps.environ
    found = environ.get(PROGRAM) or shutil.which("claude", path=environ.get("PATH"))
    if not found:
        raise Misconfigured(
            f"The reasoner {NAME!r} needs the program `claude`; install Claude Code, or name it in {PROGRAM}.", code="missing_program"
        )
    return Roles(given, ClaudeCode(given, Path(found), Settings.of(NAME, given.settings)))


class ClaudeCode:
    """Runs `claude -p` once for each piece of work. Our server starts there without write tools; its own tools are Read, Grep and Glob."""

    name = NAME

    def __init__(self, given: Given, program: Path, settings: Settings) -> None:
        self._given = given
        self._program = program
        self._settings = settings
        self._home = given.deps.scratch.parent

    async def work(self, work: Work) -> Done:
        """See `Host`. An answer that is not taken is asked for once more, with the reason."""
        who = role(work.role)
        purse = Purse(self._given.ledger, self._given.deps.policy.budgets, self._settings, work.case, f"{self.name}/{work.role}")
        refused: list[str] = []
        while True:
            prompt = briefs.prompt(who, (), work.task, {**work.data, **({"not_taken": refused} if refused else {})})
            transcript = Transcript(self._home / "transcripts", work.case, prompt)
            said = transcript.answer or await self._asked(who, work, prompt, purse, transcript)
            try:
                return Done(await work.take(said))
            except Refusal as refusal:
                refused.append(str(refusal))
                if len(refused) == _ROUNDS:
                    raise

    def has_worked(self, case: str, role: str) -> bool:
        """See `Host`."""
        return any((self._home / "transcripts" / case).glob(f"{role}-*.jsonl"))

    async def _asked(self, who: Role, work: Work, prompt: Prompt, purse: Purse, transcript: Transcript) -> Json:
        await asyncio.to_thread(purse.room, len(prompt.question) // 3)
        started = time.monotonic()
        events = await self._run(self._arguments(who, work), prompt.question)
        result = _result(events)
        usage = Usage.of(result.get("usage") or {})
        message = Message(str(result.get("session_id", "")), [{"type": "text", "text": str(result.get("result", ""))[:2000]}], usage)
        await asyncio.to_thread(purse.pay, message, time.monotonic() - started, result.get("total_cost_usd"))
        said = result.get("structured_output")
        if not isinstance(said, dict):
            denied = ", ".join(sorted({str(each.get("tool_name")) for each in result.get("permission_denials") or ()}))
            why = f"it was denied {denied}" if denied else str(result.get("result") or result.get("subtype"))[:300]
            raise Refusal(f"Claude Code gave no answer of the right form: {why}.", code="no_answer")
        answer: Json = dict(said)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        transcript.add(message)
        transcript.end(answer)
        return answer

    def _arguments(self, who: Role, work: Work) -> list[str]:
        tools = [*(f"{PLUGIN}{tool}" for tool in who.tools), *who.host_tools]
        agent = {"description": who.description, "prompt": who.prompt + briefs.HOST, "tools": [*tools, _STRUCTURED]}
        server = {"command": sys.executable, "args": ["-m", "mcp_servers", "all"], "env": self._server_environment()}
        return [
            "-p", "--agent", who.name, "--agents", json.dumps({who.name: agent}),
            "--mcp-config", json.dumps({"mcpServers": {_SERVER: server}}), "--strict-mcp-config", "--setting-sources", "user",
            "--json-schema", json.dumps(schema(work.form)), "--output-format", "stream-json", "--verbose", "--no-session-persistence",
            *(["--model", self._settings.model] if self._settings.model else []),
            "--permission-mode", "dontAsk", "--allowedTools", *tools,
        ]  # fmt: skip

    def _server_environment(self) -> dict[str, str]:
        """What our server needs to stand on the same store; no write is allowed there."""
        passed = {name: value for name, value in self._given.deps.environ.items() if name.startswith("KINTSUGI_")}
        package = str(Path(__file__).parents[3])
        told = {"KINTSUGI_PROJECT": str(self._given.deps.watched().root), "KINTSUGI_HOME": str(self._home), "PYTHONPATH": package}
        return {**passed, **told, "KINTSUGI_ALLOW_WRITES": ""}

    async def _run(self, arguments: Sequence[str], question: str) -> list[Json]:
        environ = dict(self._given.deps.environ)
        if self._settings.isolated:
            environ |= {"HOME": str(self._home / "claude"), "CLAUDE_CONFIG_DIR": str(self._home / "claude" / "config")}
            (self._home / "claude").mkdir(parents=True, exist_ok=True)
        pipe = asyncio.subprocess.PIPE
        root = self._given.deps.watched().root
        program = await asyncio.create_subprocess_exec(
            str(self._program), *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, cwd=root, limit=2**26
        )
        try:
            out, err = await asyncio.wait_for(program.communicate(question.encode()), self._settings.timeout)
        except TimeoutError:
            raise Unavailable(f"Claude Code gave no answer in {self._settings.timeout} s.", code="model_away") from None
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        events = [json.loads(line) for line in out.decode("utf-8", "replace").splitlines() if line.startswith("{")]
        if not events:
            raise Unavailable(
                f"Claude Code ended with {program.returncode}: {err.decode('utf-8', 'replace').strip()[:300]}", code="model_away"
            )
        return events


def _result(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The last word of a run. The exit code is 0 also when a server did not start or the API was away, so the events are read."""
    servers: list[Json] = [server for event in events if event.get("subtype") == "init" for server in event.get("mcp_servers") or ()]
    down = [server["name"] for server in servers if server.get("status") == "failed"]
    if down:
        raise Unavailable(f"Claude Code could not start our server {down[0]}; `kintsugi doctor` says what is missing.", code="server_down")
    result = next((event for event in reversed(events) if event.get("type") == "result"), None)
    if result is None or result.get("api_error_status"):
        status = result.get("api_error_status") if result else "no result"
        raise Unavailable(f"Claude Code reached no model ({status}).", code="model_away")
    return result
