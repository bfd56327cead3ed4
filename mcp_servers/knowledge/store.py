"""What the stores of this slice share: which rows could answer a question, and how a fingerprint lies in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, Table, insert, or_

from mcp_servers.kit.fulltext import FullText, Hits
from mcp_servers.knowledge.model import Fingerprint
from mcp_servers.knowledge.recall import Question

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_EXACT = 200
_NEAR = 120
_BATCH = 500


def candidates(
    connection: Connection, table: Table, index: FullText, query: Select[Any], question: Question, repository: str, *order: Any
) -> tuple[list[RowMapping], Hits]:
    """The rows of `query` over `table` that could answer the question, each once, and their words.

    `order` says which of very many exact matches are taken.
    """
    here = [table.c.repository == repository] if repository else []
    hits = index.look(connection, question.text, _NEAR)
    exact = query.where(same(table, question), *here).order_by(*order, table.c.id).limit(_EXACT)
    said = query.where(table.c.id.in_(list(hits.documents)), *here)
    rows = [*connection.execute(exact).mappings(), *connection.execute(said).mappings()]
    return list({str(row["id"]): row for row in rows}.values()), hits


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


def row_of(value: DataclassInstance, *times: str) -> dict[str, Any]:
    """The value as a row: its fingerprint as two columns, its times in UTC."""
    row: dict[str, Any] = {field.name: getattr(value, field.name) for field in fields(value)}
    fingerprint = row.pop("fingerprint")
    row |= {"coarse": fingerprint.coarse, "fine": fingerprint.fine}
    return row | {time: row[time].astimezone(UTC).isoformat() for time in times}


def insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts any number of rows; the server is never left waiting for longer than a batch takes."""
    for at in range(0, len(rows), _BATCH):
        connection.execute(insert(table), rows[at : at + _BATCH])


def fields_of(row: RowMapping, *times: str) -> dict[str, Any]:
    """The fields of the value whose row this is."""
    given: dict[str, Any] = {str(key): value for key, value in row.items()}
    fingerprint = Fingerprint(given.pop("coarse"), given.pop("fine"))
    moments = {time: datetime.fromisoformat(given[time]) if given[time] else None for time in times}
    return {**given, "fingerprint": fingerprint, **moments}
