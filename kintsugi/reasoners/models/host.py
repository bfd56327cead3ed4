"""Where a role works: our own loop over a model, or a program that brings its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from kintsugi.reasoners import Given, Tree
from kintsugi.reasoners.models import briefs
from kintsugi.reasoners.models.conversation import Conversation
from kintsugi.reasoners.models.hands import Hands, Take
from kintsugi.reasoners.models.messages import Json, Model
from kintsugi.reasoners.models.purse import Purse
from kintsugi.reasoners.models.settings import Settings
from kintsugi.reasoners.models.transcripts import Transcript
from kintsugi.roles import role


@dataclass(frozen=True, slots=True)
class Work:
    """What a role is asked: a task over data, an answer of a form, and who takes it."""

    role: str
    case: str
    tree: Tree
    task: str
    data: Mapping[str, Any]
    form: type[BaseModel]
    take: Take


@dataclass(frozen=True, slots=True)
class Done:
    """The answer that was taken, and whether a reproduction was seen to fail as production did on the way."""

    answer: Json
    reproduced: bool = False


class Host(Protocol):
    name: str

    async def work(self, work: Work) -> Done:
        """Lets the role work until its answer is taken; raises `Refusal` with the reason when it comes to nothing."""
        ...

    def has_worked(self, case: str, role: str) -> bool:
        """Whether the role has worked on the case here."""
        ...


class Headless:
    """Our own loop: the servers in memory, every finished turn on disk."""

    def __init__(self, given: Given, model: Model, settings: Settings) -> None:
        self.name = model.name
        self._given = given
        self._model = model
        self._settings = settings
        self._folder = given.deps.scratch.parent / "transcripts"

    async def work(self, work: Work) -> Done:
        """See `Host`."""
        who = role(work.role)
        hands = Hands(self._given.tools, work.tree, work.case, who, schema(work.form), work.take)
        prompt = briefs.prompt(who, await hands.definitions(), work.task, work.data)
        purse = Purse(self._given.ledger, self._given.deps.policy.budgets, self._settings, work.case, f"{self.name}/{work.role}")
        transcript = Transcript(self._folder, work.case, prompt)
        answer = await Conversation(self._model, prompt, hands, purse, transcript, self._settings).run()
        return Done(answer, _reproduced(transcript))

    def has_worked(self, case: str, role: str) -> bool:
        """See `Host`."""
        return any((self._folder / case).glob(f"{role}-*.jsonl"))


def schema(form: type[BaseModel]) -> Json:
    """The form's JSON schema without the titles that nobody reads."""
    return _untitled(form.model_json_schema())


def _reproduced(transcript: Transcript) -> bool:
    tried = {use["id"] for message in transcript.messages for use in message.uses if use["name"] == "try_reproduction"}
    results = [result["content"] for result in transcript.results if result.get("tool_use_id") in tried and not result.get("is_error")]
    return any(attempt.get("matches") for text in results for attempt in _attempts(text))


def _attempts(text: str) -> list[Json]:
    try:
        return json.loads(text)["attempts"]
    except (ValueError, KeyError):
        return []


def _untitled(value: Any) -> Any:
    walk: Callable[[Any], Any] = _untitled
    if isinstance(value, dict):
        return {key: walk(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))}  # pyright: ignore[reportUnknownVariableType]
    return [walk(item) for item in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
