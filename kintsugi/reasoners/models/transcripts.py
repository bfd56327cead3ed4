"""Conversations on disk, a line for each finished turn: what was paid for is never asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kintsugi.reasoners.models.messages import Json, Message, Prompt, Usage


class Transcript:
    """One conversation of one role over one case. A line cut off by a crash counts as never written."""

    def __init__(self, folder: Path, case: str, prompt: Prompt) -> None:
        self._path = folder / case / f"{prompt.role}-{prompt.digest}.jsonl"
        self._lines = list(lines(self._path)) if self._path.exists() else []

    @property
    def messages(self) -> list[Message]:
        """The model's answers so far."""
        return [message_of(line) for line in self._lines if line["from"] == "model"]

    @property
    def results(self) -> list[Json]:
        """All tool results so far, in order."""
        return [block for line in self._lines if line["from"] == "tools" for block in line["content"]]

    @property
    def answer(self) -> Json | None:
        """What the conversation came to, when it has ended."""
        return next((line["content"] for line in self._lines if line["from"] == "end"), None)

    @property
    def waits(self) -> Message | None:
        """The model's answer whose tools have not been run yet."""
        return message_of(self._lines[-1]) if self._lines and self._lines[-1]["from"] == "model" else None

    def conversation(self, question: str) -> list[Json]:
        """As the Messages API takes it."""
        roles = {"model": "assistant", "tools": "user"}
        said = [{"role": roles[line["from"]], "content": line["content"]} for line in self._lines if line["from"] in roles]
        return [{"role": "user", "content": [{"type": "text", "text": question}]}, *said]

    def add(self, message: Message) -> None:
        self._write({"from": "model", "content": list(message.content), "id": message.id, "usage": asdict(message.usage)})

    def add_results(self, results: Sequence[Json]) -> None:
        self._write({"from": "tools", "content": list(results)})

    def end(self, answer: Json) -> None:
        self._write({"from": "end", "content": answer})

    def _write(self, line: Json) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in (*self._lines, line))
        beside = self._path.with_suffix(".part")
        beside.write_text(whole, "utf-8")
        beside.replace(self._path)
        self._lines.append(line)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a transcript."""
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def message_of(line: Json) -> Message:
    return Message(str(line.get("id", "")), line["content"], Usage(**line.get("usage", {})))
