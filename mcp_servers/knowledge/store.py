"""What the stores of this slice share: which rows could answer a question, and how a fingerprint lies in a row."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, Table, func, or_, select

from mcp_servers.kit.fulltext import FullText
from mcp_servers.knowledge.model import Fingerprint
from mcp_servers.knowledge.recall import Question

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_EXACT = 200


def candidates(
    connection: Connection, table: Table, index: FullText, query: Select[Any], question: Question, repository: str
) -> tuple[list[RowMapping], int]:
    """The rows of `query` over `table` that could answer the question, each once, and how many rows the table has."""
    total = connection.scalar(select(func.count()).select_from(table)) or 0
    here = [table.c.repository == repository] if repository else []
    said = table.c.id.in_(index.search(connection, question.text))
    exact = query.where(same(table, question), *here).order_by(table.c.id).limit(_EXACT)
    rows = [*connection.execute(exact).mappings(), *connection.execute(query.where(said, *here)).mappings()]
    return list({str(row["id"]): row for row in rows}.values()), total


def same(table: Table, question: Question) -> Any:
    """The condition that a row has the fingerprint or the template of the question."""
    fingerprint = question.fingerprint
    asked = (
        (table.c.fine, fingerprint.fine),
        (table.c.coarse, fingerprint.coarse),
        (table.c.coarse, fingerprint.former),
        (table.c.template, question.template),
    )
    return or_(False, *(column == value for column, value in asked if value))


def row_of(value: DataclassInstance, time: str) -> dict[str, Any]:
    """The value as a row: its fingerprint as two columns, its time `time` in UTC."""
    row = asdict(value)
    fingerprint = row.pop("fingerprint")
    row |= {"coarse": fingerprint["coarse"], "fine": fingerprint["fine"]}
    return row | {time: row[time].astimezone(UTC).isoformat()}


def fields_of(row: RowMapping, time: str) -> dict[str, Any]:
    """The fields of the value whose row this is."""
    fields: dict[str, Any] = {str(key): value for key, value in row.items()}
    fingerprint = Fingerprint(fields.pop("coarse"), fields.pop("fine"))
    return {**fields, "fingerprint": fingerprint, time: datetime.fromisoformat(fields[time])}
