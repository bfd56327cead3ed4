"""What do we know about this? Exact identity first, then the template, then the words; nothing rather than a near miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mcp_servers.kit.similarity import rank, words
from mcp_servers.knowledge.model import NO_FINGERPRINT, Fingerprint

LEAST_SHARE = 0.5
LEAST_WORDS = 2
NOTHING = "Nothing known: no record has this fingerprint or template, and none shares enough words. This may be the first time."


class Identified(Protocol):
    """What an error can be recognised by."""

    @property
    def fingerprint(self) -> Fingerprint: ...

    @property
    def template(self) -> str: ...


Known = TypeVar("Known", bound=Identified)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; every part is optional, an empty question matches nothing."""

    fingerprint: Fingerprint = NO_FINGERPRINT
    template: str = ""
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.fingerprint or self.template or self.text)


@dataclass(frozen=True, slots=True)
class Match(Generic[Known]):
    """One thing we know, how sure we are that it is about the same problem (0–1), and why we say so."""

    known: Known
    likeness: float
    reason: str


def recall(question: Question, candidates: Mapping[str, tuple[Known, str]], total: int) -> list[Match[Known]]:
    """What of the candidates (by id: the thing and its text) is about the question, unordered; `total` is the size of the collection."""
    said = {likeness.id: likeness.shared for likeness in rank(question.text, {id: text for id, (_, text) in candidates.items()}, total)}
    asked = len(set(words(question.text)))
    found: list[Match[Known]] = []
    for id, (known, _) in candidates.items():
        likeness, reason = _by_identity(question, known) or _by_words(said.get(id, ()), asked)
        if likeness:
            found.append(Match(known, likeness, reason))
    return found


def _by_identity(question: Question, known: Identified) -> tuple[float, str] | None:
    asked, has = question.fingerprint, known.fingerprint
    if asked.fine and asked.fine == has.fine:
        return 1.0, "the same error at the same place (fine fingerprint)"
    if has.coarse and has.coarse in (asked.coarse, asked.former):
        return 0.9, "the same kind of error in the same function (coarse fingerprint)"
    if question.template and question.template == known.template:
        return 0.8, "the same log template"
    return None


def _by_words(shared: Sequence[str], asked: int) -> tuple[float, str]:
    enough = len(shared) >= min(LEAST_WORDS, asked) and asked > 0 and len(shared) / asked >= LEAST_SHARE
    if not enough:
        return 0.0, ""
    named = ", ".join(shared[:8])
    return round(0.7 * len(shared) / asked, 3), f"related by text: {len(shared)} of {asked} words ({named})"
