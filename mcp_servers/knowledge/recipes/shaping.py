"""Words of a statement, and how they grow more general: operands for chains of variables, rests for what a change did not touch. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_servers.knowledge.recipes.patterns import DOTS, Part, hole
from mcp_servers.knowledge.recipes.tokens import Token

_PAIRS = {"(": ")", "[": "]", "{": "}"}
HOLES = frozenset({"var", "operand", "rest"})

Words = Sequence["Word"]


@dataclass(frozen=True, slots=True)
class Word:
    """A part with the characters that it stands for in its own text."""

    part: Part
    start: int
    end: int

    @classmethod
    def of(cls, token: Token, name: str, depth: int) -> Word:
        """The token as it is, or as the metavariable `name`."""
        text = str(int(token.text) - depth) if token.kind == "line" else token.text
        return cls(Part("var", name, token.kind) if name else Part(token.kind, text), token.start, token.end)


def template(words: Words, text: str, unit: str) -> str:
    """The words as a template: holes for metavariables, all else as the text has it, each step of indentation as a tab."""
    said, at = "", words[0].start if words else 0
    for word in words:
        said += text[at : word.start] + (hole(word.part.text) if word.part.kind in HOLES else text[word.start : word.end])
        at = word.end
    base = text[text.rfind("\n", 0, words[0].start) + 1 : words[0].start] if words else ""
    first, *others = said.split("\n")
    return "\n".join((first, *(_tabbed(line, base, unit) for line in others)))


def with_operands(old: Words, new: Words) -> tuple[list[Word], list[Word]]:
    """Chains of variables (`a.b`) that stand whole wherever their first name stands become one operand."""
    chains = sorted({chain for words in (old, new) for chain in _chains(words)}, key=len)
    whole: dict[str, tuple[str, ...]] = {}
    for chain in chains:
        head = chain[0]
        if all(_begins(words, at, chain) for words in (old, new) for at in _standing(words, head)):
            whole[head] = chain
    return _merged(old, whole), _merged(new, whole)


def with_rests(old: Words, new: Words, telling: frozenset[str]) -> tuple[list[Word], list[Word]] | None:
    """Both sides of one statement with what the change does not touch as rests; None when the change is of more than one statement.

    `telling` words (a method that the message names) stay.
    """
    if [word.part.kind for word in old].count("line") != 1 or not old or old[0].part.kind != "line":
        return None
    begins = [at for at, word in enumerate(new) if word.part.kind == "line"]
    lines = [(first, last) for first, last in zip(begins, [*begins[1:], len(new)], strict=True) if new[first].part.text == "0"]
    if not lines:
        return None
    body = list(old[1:])
    first, last = max(lines, key=lambda line: sum(_shared(body, new[line[0] + 1 : line[1]])))
    front, back = _shared(body, new[first + 1 : last])
    elsewhere = {word.part.text for word in (*new[:first], *new[first + 1 + front : last - back], *new[last:]) if word.part.kind in HOLES}
    kept = _kept(body, front, len(body) - back, elsewhere, telling)
    if kept is None:
        return None
    start, end = max(kept[0], 0), kept[1]
    if start > front or len(body) - end > back:
        return None
    cut = len(body) - end
    statement = _cut(list(new[first + 1 : last]), start, cut)
    return [old[0], *_cut(body, start, cut)], [*new[:first], new[first], *statement, *new[last:]]


def _kept(body: Words, first: int, last: int, elsewhere: set[str], telling: frozenset[str]) -> tuple[int, int] | None:
    """The words `start:end` that the change and its names need around it, in balance."""
    wanted = {at for at, word in enumerate(body) if first <= at < last or word.part.text in telling or _is(word, elsewhere)}
    if first == last and (elsewhere == set() or 0 < first < len(body)) and body:
        wanted |= {at for at in (first - 1, first) if 0 <= at < len(body)}
    if not wanted:
        return None
    start, end = min(wanted), max(wanted) + 1
    while True:
        names = {word.part.text for word in body[start:end] if word.part.kind in HOLES}
        same = [at for at, word in enumerate(body) if word.part.text in names and word.part.kind in HOLES]
        grown = _balanced(body, min([start, *same]), max([end - 1, *same]) + 1)
        if grown == (start, end):
            return grown
        start, end = grown


def _balanced(body: Words, start: int, end: int) -> tuple[int, int]:
    """With both brackets of each pair, the callee before them, and the arguments of a name at the end."""
    open_at: list[int] = []
    for at in range(len(body)):
        text = body[at].part.text if body[at].part.kind == "op" else ""
        if text in _PAIRS:
            open_at.append(at)
        elif text in _PAIRS.values() and open_at:
            opened = open_at.pop()
            calls = opened == end and body[end - 1].part.kind in ("name", "var", "operand")
            if calls or (start <= opened < end <= at) or (opened < start <= at < end):
                start, end = min(start, _callee(body, opened)), max(end, at + 1)
            elif start <= opened < end:
                start = min(start, _callee(body, opened))
    return start, end


def _callee(body: Words, opened: int) -> int:
    at = opened
    while at and (body[at - 1].part.kind in ("name", "var", "operand") or body[at - 1].part.text in DOTS):
        at -= 1
        if at and body[at].part.text not in DOTS and body[at - 1].part.text not in DOTS:
            break
    return at


def _cut(words: list[Word], front: int, back: int) -> list[Word]:
    core = words[front : len(words) - back]
    head = words[0].start if front else core[0].start
    before = Word(Part("rest", "before", "before"), head, core[0].start)
    after = Word(Part("rest", "after", "after"), core[-1].end, words[-1].end if back else core[-1].end)
    return [before, *core, after]


def _shared(one: Words, other: Words) -> tuple[int, int]:
    """How many words two statements share at the front and at the back, none counted twice."""
    front = 0
    while front < min(len(one), len(other)) and one[front].part == other[front].part:
        front += 1
    back = 0
    while back < min(len(one), len(other)) - front and one[-1 - back].part == other[-1 - back].part:
        back += 1
    return front, back


def _chains(words: Words) -> list[tuple[str, ...]]:
    return [tuple(chain[:length]) for at in range(len(words)) for chain in [_chain(words, at)] for length in range(1, len(chain) + 1)]


def _chain(words: Words, at: int) -> list[str]:
    """The metavariables of the chain that begins here, none in the middle of one."""
    if not _is_name(words, at) or (at and words[at - 1].part.text in DOTS):
        return []
    found = [words[at].part.text]
    while at + 2 < len(words) and words[at + 1].part.text == "." and _is_name(words, at + 2):
        at += 2
        found.append(words[at].part.text)
    return found


def _standing(words: Words, name: str) -> list[int]:
    return [at for at, word in enumerate(words) if word.part.text == name and word.part.kind == "var"]


def _begins(words: Words, at: int, chain: tuple[str, ...]) -> bool:
    return tuple(_chain(words, at)[: len(chain)]) == chain and not (
        at + 2 * len(chain) - 1 < len(words) and words[at + 2 * len(chain) - 1].part.text == "("
    )


def _merged(words: Words, whole: dict[str, tuple[str, ...]]) -> list[Word]:
    made: list[Word] = []
    at = 0
    while at < len(words):
        chain = whole.get(words[at].part.text, ()) if words[at].part.kind == "var" else ()
        if chain:
            last = words[at + 2 * len(chain) - 2]
            made.append(Word(Part("operand", chain[0]), words[at].start, last.end))
            at += 2 * len(chain) - 1
        else:
            made.append(words[at])
            at += 1
    return made


def _is_name(words: Words, at: int) -> bool:
    return at < len(words) and words[at].part.kind == "var" and words[at].part.of == "name"


def _is(word: Word, names: set[str]) -> bool:
    return word.part.kind in HOLES and word.part.text in names


def _tabbed(line: str, base: str, unit: str) -> str:
    if not line.strip():
        return ""
    lead = line[: len(line) - len(line.lstrip())].removeprefix(base)
    steps = len(lead) // len(unit) if lead == unit * (len(lead) // len(unit)) else 0
    return "\t" * steps + line.lstrip() if steps else lead.replace("\t", "    ") + line.lstrip()


def parts_of(words: Words) -> tuple[Part, ...]:
    return tuple(word.part for word in words)
