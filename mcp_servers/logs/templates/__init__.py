"""From many messages to few templates: one canonical form for messages that differ in values, a mask for each form, a merge of the masks.

The groups depend on the set of messages only, not on their order or on how they were cut into portions, as long as a log holds fewer
than `MOST_KINDS` masked forms. Beyond, forms are merged as they come, so that memory is bounded whatever is read.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from mcp_servers.logs.templates.alignment import aligned
from mcp_servers.logs.templates.catalogue import Mined
from mcp_servers.logs.templates.masking import HOLE, canonical, fold, mask, unfolded_canonical
from mcp_servers.logs.templates.merging import Signature, merge, tokens
from mcp_servers.logs.templates.splitting import split
from mcp_servers.logs.templates.vocabulary import spread
from mcp_servers.logs.templates.wording import worded

MOST_KINDS = 20_000
"""How many masked forms are kept apart until they are merged."""

_LONGEST_SAMPLE = 2048
_KEPT_BODIES = 12
_WELL_KEPT_KINDS = 2_000
_KEPT_VALUES = 3
_WORDED_BY = 20
_KEPT_OF_TEMPLATE = 100
_KNOWN_FORMS = 100_000
_KNOWN_UNFOLDED = 2_000


@dataclass(frozen=True, slots=True)
class Template:
    """What `count` messages share; `kept` are some of them."""

    id: str
    text: str
    count: int
    first: datetime | None
    last: datetime | None
    sample: str
    kept: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[tuple[str, ...], ...]:
        """For each `<*>` in turn, the most frequent values among the messages kept."""
        return _values(self.text, self.kept)


@dataclass(slots=True)
class Kind:
    """Messages whose masked form is the same."""

    form: str
    sample: str
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    bodies: list[str] = field(default_factory=list[str])

    def take(self, count: int, first: datetime | None, last: datetime | None) -> None:
        """So many messages more, seen between these moments."""
        self.count += count
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last

    def absorb(self, other: Kind) -> None:
        self.take(other.count, other.first, other.last)
        self.sample = min(self.sample, other.sample)
        self.bodies += other.bodies[: _KEPT_BODIES - len(self.bodies)]


class Miner:
    """Collects messages and tells their templates. A form seen before costs a dictionary hit; the rest is done once per form.

    `kind` gives a number that stands for a message from then on, `count` books messages of a kind, `template_of` tells its template
    when all is read; `add` does the first two for one message.
    """

    def __init__(self) -> None:
        self._kinds: dict[int, Kind] = {}
        self._became = array("l")  # kind → the kind it was merged into, itself while it stands alone
        self._by_form: dict[str, int] = {}
        self._by_canonical: dict[str, int] = {}
        self._patterns: dict[tuple[int, str], list[tuple[Signature, int]]] = {}
        self._unfolded: dict[str, str] = {}
        self._limit = MOST_KINDS
        self._mined: list[Template] | None = None
        self._of_kind: dict[int, Template] = {}
        self._by_length: dict[int, list[tuple[Signature, Template]]] = {}

    def add(self, body: str, at: datetime | None = None) -> None:
        """Count one message, seen at this time."""
        self.count(self.kind(body), 1, at, at)

    def kind(self, body: str) -> int:
        """The number of the message's kind; equal for messages that differ only in what the mask takes away."""
        return self.kind_of_canonical(canonical(body), body)

    def kind_of_canonical(self, text: str, body: str) -> int:
        """As `kind`, for a message whose canonical form is known."""
        number = self._by_canonical.get(text)
        if number is None:
            if len(self._by_canonical) >= _KNOWN_FORMS:
                self._by_canonical.clear()
            number = self._by_canonical[text] = self._of_form(fold(self._unfold(text)), body)
        else:
            self._show(self._kinds[self._current(number)], body)
        return number

    def count(self, kind: int, messages: int, first: datetime | None = None, last: datetime | None = None) -> None:
        """Book so many messages of this kind, seen between these moments."""
        self._kinds[self._current(kind)].take(messages, first, last)
        self._mined = None

    def absorb(self, other: Miner) -> list[int]:
        """Take over what another miner has counted. Item n of the answer is the number here of its kind n."""
        here = {number: self._of_form(kind.form, kind.sample) for number, kind in sorted(other._kinds.items())}
        for number, kind in other._kinds.items():
            self._kinds[self._current(here[number])].absorb(kind)
        self._mined = None
        return [here[other._current(number)] for number in range(len(other._became))]

    def templates(self) -> list[Template]:
        """All templates, the most frequent first."""
        return list(self._mine())

    def forms(self) -> list[Mined]:
        """Every template with the masked forms of its messages: what a catalogue needs to give it an id that lasts."""
        self._mine()
        found: dict[str, list[str]] = {template.id: [] for template in self._mined or ()}
        for number, template in self._of_kind.items():
            found[template.id].append(self._kinds[number].form)
        return [Mined(one.text, sorted(found[one.id]), one.count, one.first, one.id) for one in self._mined or ()]

    def template_of(self, kind: int) -> Template:
        """The template that the messages of this kind belong to."""
        self._mine()
        return self._of_kind[self._current(kind)]

    def assign(self, body: str) -> Template | None:
        """The template that a message belongs to, also one never added; None when it fits none."""
        self._mine()
        form = mask(body)
        known = self._by_form.get(form)
        if known is not None:
            return self._of_kind[self._current(known)]
        signature = tokens(form)
        fitting = (template for pattern, template in self._by_length.get(len(signature), ()) if _fits(pattern, signature))
        return min(fitting, key=lambda template: (template.text.count(HOLE), template.text), default=None)

    def _unfold(self, text: str) -> str:
        """What the mask makes of a canonical text, which the wording of templates asks for again."""
        known = self._unfolded.get(text)
        if known is None:
            known = unfolded_canonical(text)
            if len(self._unfolded) < _KNOWN_UNFOLDED:
                self._unfolded[text] = known
        return known

    def _current(self, number: int) -> int:
        while (now := self._became[number]) != number:
            number = now
        return number

    def _of_form(self, form: str, body: str) -> int:
        number = self._by_form.get(form)
        if number is None and self._patterns:
            number = self._fitting(tokens(form))
        if number is None and len(self._kinds) >= self._limit:
            self._condense()
            number = self._fitting(tokens(form)) or self._by_form.get(form)
            if number is None and self._limit > MOST_KINDS:  # nearly all forms are different: the rest is one kind
                form = HOLE
                number = self._by_form.get(form)
        if number is None:
            number = len(self._became)
            self._became.append(number)
            self._kinds[number] = Kind(form, body[:_LONGEST_SAMPLE])
            self._by_form[form] = number
        self._show(self._kinds[self._current(number)], body)
        return number

    def _show(self, kind: Kind, body: str) -> None:
        body = body[:_LONGEST_SAMPLE]
        if body < kind.sample:
            kind.sample = body
        if len(kind.bodies) < (_KEPT_BODIES if len(self._kinds) < _WELL_KEPT_KINDS else 1):
            kind.bodies.append(body)

    def _condense(self) -> None:
        """Merges the kinds there are, so that what is new can be compared with fewer."""
        if self._limit > MOST_KINDS:
            return
        merged = _merged(self._kinds)
        for pattern, numbers in merged.items():
            first, *others = numbers
            kind = self._kinds[first]
            for number in others:
                kind.absorb(self._kinds.pop(number))
                self._became[number] = first
            kind.form = "".join(pattern)
        self._by_form = {kind.form: number for number, kind in self._kinds.items()}
        self._patterns = {}
        for pattern, (number, *_) in merged.items():
            if HOLE in pattern:
                self._patterns.setdefault(_place(pattern), []).append((pattern, number))
        if len(self._kinds) > MOST_KINDS // 2:
            self._limit = MOST_KINDS + 1
        self._by_canonical.clear()

    def _fitting(self, signature: Signature) -> int | None:
        length = len(signature)
        for key in ((length, signature[0] if signature else ""), (length, HOLE)):
            for pattern, number in self._patterns.get(key, ()):
                if _fits(pattern, signature):
                    return number
        return None

    def _mine(self) -> list[Template]:
        if self._mined is not None:
            return self._mined
        members: defaultdict[str, list[int]] = defaultdict(list)
        patterns: dict[Signature, str] = {}
        merged = _merged(self._kinds)
        for pattern, text in aligned(merged).items():
            patterns[pattern] = text = fold(text)
            members[text] += merged[pattern]
        by_text = {text: self._template(text, [self._kinds[number] for number in numbers]) for text, numbers in members.items()}
        self._of_kind = {number: by_text[text] for text, numbers in members.items() for number in numbers}
        self._by_length = {}
        for pattern in sorted(patterns):
            self._by_length.setdefault(len(pattern), []).append((pattern, by_text[patterns[pattern]]))
        self._mined = sorted(by_text.values(), key=lambda template: (-template.count, template.text))
        return self._mined

    def _template(self, text: str, kinds: list[Kind]) -> Template:
        times = [time for kind in kinds for time in (kind.first, kind.last) if time is not None]
        said = worded(text, sorted(kind.sample for kind in kinds)[:_WORDED_BY], lambda sample: self._unfold(canonical(sample)))
        return Template(
            id=template_id(text),
            text=said,
            count=sum(kind.count for kind in kinds),
            first=min(times, default=None),
            last=max(times, default=None),
            sample=min(kind.sample for kind in kinds),
            kept=tuple(body for kind in kinds for body in kind.bodies)[:_KEPT_OF_TEMPLATE],
        )


