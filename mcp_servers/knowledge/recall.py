"""What do we know about this? Exact identity first, then the template, then the trace, then the words; nothing rather than a near miss.

Only what reaches the threshold is the same problem; on prose no threshold tells duplicates from neighbours, so words alone never reach it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from math import exp
from typing import Generic, Literal, Protocol, TypeVar

from mcp_servers.kit.fulltext import Hits
from mcp_servers.kit.project import Deduplication, Project
from mcp_servers.kit.similarity import Likeness, rank, words
from mcp_servers.knowledge.model import NO_FINGERPRINT, Fingerprint
from mcp_servers.knowledge.traces import likeness_of_traces

NOTHING = "Nothing known: no record has this fingerprint or template, and none is near enough in its words. This may be the first time."

THRESHOLD = Deduplication().similarity_threshold
_COARSE = 0.9
_TEMPLATE = 0.87
_VAGUE = 0.8
_TELLING_WORDS = 4
_LEAST_SHARE = 0.5
_LEAST_SCORE = 0.2
_LEAST_WORDS = 2
_REPORT = 12
"""From so many words on a question is a report: it tells enough that its nearest neighbours are worth a look."""
_LEAST_OF_REPORT = 0.05
_DAYS = 90.0
_WORD = re.compile(r"[^\W\d_]{3,}")


class Identified(Protocol):
    """What an error can be recognised by."""

    @property
    def id(self) -> str: ...

    @property
    def fingerprint(self) -> Fingerprint: ...

    @property
    def template(self) -> str: ...


Standing = Literal["known", "likely", "related"]
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
class Found(Generic[Known]):
    """What could answer a question, unranked, and the words of what was found by words."""

    things: list[Known]
    hits: Hits = field(default_factory=Hits)


@dataclass(frozen=True, slots=True)
class Match(Generic[Known]):
    """One thing we know, how sure we are that it is about the same problem (0–1), why we say so, and whether we call it the same: `known`
    by its identity, `likely` by its trace, else only `related`."""

    known: Known
    likeness: float
    reason: str
    standing: Standing = "related"


@dataclass(frozen=True, slots=True)
class Aspects(Generic[Known]):
    """How a kind of thing is compared: its text (where a trace may stand) and when it was last seen."""

    text: Callable[[Known], str]
    at: Callable[[Known], datetime]


def threshold_of(project: Project | None) -> float:
    """The least likeness of what is called the same problem in this project."""
    return project.deduplication.similarity_threshold if project else THRESHOLD


def recall(
    question: Question, found: Found[Known], aspects: Aspects[Known], now: datetime, threshold: float = THRESHOLD
) -> list[Match[Known]]:
    """What of the things found is about the question, best first, the latest first among equals."""
    said = {one.id: one for one in rank(question.text, found.hits.documents, found.hits.total, found.hits.spread or None)}
    traced = likeness_of_traces(question.text, {thing.id: aspects.text(thing) for thing in found.things})
    matches: list[Match[Known]] = []
    for thing in found.things:
        if same := _by_identity(question, thing):
            matches.append(Match(thing, *same, "known" if same[0] >= threshold else "related"))
        elif (likeness := traced.get(thing.id, 0.0)) >= threshold:
            matches.append(Match(thing, round(min(likeness, 0.99), 3), "probably the same: nearly the same stack trace", "likely"))
        elif near := _by_words(question, said.get(thing.id), aspects.at(thing), now):
            matches.append(Match(thing, *near))
    return sorted(matches, key=lambda match: (-match.likeness, -aspects.at(match.known).timestamp(), match.known.id))


def _by_identity(question: Question, known: Identified) -> tuple[float, str] | None:
    asked, has = question.fingerprint, known.fingerprint
    if asked.fine and asked.fine == has.fine:
        return 1.0, "the same error at the same place (fine fingerprint)"
    if has.coarse and has.coarse in (asked.coarse, asked.former):
        return _COARSE, "the same kind of error in the same function (coarse fingerprint)"
    constant = len(_WORD.findall(question.template))
    if question.template and question.template == known.template and constant:
        if constant >= _TELLING_WORDS:
            return _TEMPLATE, "the same log template"
        return _VAGUE, "the same log template, but one that says little"
    return None


def _by_words(question: Question, said: Likeness | None, at: datetime, now: datetime) -> tuple[float, str] | None:
    """Likeness of words, of which what was seen in the last months keeps more: what broke lately breaks again."""
    if said is None:
        return None
    asked = len(set(words(question.text)))
    enough = len(said.shared) >= min(_LEAST_WORDS, asked)
    if not enough or (said.covered < _LEAST_SHARE and said.score < (_LEAST_SCORE if asked < _REPORT else _LEAST_OF_REPORT)):
        return None
    days = max((now - at).total_seconds(), 0.0) / 86_400
    named = ", ".join(said.shared[:8])
    likeness = round(_VAGUE * said.score * (1 + exp(-days / _DAYS)) / 2, 4)
    return likeness, f"related by text: {len(said.shared)} of {asked} words ({named})"
