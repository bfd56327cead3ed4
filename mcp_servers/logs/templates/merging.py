"""Messages that differ in a word only: which words are values, told by the set of all messages and never by their order."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import combinations

from mcp_servers.logs.templates.masking import HOLE

Signature = tuple[str, ...]
_Pair = tuple[int, int, int]
_Step = Callable[[set[Signature]], dict[Signature, Signature]]

_TOKEN = re.compile(r"\s+|(?:[^\s,;:=()\[\]{}\"'|]|(?<=\w)::(?=\w))+|.")
_DELIMITER = re.compile(r"\s+|[,;:=()\[\]{}\"'|]|[-+*/<>!?.&]+")
_MOST_TOKENS = 160
_ROUNDS = 5
_WORDS = 5
_PAIRS = 6
_SAID = 3
_RAREST = 4
_MOST_PAIRS = 500
_SOFT = re.compile(r"<\*>|[./\\@$#]|::|^[A-Za-z]+\d$")
_ANYWHERE, _WHERE_IT_MAY = 1, 2
_SENTENCE_END = re.compile(r"^[A-Za-z]+\.$|^\.+$")
_UNIT = re.compile(r"[KMGTP]?i?B|[nmuµ]?s|sec(?:ond)?s?|min(?:ute)?s?|hours?|days?|[KMG]?Hz|bytes?")
_SNAKE = re.compile(r"^[a-z]+(?:_[a-z]+)+$")
_IDENTIFIER = re.compile(r"^(?=.*(?:[_\d.@$#/\\]|[a-z][A-Z]|-\w))\S+$")
_CAPITALS = re.compile(r"^[A-Z][A-Z_]+$")
_CUES = re.compile(
    r"(?:user|user_?name|host|host_?name|port|file|path|dir|for|from|to|by|id|name|node|job|task|service|class|key|value|uid|tty|ruser|rhost"
    r"|device|interface|address|addr|server|client|process|thread|method|module|block|session|daemon|container|namespace|pod|table|topic|group"
    r"|volume|image|domain|tenant|zone|region|queue|channel|bucket|disk|partition|cluster|repository|branch|package|plugin|driver|command"
    r"|option|feature|column|database|schema|index|role|property|attribute|parameter|variable|function|component|application|app)",
    re.I,
)
_STATUS = re.compile(
    r"(?:true|false|yes|no|on|off|ok|up|down|error|failed|failure|success|succeeded|start|started|stop|stopped|open|opened|close|closed"
    r"|enabled|disabled|active|inactive|connected|disconnected|accepted|rejected|added|removed|created|deleted|begin|end|in|out|get|put)",
    re.I,
)


_STATE = re.compile(r"[a-z]{2,}(?:ed|ing|able|ive|ful)|idle|busy|full|empty|ready|alive|dead|good|bad", re.I)


def tokens(text: str) -> Signature:
    """Words and delimiters of a masked message; what exceeds the first 160 is left out."""
    return tuple(_TOKEN.findall(text)[:_MOST_TOKENS])


def merge(signatures: Iterable[Signature]) -> dict[Signature, Signature]:
    """For every signature the one it belongs to, of the same length, with `<*>` in place of what varies."""
    current = {signature: signature for signature in signatures}
    current = _follow(current, _soften(set(current.values())))
    current, settled = _repeated(_one_round, current, _ROUNDS)
    paired, _ = _repeated(_two_places, current, 2)
    return current if settled and paired is current else _repeated(_one_round, paired, _ROUNDS)[0]


def _repeated(step: _Step, current: dict[Signature, Signature], rounds: int) -> tuple[dict[Signature, Signature], bool]:
    """What so many rounds make of it, and whether the last of them changed nothing."""
    for _ in range(rounds):
        changed = step(set(current.values()))
        if not changed:
            return current, True
        current = _follow(current, changed)
    return current, False


def _follow(current: dict[Signature, Signature], step: dict[Signature, Signature]) -> dict[Signature, Signature]:
    return {origin: step.get(now, now) for origin, now in current.items()}


def _soften(signatures: set[Signature]) -> dict[Signature, Signature]:
    """Words that look like values (a path, a host, a class) may vary together."""
    groups: defaultdict[Signature, list[Signature]] = defaultdict(list)
    for signature in signatures:
        softness = list(map(_softness, signature))
        if _WHERE_IT_MAY in softness:
            places = _places(signature)
            softness = [soft == _ANYWHERE or (soft and place in places) for place, soft in enumerate(softness)]
        groups[tuple(["\0" if soft else token for soft, token in zip(softness, signature, strict=True)])].append(signature)
    return {member: common(members) for members in groups.values() if len(members) > 1 for member in members}


@lru_cache(maxsize=65_536)
def _softness(token: str) -> int:
    """Whether a word looks like a value: not at all (0), anywhere, or where a value may stand."""
    if _SNAKE.match(token):
        return _WHERE_IT_MAY
    return _ANYWHERE if _SOFT.search(token) and not _SENTENCE_END.match(token) else 0


def common(members: list[Signature]) -> Signature:
    """What signatures of one length share, `<*>` where they differ."""
    return tuple(column[0] if len(set(column)) == 1 else HOLE for column in zip(*members, strict=True))


def _one_round(signatures: set[Signature]) -> dict[Signature, Signature]:
    """Signatures that differ at one place only, when the values seen there are enough for their kind; the widest places first."""
    buckets: defaultdict[tuple[int, int], list[Signature]] = defaultdict(list)
    for signature in sorted(signatures):
        hashes = list(map(hash, enumerate(signature)))
        whole = sum(hashes) + len(signature)
        for place in _places(signature):
            buckets[place, whole - hashes[place]].append(signature)
    wide = [(place, members) for (place, _), members in buckets.items() if len(members) > 1]
    wide.sort(key=lambda item: (-len(item[1]), item[0], item[1][0]))
    changed: dict[Signature, Signature] = {}
    for place, members in wide:
        left = [member for member in members if member not in changed]
        values = {member[place] for member in left}
        if len(values) >= _enough(left, place, values):
            changed.update({member: (*member[:place], HOLE, *member[place + 1 :]) for member in left})
    return {old: new for old, new in changed.items() if old != new}


def _two_places(signatures: set[Signature]) -> dict[Signature, Signature]:
    """Signatures that differ at two places at once (`alice bought tea`, `bob bought milk`), where enough pairs share the rest.

    Only the places whose words are the rarest are tried: what is constant is at least as frequent as what varies.
    """
    hashes = {signature: list(map(hash, enumerate(signature))) for signature in sorted(signatures)}
    seen = Counter((len(own), one) for own in hashes.values() for one in own)
    pairs: defaultdict[_Pair, defaultdict[int, set[Signature]]] = defaultdict(lambda: defaultdict(set))
    of_length: defaultdict[int, list[Signature]] = defaultdict(list)
    for signature, own in hashes.items():
        length, whole = len(own), sum(own)
        of_length[length].append(signature)
        words = sorted([(seen[length, own[place]], place) for place in _places(signature) if signature[place] != HOLE])
        for one, other in combinations(sorted(place for _, place in words[:_RAREST]), 2):
            pairs[length, one, other][whole - own[one] - own[other]].add(signature)
    wide = {pair: {rest: at for rest, members in found.items() if (at := _varying(members, pair[1:]))} for pair, found in pairs.items()}
    changed: dict[Signature, Signature] = {}
    for (length, one, other), rests in sorted(wide.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST_PAIRS]:
        for signature in of_length[length] if rests else ():
            own = hashes[signature]
            if signature not in changed and (at := rests.get(sum(own) - own[one] - own[other])):
                changed[signature] = tuple(HOLE if place in at else token for place, token in enumerate(signature))
    return changed


def _varying(members: set[Signature], pair: tuple[int, int]) -> tuple[int, ...]:
    """Which of two places hold values: both; or one of them, where the other tells what happened to it; or none."""
    if len(members) < _PAIRS or sum(token.isalpha() for place, token in enumerate(next(iter(members))) if place not in pair) < 2:
        return ()
    words = {place: {member[place] for member in members} for place in pair}
    if any(len(seen) < 2 for seen in words.values()):
        return ()
    varying = tuple(place for place in pair if len(words[place]) >= 3 and not are_states(words[place]))
    one_of_states = len(varying) == 1 and all(
        len(words[place]) >= _WORDS if place in varying else are_states(words[place]) for place in pair
    )
    return varying if len(varying) == 2 or one_of_states else ()


def are_states(values: set[str]) -> bool:
    """Whether half of the words or more say what happened, and not to what."""
    told = sum(bool(_STATUS.fullmatch(value) or _CAPITALS.match(value) or _STATE.fullmatch(value)) for value in values)
    return 2 * told >= len(values)


@lru_cache(maxsize=65_536)
def _is_delimiter(token: str) -> bool:
    return token != HOLE and bool(_DELIMITER.fullmatch(token))


@lru_cache(maxsize=16_384)
def _places(signature: Signature) -> tuple[int, ...]:
    """Where a value may stand: at words that are not in front of `=`."""
    delimiters = map(_is_delimiter, signature)
    behind = (*signature[1:], "")
    return tuple([place for place, delimits in enumerate(delimiters) if not delimits and behind[place] != "="])


def _enough(members: list[Signature], place: int, values: set[str]) -> int:
    """How many different values a place must have shown."""
    if len(values) < 2:
        return 2
    if HOLE in values and place > 0:
        return 2
    named = values - {HOLE}
    if any(HOLE in value for value in named) or all(_letters(value) <= 1 or _UNIT.fullmatch(value) for value in named):
        return 2
    if place == 0:
        return _enough_in_front(members[0], values)
    if are_states(values):
        return 6
    return 3 if is_cued(members[0], place) or all(_IDENTIFIER.match(value) for value in values) else _WORDS


def _enough_in_front(signature: Signature, values: set[str]) -> int:
    """As `_enough`, for the first word, which is more often what happens than to whom."""
    said = sum(token.isalpha() for token in signature[1:])
    if are_states(values) or (signature[1:2] == (" ",) and said < _SAID):
        return 20
    return 3 if HOLE in values and said > 1 else _WORDS if signature[1:2] != (" ",) else 8


def is_cued(signature: Signature, place: int) -> bool:
    """Whether a value is expected at this place: after `=`, in quotes, after a word such as `user`, `host` or `from`."""
    return place > 0 and (bool(_CUES.fullmatch(_word_before(signature, place))) or signature[place - 1] in "='\"")


def _letters(value: str) -> int:
    return sum(map(str.isalnum, value))


def _word_before(signature: Signature, place: int) -> str:
    return next((token for token in reversed(signature[:place]) if not _is_delimiter(token)), "")
