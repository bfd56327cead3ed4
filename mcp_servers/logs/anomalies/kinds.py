"""The number that a miner gives to what a record says: its spelling without values is worked out once, however many detectors ask."""

from __future__ import annotations

from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.templates import Miner
from mcp_servers.logs.templates.masking import canonical


def kind_of(record: LogRecord, text: str, miner: Miner) -> int:
    """The kind of a text of this record."""
    if text is not record.body and text != record.body:
        return miner.kind(text)
    spelt = record.derived.get("canonical")
    if spelt is None:
        spelt = record.derived["canonical"] = canonical(text)
    return miner.kind_of_canonical(spelt, text)
