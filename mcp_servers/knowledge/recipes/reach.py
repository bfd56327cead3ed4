"""How far a form reaches: replayed on code that is in service, as if it failed there alike. A form that would change too much of it
says nothing of the mistake that it was made for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256

from mcp_servers.kit.git import Repository
from mcp_servers.knowledge.guards.backtest import Corpus, history, standard_library
from mcp_servers.knowledge.recipes.binding import standing
from mcp_servers.knowledge.recipes.model import Form, Level, Reach
from mcp_servers.knowledge.recipes.tokens import language_of

PER_LINE = 0.02
"""One line in fifty. Of 22 mistakes of every day, replayed on three bodies of code, twenty have a most general form that changes at most one
line in 43, mostly fewer than one in a thousand; the other two (a value for any argument, an option for any call) one in 34 to one in 11."""
CHANCE = 10
"""Fewer places prove nothing, however little code there is."""
SEARCHED = 300_000
"""Characters that are searched for a shape; a share of so much code is as good as that of all."""
_TOLD = 5

Corpora = Sequence[Callable[[], Corpus]]


class Replays:
    """The replays of the forms of one recipe, each made when it is asked for; `seen` keeps what came of them."""

    def __init__(self, corpora: Corpora = ()) -> None:
        self._corpora = corpora
        self.seen: dict[Level, tuple[Reach, ...]] = {}

    def refused(self, form: Form) -> str:
        """Why the form may not be used, as the end of a sentence; empty when it may."""
        if not form.rewrites:
            return ""
        found = tuple(reach(form, make()) for make in self._corpora)
        self.seen[form.level] = found = tuple(one for one in found if one.lines)
        greedy = next((one for one in found if one.fits >= CHANCE and one.fits >= PER_LINE * one.lines), None)
        return f"it would change {greedy.fits} of {greedy.lines} lines of {greedy.of} that never failed" if greedy else ""


def corpora(repository: Repository, revision: str, fixed: Sequence[str], language: str) -> Corpora:
    """The code that a recipe in this language is replayed on: every file of a commit but the fixed ones, as it is and as it was, and for
    Python its own library."""
    ours = cache(lambda: history(repository, revision, fixed))
    return (ours, standard_library) if language == "python" else (ours,)


def reach(form: Form, corpus: Corpus) -> Reach:
    """Where the form would change the code of a corpus, told by a sample of at most `SEARCHED` characters that is the same each time."""
    language, wanted = language_of(form.rewrites[0].path), _words(form)
    lines = fits = searched = 0
    places: list[str] = []
    for path in _shuffled(corpus, language):
        text = corpus.files[path]
        lines += text.count("\n") + 1
        if all(word in text for word in wanted):
            searched += len(text)
            for line in standing(form, path, text):
                fits += 1
                places += [f"{path}:{line}"] if len(places) < _TOLD else []
        if searched > SEARCHED:
            break
    return Reach(corpus.name, lines, fits, tuple(places))


def _shuffled(corpus: Corpus, language: str) -> Iterator[str]:
    yield from sorted((path for path in corpus.files if language_of(path) == language), key=lambda path: sha256(path.encode()).digest())


def _words(form: Form) -> list[str]:
    """The words that stand in every text of the shape."""
    return [part.text for part in form.rewrites[0].parts if part.kind in ("name", "string") and re.search(r"\w", part.text)]
