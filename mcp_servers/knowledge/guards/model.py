"""The nouns of guards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

Guard = dict[str, Any]
"""A guard as JSON: id, kind, message, what it reads (endings, names, paths, anchors) and its rule."""

KINDS = ("ast-grep", "config-bound", "line", "required-test")
State = Literal["candidate", "warning", "blocking", "muted", "demoted"]
SPEAKING: frozenset[str] = frozenset({"warning", "blocking"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A place that a guard objects to; `line` counts from 1. `replacement` is what its autofix would write over the bytes `span`."""

    guard: str
    path: str
    line: int
    text: str
    message: str
    span: tuple[int, int] = (0, 0)
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule matched; `line` counts from 1, `span` bytes from 0. `values` are the metavariables of the rule."""

    rule: str
    path: str
    line: int
    text: str
    span: tuple[int, int] = (0, 0)
    values: Mapping[str, str] | None = None


Scan = Callable[[Sequence[Mapping[str, Any]], Mapping[str, str]], list[Hit]]
"""Every match of ast-grep rules in texts by path."""


_CHECKED = {
    "ast-grep": ("kind", "rule", "where"),
    "config-bound": ("kind", "file", "key", "at_least", "at_most", "measure", "forbidden", "required"),
    "line": ("kind", "tokens", "names"),
    "required-test": ("kind", "paths", "test"),
}


def guard_id(guard: Mapping[str, Any]) -> str:
    """An id made from what a guard checks and nothing else: two lessons of one mistake carry one guard, and no other rule can bear its name."""
    body = {key: guard[key] for key in _CHECKED[guard["kind"]] if guard.get(key)}
    if guard["kind"] == "ast-grep":
        body["rule"] = {key: guard["rule"][key] for key in ("language", "rule")}
    return "guard_" + sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
