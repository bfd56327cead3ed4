"""What the stores of this slice share: which rows could answer a question, and how a fingerprint lies in a row."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, Table, or_

from mcp_servers.kit.fulltext import FullText, Hits
from mcp_servers.knowledge.model import Fingerprint
from mcp_servers.knowledge.recall import Question

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_EXACT = 200
_NEAR = 120


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
    row = asdict(value)
    fingerprint = row.pop("fingerprint")
    row |= {"coarse": fingerprint["coarse"], "fine": fingerprint["fine"]}
    return row | {time: row[time].astimezone(UTC).isoformat() for time in times}


def fields_of(row: RowMapping, *times: str) -> dict[str, Any]:
    """The fields of the value whose row this is."""
    fields: dict[str, Any] = {str(key): value for key, value in row.items()}
    fingerprint = Fingerprint(fields.pop("coarse"), fields.pop("fine"))
    moments = {time: datetime.fromisoformat(fields[time]) if fields[time] else None for time in times}
    return {**fields, "fingerprint": fingerprint, **moments}
