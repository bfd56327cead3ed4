"""Ids of templates that last: given once, kept when more data merges or rewords a template, so that "new" never means "renamed"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from mcp_servers.logs.templates.masking import HOLE, canonical, fold, mask
from mcp_servers.logs.templates.merging import Signature, tokens

MOST_ENTRIES = 5_000
MOST_ALIASES = 200
MOST_FORMS = 32
"""Forms kept for one entry; a template of more forms is also known by its text."""

_Cover = dict[tuple[int, str], list[tuple[Signature, str]]]


@dataclass(frozen=True, slots=True)
class Mined:
    """A template as it was mined: its text, the masked forms of its messages, their number, the first of them and the id of its
    content; `also` are the ids of what was united with it."""

    text: str
    forms: Sequence[str]
    count: int = 1
    first: datetime | None = None
    id: str = ""
    also: tuple[str, ...] = ()

    def with_also(self, other: Mined) -> Mined:
        """The same template, mined elsewhere as well."""
        moments = [one for one in (self.first, other.first) if one]
        return replace(
            self,
            forms=sorted({*self.forms, *other.forms}),
            count=self.count + other.count,
            first=min(moments, default=None),
            also=(*self.also, other.id, *other.also),
        )


def united(mined: Iterable[Mined]) -> list[Mined]:
    """Templates of several miners, those that share a form as one, under the text and id of the most frequent."""
    found: dict[int, Mined] = {}
    owner: dict[str, int] = {}
    for place, one in enumerate(sorted(mined, key=lambda one: (-one.count, one.text, one.id))):
        first, *others = sorted({owner[form] for form in one.forms if form in owner}) or [place]
        for other in others:
            found[first] = found[first].with_also(found.pop(other))
        found[first] = found[first].with_also(one) if first in found else one
        owner.update(dict.fromkeys(found[first].forms if others else one.forms, first))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Settled:
    """A mined template with its lasting id. `aliases` are ids that it took over; `parted_from` is the id it was part of until now.

    `new` says that no message of its kind was seen before: neither renamed, nor merged, nor parted.
    """

    id: str
    mined: Mined
    aliases: tuple[str, ...] = ()
    parted_from: str = ""
    new: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of a template; `seen` is the number of the last settling that it took part in, `first` when its first message
    was written (ISO, UTC; empty: not told)."""

    id: str
    text: str
    aliases: tuple[str, ...]
    forms: tuple[str, ...]
    seen: int
    first: str = ""


