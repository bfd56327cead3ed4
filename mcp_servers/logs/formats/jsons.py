"""JSON lines of any dialect, and the container engine's own file around lines of any format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from mcp_servers.logs.formats.fields import Fields
from mcp_servers.logs.formats.mapping import from_mapping
from mcp_servers.logs.formats.severities import LETTERS

BATCHES = ('{"resourceLogs"', '{"logEvents"')


def decoded(text: str) -> dict[str, Any] | None:
    """The object that a text is, or None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def of_json(text: str, inner: Callable[[str], Fields]) -> Fields | None:
    """The fields of a JSON object; `inner` parses the line that a container engine wrapped."""
    if (batch := records(text)) is not None:  # whoever did not take the batch apart sees its first record, and how many there are
        first = from_mapping(decoded(batch[0]) or {})
        first.attributes["log.records"] = len(batch)
        return first
    value = decoded(text)
    if value is None:
        return None
    line = value.get("log")
    if isinstance(line, str) and "stream" in value and "time" in value:
        fields = inner(line.rstrip("\r\n"))
        fields.time = value["time"]
        attrs = value.get("attrs")
        more = cast(dict[str, Any], attrs) if isinstance(attrs, dict) else {}
        fields.attributes = {"log.iostream": value["stream"], **more, **fields.attributes}
        return fields
    fields = from_mapping(_of_mongodb(value) if "t" in value and "msg" in value else value)
    if fields.level is None and "@t" in value:
        fields.level = "info"  # compact Serilog leaves this level out
    return fields


def records(text: str) -> list[str] | None:
    """The records of a batch (OTLP, CloudWatch) as JSON lines of their own; None for every other line."""
    if not text.startswith(BATCHES) or (value := decoded(text)) is None:
        return None
    found = [json.dumps(record, ensure_ascii=False) for record in (*_of_otlp(value), *_of_cloudwatch(value))]
    return found or None


def _of_mongodb(value: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(value["t"], dict) or "$date" not in value["t"]:
        return value
    moment = cast(dict[str, Any], value["t"])
    known: dict[str, Any] = {
        "time": moment["$date"],
        "severity": LETTERS.get(str(value.get("s"))[:1]),
        "logger": value.get("c"),
        "thread.name": value.get("ctx"),
    }
    return known | {name: item for name, item in value.items() if name not in ("t", "s", "c", "ctx")}


def _of_otlp(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for batch in _dicts(value.get("resourceLogs")):
        for scoped in _dicts(batch.get("scopeLogs")):
            for record in _dicts(scoped.get("logRecords")):
                yield {"resource": batch.get("resource"), "scope": scoped.get("scope"), **record}


def _of_cloudwatch(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for event in _dicts(value.get("logEvents")):
        yield {"aws.log.group.names": value.get("logGroup"), "aws.log.stream.names": value.get("logStream"), **event}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [cast(dict[str, Any], item) for item in cast(list[Any], value) if isinstance(item, dict)] if isinstance(value, list) else []
