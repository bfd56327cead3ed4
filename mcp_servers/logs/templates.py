"""From many messages to few templates: strip the words with digits, mask one message of each kind, merge the kinds.

The groups depend on the set of messages only, not on their order or on how they were cut into portions.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from mcp_servers.logs.masking import HOLE, fold, mask
from mcp_servers.logs.merging import Signature, merge, tokens

_WITH_DIGIT = re.compile(r"[^\W\d]*\d\w*")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONGEST = 2048
_KEPT_BODIES = 12
_KEPT_VALUES = 3
_KNOWN_SHAPES = 200_000


@dataclass(frozen=True, slots=True)
class Template:
    """What `count` messages share. `values` holds, for each `<*>` in turn, the most frequent values among the messages kept."""

    id: str
    text: str
    count: int
    first: datetime | None
    last: datetime | None
    sample: str
    values: tuple[tuple[str, ...], ...] = ()


@dataclass(slots=True)
class _Kind:
    """Messages that are equal but for their words with digits."""

    sample: str
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    bodies: list[str] = field(default_factory=list[str])

    def take(self, body: str, at: datetime | None) -> None:
        self.count += 1
        self.sample = min(self.sample, body)
        if len(self.bodies) < _KEPT_BODIES:
            self.bodies.append(body)
        if at is not None:
            self.first = min(self.first or at, at)
            self.last = max(self.last or at, at)


class Miner:
    """Collects messages and tells their templates; each message costs a dictionary hit, the rest is done once per kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._shapes: dict[bytes, _Kind] = {}
        self._mined: list[Template] | None = None
        self._of_kind: dict[str, Template] = {}
        self._by_length: dict[int, list[tuple[Signature, Template]]] = {}

    def add(self, body: str, at: datetime | None = None) -> None:
        """Count one message, seen at this time."""
        body = body[:_LONGEST]
        shape = body.encode("utf-8", "replace").translate(_DIGITS)
        kind = self._shapes.get(shape)
        if kind is None:
            kind = self._kinds.setdefault(_skeleton(body), _Kind(body))
            if len(self._shapes) >= _KNOWN_SHAPES:
                self._shapes.clear()
            self._shapes[shape] = kind
        kind.take(body, at)
        self._mined = None

    def templates(self) -> list[Template]:
        """All templates, the most frequent first."""
        return list(self._mine())

    def assign(self, body: str) -> Template | None:
        """The template that a message belongs to, also one never added; None when it fits none."""
        self._mine()
        body = body[:_LONGEST]
        known = self._of_kind.get(_skeleton(body))
        if known is not None:
            return known
        signature = tokens(_normal(body))
        fitting = (template for pattern, template in self._by_length.get(len(signature), ()) if _fits(pattern, signature))
        return min(fitting, key=lambda template: (template.text.count(HOLE), template.text), default=None)

    def _mine(self) -> list[Template]:
        if self._mined is not None:
            return self._mined
        signatures = {key: tokens(_normal(kind.sample)) for key, kind in self._kinds.items()}
        merged = merge(signatures.values())
        members: defaultdict[str, list[str]] = defaultdict(list)
        for key, signature in signatures.items():
            members[fold("".join(merged[signature]))].append(key)
        by_text = {text: _template(text, [self._kinds[key] for key in keys]) for text, keys in members.items()}
        self._of_kind = {key: by_text[text] for text, keys in members.items() for key in keys}
        self._by_length = {}
        for pattern in sorted(set(merged.values())):
            self._by_length.setdefault(len(pattern), []).append((pattern, by_text[fold("".join(pattern))]))
        self._mined = sorted(by_text.values(), key=lambda template: (-template.count, template.text))
        return self._mined


def _skeleton(body: str) -> str:
    return _WITH_DIGIT.sub("0", body)


def _normal(body: str) -> str:
    return mask(" ".join(body.split()))


def _fits(pattern: Signature, signature: Signature) -> bool:
    return all(expected in (HOLE, token) for expected, token in zip(pattern, signature, strict=True))


def _template(text: str, kinds: list[_Kind]) -> Template:
    times = [time for kind in kinds for time in (kind.first, kind.last) if time is not None]
    return Template(
        id=sha256(text.encode("utf-8", "replace")).hexdigest()[:12],
        text=text,
        count=sum(kind.count for kind in kinds),
        first=min(times, default=None),
        last=max(times, default=None),
        sample=min(kind.sample for kind in kinds),
        values=_values(text, [body for kind in kinds for body in kind.bodies]),
    )


def _values(text: str, bodies: list[str]) -> tuple[tuple[str, ...], ...]:
    holes = text.count(HOLE)
    pattern = re.compile(re.escape(text).replace(re.escape(HOLE), "(.*?)") + "$", re.S)
    found = [match.groups() for body in bodies[:100] if holes <= 20 and (match := pattern.match(" ".join(body.split())))]
    counters = [Counter(column) for column in zip(*found, strict=True)]
    return tuple(tuple(value for value, _ in sorted(c.items(), key=lambda item: (-item[1], item[0]))[:_KEPT_VALUES]) for c in counters)
