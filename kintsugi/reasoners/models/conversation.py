"""The loop: ask, run the tools that were asked for, give back what they said, until the role answers. Each finished turn is on disk."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from kintsugi.reasoners.models.hands import ANSWER, FORMLESS, Hands
from kintsugi.reasoners.models.messages import Json, Message, Model, Prompt, TooLong
from kintsugi.reasoners.models.purse import Purse
from kintsugi.reasoners.models.settings import Settings
from kintsugi.reasoners.models.transcripts import Transcript
from mcp_servers.kit.budget import tokens
from mcp_servers.kit.errors import Refusal

KEPT_WHOLE = (10_000, 6, 2)
"""How many of the newest tool results stay whole, each time that a conversation turned out too long."""
_SHORT = 200
_REMIND = f"Call the tool {ANSWER} with your result; nothing else is read."


class Conversation:
    """One role at work on one case. It goes on where an earlier one with the same question stopped, without paying again."""

    def __init__(self, model: Model, prompt: Prompt, hands: Hands, purse: Purse, transcript: Transcript, settings: Settings) -> None:
        self._model = model
        self._prompt = prompt
        self._hands = hands
        self._purse = purse
        self._transcript = transcript
        self._settings = settings
        self._folded = 0

    async def run(self) -> Json:
        """What the role answered. Raises `Refusal` with the reason when it came to nothing: budget, turns, refusals, or no answer of the right form."""
        for paid in self._transcript.messages:
            await asyncio.to_thread(self._purse.pay, paid)
        while self._transcript.answer is None:
            message = self._transcript.waits or await self._asked()
            results = await asyncio.gather(*(self._hands.do(use) for use in message.uses))
            if self._hands.taken is not None:
                self._transcript.end(self._hands.taken)
            else:
                self._transcript.add_results(results or [{"type": "text", "text": _REMIND}])
        return self._transcript.answer

    async def _asked(self) -> Message:
        self._may_go_on()
        messages = folded(self._transcript.conversation(self._prompt.question), KEPT_WHOLE[self._folded])
        size = tokens(self._prompt.system) + tokens(list(self._prompt.tools)) + tokens(messages)
        most = await asyncio.to_thread(self._purse.room, size)
        started = time.monotonic()
        try:
            message = await self._model.answer(self._prompt, messages, most)
        except TooLong:
            self._folded += 1
            if self._folded == len(KEPT_WHOLE):
                raise Refusal("What was read does not fit into the model's context, not even folded.", code="context_full") from None
            return await self._asked()
        self._transcript.add(message)
        await asyncio.to_thread(self._purse.pay, message, time.monotonic() - started)
        return message

    def _may_go_on(self) -> None:
        """Raises `Refusal` when the model had its turns, its refusals, or its one repair of an answer without form."""
        turns, results = len(self._transcript.messages), self._transcript.results
        refusals = sum(1 for result in results if result.get("is_error"))
        formless = sum(1 for result in results if result["type"] == "text" or str(result.get("content", "")).startswith(FORMLESS))
        if turns >= self._settings.turns:
            raise Refusal(f"{turns} turns led to no answer.", code="no_answer")
        if formless > 1:
            raise Refusal("The model gave no answer of the right form, twice.", code="no_answer")
        if refusals > self._settings.refusals:
            raise Refusal(f"{refusals} calls were refused, the last one so: {results[-1].get('content', '')[:300]}", code="no_answer")


def folded(messages: Sequence[Json], keep: int) -> list[Json]:
    """The conversation with all but the newest `keep` tool results cut short; the cache is marked at its end."""
    total = sum(1 for message in messages for block in message["content"] if block.get("type") == "tool_result")
    seen, found = 0, list[Json]()
    for message in messages:
        blocks: list[Json] = []
        for block in message["content"]:
            if block.get("type") == "tool_result":
                seen += 1
                block = _cut(block) if seen <= total - keep else block
            blocks.append(block)
        found.append({**message, "content": blocks})
    last = found[-1]["content"]
    found[-1] = {**found[-1], "content": [*last[:-1], {**last[-1], "cache_control": {"type": "ephemeral"}}]}
    return found


def _cut(block: Json) -> Json:
    text = block["content"] if isinstance(block["content"], str) else json.dumps(block["content"])
    if len(text) <= _SHORT:
        return block
    return {**block, "content": f"{text[:_SHORT]}… (folded, {len(text):,} characters; call the tool again if you need them)"}
