"""What a recipe may do to a project: each change looks at the facts and answers with plans, or raises `NotSure` with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kintsugi.reasoners import Claim, Edit
from kintsugi.reasoners.matching import Facts, Recipe
from kintsugi.reasoners.places import Place
from kintsugi.reasoners.rewriting import Span, apply, edits_between
from mcp_servers.kit.lazy import LazyTable


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to change the project. `values` fill the recipe's words; `aim` is what the reproduction strategies need to know."""

    edits: tuple[Edit, ...]
    file: str
    line: int = 0
    function: str = ""
    place: Place | None = None
    sure: bool = True
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    claims: tuple[Claim, ...] = ()
    guard: Mapping[str, Any] = field(default_factory=dict[str, Any])
    aim: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def at(cls, place: Place, spans: Iterable[Span], **told: Any) -> Plan:
        """The plan that changes the module of a place by these spans, and names the place."""
        source = place.source
        edits = edits_between(source.path, source.text, apply(source.text, spans))
        return cls(edits, source.path, place.line, place.function, place, **told)


Change = Callable[[Facts, Recipe], Sequence[Plan]]

CHANGES = LazyTable(
    "change",
    {
        "default-for-missing": "kintsugi.reasoners.changes.missing:plan",
        "default-for-zero": "kintsugi.reasoners.changes.division:plan",
        "refuse-a-text": "kintsugi.reasoners.changes.conversion:plan",
        "answer-a-miss": "kintsugi.reasoners.changes.lookup:plan",
        "raise-setting": "kintsugi.reasoners.changes.setting:plan",
        "bounded-retry": "kintsugi.reasoners.changes.outgoing:plan",
        "close-resource": "kintsugi.reasoners.changes.resource:plan",
        "revert-commit": "kintsugi.reasoners.changes.regression:plan",
    },
)
