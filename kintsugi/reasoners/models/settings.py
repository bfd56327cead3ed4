"""`[models.NAME]` in kintsugi.toml: which model, how long a conversation may get, and what a million tokens costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

from kintsugi.reasoners.models.messages import Usage
from mcp_servers.kit.errors import Misconfigured

_PRICES = ("input", "output", "cache_write", "cache_read")


@dataclass(frozen=True, slots=True)
class Settings:
    """`prices` are dollars for a million tokens; without them tokens are counted, money is not. Sizes are in tokens, `timeout` in seconds.
    `isolated` gives a program that is asked a home of its own, without the user's settings."""

    model: str = ""
    prices: Mapping[str, float] | None = None
    turns: int = 24
    refusals: int = 6
    output: int = 8_000
    retries: int = 4
    timeout: int = 300
    transcripts: str = ""
    isolated: bool = False

    @classmethod
    def of(cls, name: str, data: Any) -> Settings:
        """Raises `Misconfigured` for a key that is not known or a value that does not fit."""
        where = f"[models.{name}] in kintsugi.toml"
        if not isinstance(data, Mapping):
            raise Misconfigured(f'{where} must be a table, for example: model = "claude-sonnet-5-5".', code="bad_model")
        told = cast("Mapping[str, Any]", data)
        known = {field.name: field.default for field in fields(cls)}
        for key, value in told.items():
            if key not in known:
                raise Misconfigured(f"{where} has the unknown key {key!r}; it knows {', '.join(known)}.", code="bad_model")
            if key == "prices":
                _check_prices(value, where)
            elif type(value) is not type(known[key]) or (isinstance(value, int) and value < 0):
                raise Misconfigured(f"{where} has a bad {key!r}: {value!r}.", code="bad_model")
        return cls(**told)

    def dollars(self, usage: Usage) -> float | None:
        """What the tokens cost; None where no prices are known."""
        if self.prices is None:
            return None
        parts = zip(_PRICES, (usage.fresh, usage.output, usage.written, usage.cached), strict=True)
        return sum(self.prices[name] * tokens for name, tokens in parts) / 1_000_000


def _check_prices(value: Any, where: str) -> None:
    prices: dict[str, Any] = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}
    if set(prices) != set(_PRICES) or not all(isinstance(price, int | float) and price >= 0 for price in prices.values()):
        raise Misconfigured(
            f"{where}: prices are dollars for a million tokens, all of {', '.join(_PRICES)}; not {value!r}.", code="bad_model"
        )
