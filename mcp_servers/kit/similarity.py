"""How alike two texts are, by their words. Pure: the same answer whatever database the candidates came from."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import log

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COMMON_WORDS = "a an and are as at be by for from has have in is it its no not of on or that the this to was were with"
_COMMON = frozenset(_COMMON_WORDS.split())
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Likeness:
    """One candidate: its BM25 score, and which words of the query it holds."""

    id: str
    score: float
    shared: tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a text in order: lower case, accents dropped, CamelCase and snake_case taken apart, common words left out."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    found = (word.casefold()[:_LONGEST] for word in _WORD.findall(_HUMP.sub(" ", plain)))
    return [word for word in found if word not in _COMMON]


def rank(query: str, candidates: Mapping[str, str], total: int) -> list[Likeness]:
    """The candidates that share a word with the query, best first; `total` is the size of the collection they were taken from."""
    wanted = list(dict.fromkeys(words(query)))
    documents = {id: Counter(words(text)) for id, text in candidates.items()}
    average = sum(sum(document.values()) for document in documents.values()) / max(len(documents), 1)
    held = {word: sum(word in document for document in documents.values()) for word in wanted}
    weight = {word: log(1 + (max(total, count) - count + 0.5) / (count + 0.5)) for word, count in held.items()}
    ranked = [_likeness(id, document, wanted, weight, average) for id, document in documents.items()]
    return sorted((likeness for likeness in ranked if likeness.shared), key=lambda likeness: (-likeness.score, likeness.id))


def _likeness(id: str, document: Counter[str], wanted: list[str], weight: Mapping[str, float], average: float) -> Likeness:
    shared = tuple(word for word in wanted if word in document)
    norm = 1.2 * (0.25 + 0.75 * sum(document.values()) / max(average, 1.0))
    score = sum(weight[word] * document[word] * 2.2 / (document[word] + norm) for word in shared)
    return Likeness(id, round(score, 4), shared)
