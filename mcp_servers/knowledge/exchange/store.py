"""What imported lessons claim of themselves: kept to write their pages again as they came, believed by nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, select

from mcp_servers.kit.database import Database, Migration

METADATA = MetaData()
CLAIMS = Table(
    "knowledge_claims",
    METADATA,
    Column("lesson", String(64), primary_key=True),
    Column("claims", Text, nullable=False),
)
MIGRATIONS: tuple[Migration, ...] = (METADATA.create_all,)


class ClaimStore:
    """The claims of imported lessons by the lesson's id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_claims", MIGRATIONS)

    def put(self, claims: Mapping[str, Mapping[str, str]]) -> None:
        """Replaces the claims of these lessons."""
        rows = [{"lesson": id, "claims": json.dumps(dict(told), sort_keys=True)} for id, told in claims.items()]
        with self._database.transaction() as connection:
            for row in rows:
                connection.execute(delete(CLAIMS).where(CLAIMS.c.lesson == row["lesson"]))
                connection.execute(insert(CLAIMS).values(row))

    def of(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """The claims of those of these lessons that were imported."""
        wanted = set(ids)
        with self._database.reading() as connection:
            rows = connection.execute(select(CLAIMS.c.lesson, CLAIMS.c.claims)).all()
        return {row.lesson: json.loads(row.claims) for row in rows if row.lesson in wanted}
