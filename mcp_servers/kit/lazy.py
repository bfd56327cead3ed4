"""Tables of implementations: a name, and where it lives. Nothing is imported before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from mcp_servers.kit.errors import Misconfigured, Refusal


class LazyTable(Mapping[str, Any]):
    """Maps a name to the object at `module:attribute`, imported on first access.

    Raises `Refusal` for a name that is not in the table and `Misconfigured` when the package behind it is not installed.
    """

    def __init__(self, noun: str, entries: Mapping[str, str], extras: Mapping[str, str] | None = None) -> None:
        self._noun = noun
        self._entries = dict(entries)
        self._extras = dict(extras or {})

    def check(self, name: str) -> None:
        """Returns for a name of the table, importing nothing; raises `Refusal` otherwise."""
        if name not in self._entries:
            close = get_close_matches(name, self._entries, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(self._entries))}."
            raise Refusal(f"There is no {self._noun} named {name!r}; {hint}", code="unknown_name")

    def __getitem__(self, name: str) -> Any:
        self.check(name)
        module, _, attribute = self._entries[name].partition(":")
        try:
            return getattr(import_module(module), attribute)
        except ModuleNotFoundError as missing:
            if missing.name and missing.name.startswith(("mcp_servers", "kintsugi")):
                raise
            extra = self._extras.get(name, name)
            raise Misconfigured(
                f"The {self._noun} {name!r} needs the package {missing.name!r}; install it with `pip install 'kintsugi[{extra}]'`.",
                code="missing_package",
            ) from missing

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
