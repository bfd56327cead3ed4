"""The field's words for settings of clients, pools, retries, caches, queues, limits, timeouts and models; what a setting is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_CONNECTIONS = frozenset({"connection", "connections", "conn", "conns", "sockets"})
_BOUNDS = frozenset({"max", "maximum", "min", "minimum", "idle", "open", "active", "limit"})
_ALONE: Mapping[str, frozenset[str]] = {
    "llm": frozenset({"temperature"}),
    "retry": frozenset({"retry", "retries", "attempts", "backoff", "jitter", "tries", "redelivery"}),
    "pool": frozenset({"pool", "poolsize", "pooling"}),
    "cache": frozenset({"cache", "ttl", "expires", "expire", "expiry", "expiration", "eviction"}),
    "queue": frozenset({"queue", "prefetch", "concurrency", "backlog", "inflight", "batch", "workers", "consumers"}),
    "limit": frozenset({"qps", "rps", "burst", "breaker", "throttle", "ratelimit"}),
    "timeout": frozenset({"timeout", "timeouts", "deadline"}),
    "serialization": frozenset({"serializer", "deserializer", "serialization", "codec", "compression"}),
}
_TOGETHER: tuple[tuple[str, frozenset[str]], ...] = (
    ("llm", frozenset({"max", "tokens"})),
    ("llm", frozenset({"top", "p"})),
    ("cache", frozenset({"max", "age"})),
    ("limit", frozenset({"rate", "limit"})),
    ("client", frozenset({"keep", "alive"})),
    ("pool", frozenset({"max", "overflow"})),
)
_CLIENTS = frozenset({"client", "session", "engine", "connection", "connect", "channel", "producer", "consumer", "transport"})
_SAYS_LITTLE = frozenset(
    [
        "max",
        "maximum",
        "min",
        "minimum",
        "default",
        "size",
        "count",
        "seconds",
        "second",
        "secs",
        "sec",
        "ms",
        "millis",
        "milliseconds",
        "minutes",
        "hours",
        "days",
        "time",
        "limit",
        "total",
        "initial",
        "new",
        "self",
        "this",
        "cls",
        "config",
        "settings",
        "options",
        "environment",
        "env",
        "spec",
        "properties",
        "args",
        "params",
        "data",
        "values",
        "set",
        "with",
        "build",
        "get",
        "create",
    ]
)

HINT = (
    r"(?i)retr(y|ies)|attempts|backoff|jitter|tries|redelivery|pool|(max|min|idle|open|active).*(conn|socket)|overflow|cache|ttl|expir|evict|max.?age"
    r"|queue|prefetch|concurrency|backlog|in.?flight|batch|workers|consumers|rate.?limit|qps|rps|burst|breaker|throttle|timeout|deadline"
    r"|serializ|codec|compression|temperature|max.*tokens|top.?p|keep.?alive"
)
"""Matches whatever could hold one of the words: cheap, and never narrower than `kind_of`."""

SIZES = r"\W*(?i:max|min|size|limit|total|count|delay|factor|interval)"
"""Matches a name that says how much, of whatever its owner is."""
SIZED = frozenset({"retry", "pool", "cache", "queue", "limit"})
"""Kinds whose owner may be given a size by such a name alone."""


def words_of(text: str) -> list[str]:
    """The words of a name in any case style, small."""
    return [word.lower() for word in _WORD.findall(text)]


def kind_of(words: Iterable[str]) -> str:
    """The kind of pattern that a setting of these words belongs to, or an empty string. The more telling kind comes first."""
    said = frozenset(words)
    for kind, together in _TOGETHER:
        if together <= said:
            return kind
    if said & _CONNECTIONS and said & _BOUNDS:
        return "pool"
    return next((kind for kind, alone in _ALONE.items() if said & alone), "")


def owner_kind(words: Sequence[str]) -> str:
    """The kind that the name of a call or a section says by itself, or an empty string."""
    return kind_of(words) or ("client" if _CLIENTS & frozenset(words) else "")


def name_of(subject: Iterable[str], kind: str) -> str:
    """The name of a pattern: the words of its subject that say something, and its kind."""
    said = dict.fromkeys(word for word in subject if word not in _SAYS_LITTLE)
    telling = [*said, *([] if kind in said else [kind])]
    return "-".join(telling)[:100]


def subject_of(words: Sequence[str]) -> list[str]:
    """The words of a setting's own name without those that say what kind it is and how it is measured."""
    known = frozenset[str]().union(*_ALONE.values(), _CONNECTIONS, _BOUNDS)
    return [word for word in words if word not in known]


def parameter_of(name: str) -> str:
    """The name of a parameter in one style, so that every language says it alike."""
    words = words_of(name)
    return "_".join(words[1:] if len(words) > 1 and words[0] in ("set", "with") else words)[:100]