@dataclass(frozen=True)
class Catalogue:
    """All templates ever settled for one source, the oldest first. A value: settling returns the next one."""

    entries: tuple[Entry, ...] = ()
    rounds: int = 0

    def settle(self, templates: Iterable[Mined]) -> tuple[Catalogue, list[Settled]]:
        """The templates with their ids, in the order given, and the catalogue that knows them.

        A template goes on with the oldest id among those that share a form with it, and the others become its aliases; where two
        share forms with one id, the more frequent keeps it. Without a form in common, the same text or a text that covers the other
        (`login of <*> failed`, `login of zoe failed`) goes on as well.
        """
        mined = list(templates)
        owned, parted = self._owned(mined)
        taken = set(self.resolved)
        settled: list[Settled] = []
        for place, one in enumerate(mined):
            if ids := owned[place]:
                others = (alias for number in ids for alias in (self._by_id[number].id, *self._by_id[number].aliases))
                settled.append(Settled(ids[0], one, tuple(dict.fromkeys(other for other in others if other != ids[0]))))
                continue
            fresh = _fresh_id(one, taken)
            taken.add(fresh)
            settled.append(Settled(fresh, one, parted_from=parted.get(place, ""), new=place not in parted))
        return self._with(settled), settled

    def first_of(self, message: str) -> datetime | None:
        """When the first message of this one's kind was written, as far as known."""
        entry = self._by_id.get(self.id_of(message))
        return datetime.fromisoformat(entry.first) if entry and entry.first else None

    def id_of(self, message: str) -> str:
        """The id of the template that a message belongs to, empty for one of an unknown kind. A form seen before is one dictionary hit."""
        form = canonical(message)
        known = self.forms.get(_masked_key(form))
        return known if known is not None else next(iter(self._covering(mask(form), self._covers)), "")

    def resolve(self, id_: str) -> str:
        """The id that this one goes by now; itself when it is unknown."""
        return self.resolved.get(id_, id_)

    @cached_property
    def resolved(self) -> dict[str, str]:
        """Every id ever given, aliases as well → the id it goes by now."""
        return {name: entry.id for entry in self.entries for name in (entry.id, *entry.aliases)}

    @cached_property
    def forms(self) -> dict[str, str]:
        """Key of a masked form → id."""
        return {form: entry.id for entry in self.entries for form in entry.forms}

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def _age(self) -> dict[str, int]:
        return {entry.id: place for place, entry in enumerate(self.entries)}

    @cached_property
    def _covers(self) -> _Cover:
        return _cover((entry.text, entry.id) for entry in self.entries)

    def _owned(self, mined: list[Mined]) -> tuple[list[list[str]], dict[int, str]]:
        """For each template the ids that it goes on with, the oldest first; and for those that lost theirs, whose part they were."""
        claims = [self._claimed(one) for one in mined]
        by_form = {number for claim in claims for number in claim}
        shown = _cover((one.text, str(place)) for place, one in enumerate(mined) if not claims[place])
        for entry in self.entries if shown else ():
            if entry.id not in by_form:
                for place in self._covering(entry.text, shown)[:1]:
                    claims[int(place)].add(entry.id)
        for place, one in enumerate(mined):
            if not claims[place]:
                claims[place] = {number for number in self._covering(one.text, self._covers)[:1] if number not in by_form}
        return self._won(mined, claims)

    def _won(self, mined: list[Mined], claims: list[set[str]]) -> tuple[list[list[str]], dict[int, str]]:
        claimants: defaultdict[str, list[int]] = defaultdict(list)
        for place, claim in enumerate(claims):
            for number in claim:
                claimants[number].append(place)
        winner = {
            number: min(places, key=lambda place: (-mined[place].count, mined[place].text)) for number, places in claimants.items()
        }  # fmt: skip
        oldest_first = [sorted(claim, key=self._age.__getitem__) for claim in claims]
        owned = [[number for number in claim if winner[number] == place] for place, claim in enumerate(oldest_first)]
        return owned, {place: claim[0] for place, claim in enumerate(oldest_first) if claim and not owned[place]}

    def _claimed(self, one: Mined) -> set[str]:
        return {known for form in one.forms if (known := self.forms.get(_key(form)))}

    def _covering(self, text: str, covers: _Cover) -> list[str]:
        signature = _signature(text)
        first = signature[0] if signature else ""
        near = (item for key in {(len(signature), first), (len(signature), HOLE)} for item in covers.get(key, ()))
        fitting = [(pattern.count(HOLE), pattern, number) for pattern, number in near if _fits(pattern, signature)]
        return [number for _, _, number in sorted(fitting)]

    def _with(self, settled: list[Settled]) -> Catalogue:
        """The next catalogue: old entries in their order, taken-over ones gone, new ones at the end, the longest unseen left out."""
        gone = {alias for one in settled for alias in one.aliases}
        parted = {one.parted_from for one in settled}
        now = self.rounds + 1
        entries = {entry.id: entry for entry in self.entries if entry.id not in gone}
        moved = {_key(form) for one in settled for form in one.mined.forms}
        for entry in entries.values():
            if moved.intersection(entry.forms):
                entries[entry.id] = replace(entry, forms=tuple(form for form in entry.forms if form not in moved))
        for one in settled:
            before = entries.get(one.id)
            forms = dict.fromkeys((*sorted(map(_key, one.mined.forms)), *(before.forms if before else ())))
            text = one.mined.text if before is None or one.id in parted else _wider(before.text, one.mined.text)
            entries[one.id] = Entry(one.id, text, one.aliases[:MOST_ALIASES], tuple(forms)[:MOST_FORMS], now, self._first(one))
        kept = {entry.id for entry in sorted(entries.values(), key=lambda entry: -entry.seen)[:MOST_ENTRIES]}
        return Catalogue(tuple(entry for entry in entries.values() if entry.id in kept), now)

    def _first(self, one: Settled) -> str:
        """The first moment that is known of a template or of one that it took over."""
        told = [entry.first for id_ in (one.id, *one.aliases) if (entry := self._by_id.get(id_))]
        told += [one.mined.first.astimezone(UTC).isoformat()] if one.mined.first else []
        return min(filter(None, told), default="")

    def as_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for `from_json`."""
        return {"version": 1, "rounds": self.rounds, "entries": [asdict(entry) for entry in self.entries]}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Catalogue:
        """The catalogue that was written so; KeyError, TypeError or ValueError when it was not one."""
        if data["version"] != 1:
            raise ValueError(f"version {data['version']}")
        entries = (
            Entry(str(one["id"]), str(one["text"]), tuple(one["aliases"]), tuple(one["forms"]), int(one["seen"]), str(one["first"]))
            for one in data["entries"]
        )
        return Catalogue(tuple(entries), int(data["rounds"]))


def _fresh_id(one: Mined, taken: set[str]) -> str:
    if one.id and one.id not in taken:
        return one.id
    name = one.text
    while (fresh := blake2b(name.encode("utf-8", "replace"), digest_size=6).hexdigest()) in taken:
        name += "\0"
    return fresh


def _wider(before: str, now: str) -> str:
    """The text that covers the other: what was seen lately may be less than all there is."""
    old, new = _signature(before), _signature(now)
    return before if len(old) == len(new) and _fits(old, new) else now


def _key(form: str) -> str:
    return blake2b(form.encode("utf-8", "replace"), digest_size=8).hexdigest()


@lru_cache(maxsize=65_536)
def _masked_key(form: str) -> str:
    return _key(mask(form))


def _signature(text: str) -> Signature:
    return tokens(fold(canonical(text)))


def _cover(texts: Iterable[tuple[str, str]]) -> _Cover:
    """Texts by length and first token, those with more words than values: what is nearly all `<*>` covers anything."""
    found: _Cover = defaultdict(list)
    for text, number in texts:
        signature = _signature(text)
        words = sum(any(map(str.isalnum, token)) for token in signature if token != HOLE)
        if signature and words >= max(1, signature.count(HOLE)):
            found[len(signature), signature[0]].append((signature, number))
    return found


def _fits(pattern: Signature, signature: Signature) -> bool:
    return all(expected in (HOLE, token) for expected, token in zip(pattern, signature, strict=True))
