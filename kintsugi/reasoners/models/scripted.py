"""The reasoner that replays transcripts: for demos, for tests, and to see again what a model did. It costs nothing and asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kintsugi.reasoners import Given
from kintsugi.reasoners.models.host import Headless
from kintsugi.reasoners.models.messages import Json, Message, Prompt
from kintsugi.reasoners.models.roles import Roles
from kintsugi.reasoners.models.settings import Settings
from kintsugi.reasoners.models.transcripts import lines, message_of
from mcp_servers.kit.errors import Misconfigured, Refusal

NAME = "scripted"


def reasoner(given: Given) -> Roles:
    """Replays the folder that `[models.scripted] transcripts` names, as a conversation left it; raises `Misconfigured` when it holds none."""
    settings = Settings.of(NAME, given.settings)
    folder = given.deps.watched().root / settings.transcripts
    if not settings.transcripts or not any(folder.glob("*.jsonl")):
        raise Misconfigured(
            f"The reasoner {NAME!r} finds no transcript in {folder}; name a folder with ROLE-….jsonl as `transcripts` under [models.{NAME}].",
            code="no_transcript",
        )
    return Roles(given, Headless(given, Replay(folder), settings))


class Replay:
    """Answers each role with what its transcripts say, turn by turn. What the tools say today comes from the tools."""

    name = NAME

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def answer(self, prompt: Prompt, messages: Sequence[Json], most: int) -> Message:
        """See `Model`."""
        recorded = [
            message_of(line)
            for path in sorted(self._folder.glob(f"{prompt.role}-*.jsonl"))
            for line in lines(path)
            if line["from"] == "model"
        ]
        turn = sum(1 for message in messages if message["role"] == "assistant")
        if turn >= len(recorded):
            raise Refusal(f"The transcripts of {prompt.role} end after {len(recorded)} answers.", code="no_answer")
        return Message(f"{prompt.digest}:{turn}", recorded[turn].content)
