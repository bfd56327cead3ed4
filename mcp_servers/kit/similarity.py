"""How alike two texts are, by their words. Pure: the same answer whatever database the candidates came from.

A text is a head (its first line, which counts twice) and a body. Three cosines over logarithmic counts times BM25's inverse document
frequency are fused: of all words, of the pairs of neighbouring words and of the letters of the head; where both sides have a body, a
fourth of the bodies alone. To these comes the share of the query's weight that a candidate holds: a short question has to be answered whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log, sqrt
from typing import TypeVar

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COMMON_WORDS = "a an and are as at be by for from has have in is it its no not of on or that the this to was were with"
_COMMON = frozenset(_COMMON_WORDS.split())
_LONGEST = 64
_LETTERS = (3, 4, 5)
_CLOSER = 60
_COVERING = 0.3
_DAMPED = (0.0, *(1 + log(count) for count in range(1, 32)))

Term = TypeVar("Term", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Said:
    """The stems of a text in order: of its first line, and of the rest."""

    head: tuple[str, ...]
    body: tuple[str, ...] = ()

    @property
    def stems(self) -> tuple[str, ...]:
        return self.head + self.body


@dataclass(frozen=True, slots=True)
class Likeness:
    """One candidate: how alike it is (0–1), which words of the query it holds, and the share of the query's weight that these are."""

    id: str
    score: float
    shared: tuple[str, ...]
    covered: float


def words(text: str) -> list[str]:
    """The words of a text in order: lower case, accents dropped, CamelCase and snake_case taken apart, common words left out."""
    plain = text if text.isascii() else "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    found = (word.casefold()[:_LONGEST] for word in _WORD.findall(_HUMP.sub(" ", plain)))
    return [word for word in found if word not in _COMMON]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The word without its English ending, so that `exhausted`, `exhausts` and `exhaust` are one; short words stay as they are."""
    if len(word) <= 4 or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    for ending, least in (("ing", 7), ("ed", 6), ("es", 6), ("s", 5)):
        if word.endswith(ending) and len(word) >= least:
            word = word[: -len(ending)]
            break
    word = word[:-1] if word.endswith("e") and len(word) > 4 else word
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls" else word


def said(text: str) -> Said:
    """The stems of a text."""
    head, _, body = text.strip().partition("\n")
    return Said(tuple(map(stem, words(head))), tuple(map(stem, words(body))))


def rarity(documents: int, total: int) -> float:
    """What a word weighs that so many of `total` documents hold: BM25's inverse document frequency, never negative."""
    return log(1 + (max(total, documents) - documents + 0.5) / (documents + 0.5))


def rank(query: str, candidates: Mapping[str, str | Said], total: int, spread: Mapping[str, int] | None = None) -> list[Likeness]:
    """The candidates that share a word with the query, best first.

    `total` is the size of the collection they were taken from, `spread` says how many of it hold each stem (else it is counted here).
    """
    asked = said(query)
    documents = {id: text if isinstance(text, Said) else said(text) for id, text in candidates.items()}
    held = spread if spread is not None else _spread(asked.stems, documents.values())
    weight = {word: rarity(held.get(word, 1), total) for word in asked.stems}
    near = _cosines(_bag(asked), {id: _bag(document) for id, document in documents.items()}, weight, rarity(1, total))
    close = dict(sorted(near.items(), key=lambda one: (-one[1], one[0]))[:_CLOSER])
    scores = _fused(asked, {id: documents[id] for id in close}, close)
    named = dict(zip(map(stem, reversed(words(query))), reversed(words(query)), strict=True))
    whole = sum(weight.values()) or 1.0
    found: list[Likeness] = []
    for id, score in near.items():
        bag = set(documents[id].stems)
        shared = [word for word in weight if word in bag]
        covered = sum(weight[word] for word in shared) / whole
        alike = (scores.get(id, score / 4) + _COVERING * covered) / (1 + _COVERING)
        found.append(Likeness(id, round(alike, 4), tuple(named[word] for word in shared), round(covered, 4)))
    return sorted(found, key=lambda likeness: (-likeness.score, likeness.id))


def cosine(one: Iterable[str], other: Iterable[str], weight: Mapping[str, float]) -> float:
    """How alike two bags of terms are, 0–1, by the cosine of their logarithmic counts times `weight` (1 where it says none)."""
    return _cosines(Counter(one), {"": Counter(other)}, weight, 1.0).get("", 0.0)


def _spread(stems: Iterable[str], documents: Iterable[Said]) -> dict[str, int]:
    holding = [set(document.stems) for document in documents]
    return {word: sum(word in one for one in holding) for word in set(stems)}


def _bag(text: Said) -> Counter[str]:
    return Counter((*text.head, *text.head, *text.body))


def _fused(asked: Said, documents: Mapping[str, Said], whole: Mapping[str, float]) -> dict[str, float]:
    parts = [(1.0, whole), (0.5, _local(asked, documents, _letters)), (0.5, _local(asked, documents, _pairs))]
    if asked.body:
        parts.append((0.5, _local(asked, documents, lambda text: Counter(text.body))))
    sums = sum(share for share, _ in parts)
    return {id: sum(share * of.get(id, 0.0) for share, of in parts) / sums for id in documents}


def _local(asked: Said, documents: Mapping[str, Said], terms: Callable[[Said], Counter[Term]]) -> dict[str, float]:
    """The cosines of terms that no index counts: their weight is taken from the candidates themselves."""
    bags = {id: terms(document) for id, document in documents.items()}
    held: Counter[Term] = Counter()
    for bag in bags.values():
        held.update(bag.keys())
    weight = {term: rarity(count, len(bags)) for term, count in held.items()}
    return _cosines(terms(asked), bags, weight, rarity(0, len(bags)))


def _cosines(asked: Counter[Term], bags: Mapping[str, Counter[Term]], weight: Mapping[Term, float], other: float) -> dict[str, float]:
    wanted = _vector(asked, weight, other)
    length = sqrt(sum(value * value for value in wanted.values())) or 1.0
    found: dict[str, float] = {}
    for id, bag in bags.items():
        shared = [term for term in wanted if term in bag]
        if shared:
            has = _vector(bag, weight, other)
            dot = sum(wanted[term] * has[term] for term in shared)
            found[id] = dot / length / (sqrt(sum(value * value for value in has.values())) or 1.0)
    return found


def _vector(bag: Counter[Term], weight: Mapping[Term, float], other: float) -> dict[Term, float]:
    return {term: (_DAMPED[count] if count < 32 else 1 + log(count)) * weight.get(term, other) for term, count in bag.items()}


def _pairs(text: Said) -> Counter[tuple[str, str]]:
    head = list(pairwise(text.head))
    return Counter(head + head + list(pairwise(text.body)))


def _letters(text: Said) -> Counter[str]:
    padded = [f" {word} " for word in text.head]
    return Counter(word[at : at + size] for word in padded for size in _LETTERS for at in range(len(word) - size + 1))