def template_id(text: str) -> str:
    """The id that a template's text gives it."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _merged(kinds: dict[int, Kind]) -> dict[Signature, list[int]]:
    signatures = {number: tokens(kind.form) for number, kind in kinds.items()}
    counts: Counter[Signature] = Counter()
    for number, signature in signatures.items():
        counts[signature] += kinds[number].count
    merged = split(spread(merge(counts)), counts)
    found: defaultdict[Signature, list[int]] = defaultdict(list)
    for number, signature in signatures.items():
        found[merged[signature]].append(number)
    return found


def _place(pattern: Signature) -> tuple[int, str]:
    return len(pattern), pattern[0]


def _fits(pattern: Signature, signature: Signature) -> bool:
    return all(expected in (HOLE, token) for expected, token in zip(pattern, signature, strict=True))


def _values(text: str, bodies: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    holes = text.count(HOLE)
    if not 0 < holes <= 20:
        return ()
    pattern = re.compile(re.escape(text).replace(re.escape(HOLE), "(.*?)") + "$", re.S)
    found = [match.groups() for body in bodies if (match := pattern.match(" ".join(body.split())))]
    counters = [Counter(column) for column in zip(*found, strict=True)]
    return tuple(tuple(value for value, _ in sorted(c.items(), key=lambda item: (-item[1], item[0]))[:_KEPT_VALUES]) for c in counters)
