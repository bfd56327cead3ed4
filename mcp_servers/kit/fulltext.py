"""A word index beside a store's tables: SQLite FTS5 or PostgreSQL tsvector, fed with our own words so that both find the same rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mcp_servers.kit.similarity import words

_NAME = re.compile(r"[a-z_]{1,48}")
_MOST_WORDS = 64


@dataclass(frozen=True, slots=True)
class FullText:
    """An index called `name` (our own constant, never a user's) from ids to the words of a text."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a name for an index")

    def create(self, connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.execute(text(f"CREATE VIRTUAL TABLE {self.name} USING fts5(id UNINDEXED, words)"))
            return
        connection.execute(text(f"CREATE TABLE {self.name} (id varchar(64) PRIMARY KEY, words tsvector NOT NULL)"))
        connection.execute(text(f"CREATE INDEX {self.name}_words ON {self.name} USING gin (words)"))

    def put(self, connection: Connection, id: str, content: str) -> None:
        """Replaces what the index knows of `id`."""
        column = ":words" if connection.dialect.name == "sqlite" else "array_to_tsvector(string_to_array(:words, ' '))"
        connection.execute(text(f"DELETE FROM {self.name} WHERE id = :id"), {"id": id})
        row = {"id": id, "words": " ".join(words(content))}
        connection.execute(text(f"INSERT INTO {self.name} (id, words) VALUES (:id, {column})"), row)

    def search(self, connection: Connection, query: str, limit: int = 200) -> list[str]:
        """The ids that hold any word of the query, likeliest first; any text is a query, none is an error."""
        wanted = list(dict.fromkeys(words(query)))[:_MOST_WORDS]
        if not wanted:
            return []
        if connection.dialect.name == "sqlite":
            sql = f"SELECT id FROM {self.name} WHERE {self.name} MATCH :query ORDER BY rank, id LIMIT :limit"
            match = "words : (" + " OR ".join(f'"{word}"' for word in wanted) + ")"
        else:
            asked = f"{self.name}, (SELECT CAST(:query AS tsquery) AS q) AS asked"
            sql = f"SELECT id FROM {asked} WHERE words @@ q ORDER BY ts_rank(words, q) DESC, id LIMIT :limit"
            match = " | ".join(f"'{word}'" for word in wanted)
        return [str(row[0]) for row in connection.execute(text(sql), {"query": match, "limit": limit})]
