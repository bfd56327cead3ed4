"""What a person decided about the groups of a project's errors: `[grouping]` of kintsugi.toml, applied wherever fingerprints are grouped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from mcp_servers.kit.errors import Misconfigured

_ID = re.compile(r"^[0-9a-f]{8,64}$")
_KEYS = {"app_roots", "library_roots", "merge", "split"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the file: `into` is empty for a split."""

    coarse: str
    into: str
    why: str

    def __str__(self) -> str:
        done = f"{self.coarse} counts as {self.into}" if self.into else f"{self.coarse} is told apart by the way to it"
        return f"{done}, as kintsugi.toml says: {self.why}"


@dataclass(frozen=True, slots=True)
class Grouping:
    """Merges and splits by coarse fingerprint, and the folders or packages that are ours, or a library's, whatever they look like."""

    decisions: Mapping[str, Decision] = field(default_factory=dict[str, Decision])
    app_roots: tuple[str, ...] = ()
    library_roots: tuple[str, ...] = ()

    def coarse_of(self, coarse: str, fine: str) -> str:
        """The coarse fingerprint after the decisions: a merged one reads as its target, a split one as the fine."""
        for _ in range(len(self.decisions)):
            decision = self.decisions.get(coarse)
            if decision is None:
                return coarse
            if not decision.into:
                return fine
            coarse = decision.into
        return coarse

    def decided(self, coarse: str) -> Decision | None:
        """The decision that speaks of this coarse fingerprint, or None."""
        return self.decisions.get(coarse)


AS_IT_IS = Grouping()


def grouping_of(table: Mapping[str, Any]) -> Grouping:
    """The `[grouping]` table as a value; raises `Misconfigured` for keys, ids or circles that make no sense."""
    if not table:
        return AS_IT_IS
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise Misconfigured(f"[grouping] has the unknown key {unknown[0]!r}; it knows {', '.join(sorted(_KEYS))}.", code="unknown_key")
    merges = [_decision(one, "from", str(one.get("into", ""))) for one in _tables(table, "merge")]
    splits = [_decision(one, "id", "") for one in _tables(table, "split")]
    decisions = {one.coarse: one for one in (*splits, *merges)}
    _check(merges, splits, decisions)
    return Grouping(decisions, _texts(table, "app_roots"), _texts(table, "library_roots"))


def _decision(table: Mapping[str, Any], key: str, into: str) -> Decision:
    coarse = str(table.get(key, ""))
    for one in (coarse, *([into] if key == "from" else ())):
        if not _ID.match(one):
            raise Misconfigured(f"[grouping] names {one!r}, which is no fingerprint (8 to 64 hexadecimal digits).", code="bad_value")
    return Decision(coarse, into, str(table.get("why", "")) or "no reason is given")


def _check(merges: Sequence[Decision], splits: Sequence[Decision], decisions: Mapping[str, Decision]) -> None:
    if len(decisions) < len(merges) + len(splits):
        twice = next(one.coarse for one in (*merges, *splits) if sum(one.coarse == other.coarse for other in (*merges, *splits)) > 1)
        raise Misconfigured(f"[grouping] decides about {twice} twice; keep one of the two.", code="bad_value")
    for one in merges:
        seen, target = {one.coarse}, one.into
        while target in decisions and decisions[target].into:
            if target in seen:
                break
            seen.add(target)
            target = decisions[target].into
        if target in seen:
            raise Misconfigured(f"[grouping] merges {one.coarse} in a circle; take one of the merges out.", code="bad_value")


def _tables(table: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in cast(list[Any], value)):
        raise Misconfigured(
            f"[[grouping.{key}]] must be a list of tables; `kintsugi logs group --help` shows how to write one.", code="bad_value"
        )
    return cast(list[Mapping[str, Any]], value)


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in cast(list[Any], value)):
        raise Misconfigured(f'[grouping] {key} must be a list of texts, for example {key} = ["src"].', code="bad_value")
    return tuple(cast(list[str], value))
