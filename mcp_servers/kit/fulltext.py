"""A word index beside a store's tables: SQLite FTS5 or PostgreSQL tsvector, fed with our own stems, so that both find and rank the same rows.

How many documents hold a word is counted in a table, so a question asks for its telling words only: that keeps it quick in a large collection.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, text

from mcp_servers.kit.similarity import Said, rarity, said

_NAME = re.compile(r"[a-z_]{1,40}")
_MOST_ASKED = 400
_MOST_WORDS = 64
_MOST_ROWS = 8_000
_BATCH = 500
_SCALE = 1000
_ALL = ""
"""The word that every document holds."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The documents that share telling words with a query, likeliest first; how many documents hold each of its stems, and how many there are."""

    documents: Mapping[str, Said] = field(default_factory=dict[str, Said])
    spread: Mapping[str, int] = field(default_factory=dict[str, int])
    total: int = 0


@dataclass(frozen=True, slots=True)
class FullText:
    """An index called `name` (our own constant, never a user's) from ids to the words of a text."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a name for an index")

    def create(self, connection: Connection) -> None:
        """Makes the empty index; one that is there, of whatever age, is replaced."""
        sqlite = connection.dialect.name == "sqlite"
        for table in (self.name, f"{self.name}_fts", f"{self.name}_texts", f"{self.name}_spread"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        number, vector = ("INTEGER", "") if sqlite else ("SERIAL", ", vector tsvector NOT NULL")
        columns = f"number {number} PRIMARY KEY, id varchar(64) NOT NULL UNIQUE, words text NOT NULL{vector}"
        connection.execute(text(f"CREATE TABLE {self.name}_texts ({columns})"))
        connection.execute(text(f"CREATE TABLE {self.name}_spread (word varchar(64) PRIMARY KEY, documents integer NOT NULL)"))
        if sqlite:
            options = f"words, content='{self.name}_texts', content_rowid='number'"
            connection.execute(text(f"CREATE VIRTUAL TABLE {self.name}_fts USING fts5({options})"))
        else:
            at_once = "WITH (fastupdate = off)"  # else every question reads the list of what is not merged yet
            connection.execute(text(f"CREATE INDEX {self.name}_vector ON {self.name}_texts USING gin (vector) {at_once}"))

    def put(self, connection: Connection, id: str, content: str) -> None:
        """Replaces what the index knows of `id`."""
        self.put_all(connection, {id: content})

    def put_all(self, connection: Connection, contents: Mapping[str, str]) -> None:
        """Replaces what the index knows of these ids."""
        ids = list(contents)
        for at in range(0, len(ids), _BATCH):
            self._put(connection, {id: said(contents[id]) for id in ids[at : at + _BATCH]})

    def forget(self, connection: Connection, ids: Sequence[str]) -> None:
        """Takes these ids out of the index; those that are not in it are none."""
        for at in range(0, len(ids), _BATCH):
            self._forget(connection, ids[at : at + _BATCH])

    def look(self, connection: Connection, query: str, limit: int = 200) -> Hits:
        """What holds a telling word of the query; any text is a query, none is an error."""
        wanted = list(dict.fromkeys(said(query).stems))[:_MOST_ASKED]
        if not wanted:
            return Hits()
        sql = text(f"SELECT word, documents FROM {self.name}_spread WHERE word IN :words").bindparams(bindparam("words", expanding=True))
        spread = {str(row[0]): int(row[1]) for row in connection.execute(sql, {"words": [_ALL, *wanted]}) if row[1] > 0}
        total = spread.pop(_ALL, 0)
        telling = _telling(spread)
        if not telling:
            return Hits({}, spread, total)
        if connection.dialect.name == "postgresql":  # to start workers takes longer than to read so few rows
            connection.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
        rows = connection.execute(text(self._search(connection, len(telling))), self._asked(connection, telling, spread, total, limit))
        return Hits({str(row[0]): _unfolded(str(row[1])) for row in rows}, spread, total)

    def search(self, connection: Connection, query: str, limit: int = 200) -> list[str]:
        """The ids of what holds a telling word of the query, likeliest first."""
        return list(self.look(connection, query, limit).documents)

    def _put(self, connection: Connection, texts: Mapping[str, Said]) -> None:
        self._forget(connection, list(texts))
        rows = [{"id": id, "words": _folded(one), "bag": " ".join(dict.fromkeys(one.stems))} for id, one in texts.items()]
        if connection.dialect.name == "sqlite":
            connection.execute(text(f"INSERT INTO {self.name}_texts (id, words) VALUES (:id, :words)"), rows)
            sql = f"INSERT INTO {self.name}_fts (rowid, words) SELECT number, words FROM {self.name}_texts WHERE id IN :ids"
            connection.execute(text(sql).bindparams(bindparam("ids", expanding=True)), {"ids": list(texts)})
        else:
            vector = "array_to_tsvector(string_to_array(:bag, ' '))"
            connection.execute(text(f"INSERT INTO {self.name}_texts (id, words, vector) VALUES (:id, :words, {vector})"), rows)
        self._count(connection, texts.values(), 1)

    def _forget(self, connection: Connection, ids: Sequence[str]) -> None:
        known: BindParameter[Any] = bindparam("ids", expanding=True)
        sql = text(f"SELECT number, words FROM {self.name}_texts WHERE id IN :ids").bindparams(known)
        rows = [{"number": row[0], "words": row[1]} for row in connection.execute(sql, {"ids": list(ids)})]
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            delete = f"INSERT INTO {self.name}_fts ({self.name}_fts, rowid, words) VALUES ('delete', :number, :words)"
            connection.execute(text(delete), rows)
        connection.execute(text(f"DELETE FROM {self.name}_texts WHERE id IN :ids").bindparams(known), {"ids": list(ids)})
        self._count(connection, [_unfolded(row["words"]) for row in rows], -1)

    def _count(self, connection: Connection, texts: Iterable[Said], step: int) -> None:
        held: Counter[str] = Counter()
        for one in texts:
            held.update({_ALL, *one.stems})
        rows = [{"word": word, "step": step * count} for word, count in sorted(held.items())]
        if rows:
            grown = f"documents = {self.name}_spread.documents + excluded.documents"
            sql = f"INSERT INTO {self.name}_spread (word, documents) VALUES (:word, :step) ON CONFLICT (word) DO UPDATE SET {grown}"
            connection.execute(text(sql), rows)

    def _search(self, connection: Connection, words: int) -> str:
        """The statement that adds up the weights of the words that each document holds."""
        if connection.dialect.name == "sqlite":
            one = f"SELECT rowid AS number, CAST(:weight{{0}} AS integer) AS weight FROM {self.name}_fts WHERE {self.name}_fts MATCH :word{{0}}"
        else:
            one = (
                f"SELECT number, CAST(:weight{{0}} AS integer) AS weight FROM {self.name}_texts WHERE vector @@ CAST(:word{{0}} AS tsquery)"
            )
        union = " UNION ALL ".join(one.format(number) for number in range(words))
        sums = f"SELECT number, sum(weight) AS weight FROM ({union}) AS held GROUP BY number ORDER BY 2 DESC, 1 LIMIT :limit"
        return f"SELECT id, words FROM ({sums}) AS best JOIN {self.name}_texts USING (number) ORDER BY weight DESC, number"

    def _asked(self, connection: Connection, telling: list[str], spread: Mapping[str, int], total: int, limit: int) -> dict[str, str | int]:
        quote = '"' if connection.dialect.name == "sqlite" else "'"
        asked: dict[str, str | int] = {"limit": limit}
        for number, word in enumerate(telling):
            asked[f"word{number}"] = f"{quote}{word}{quote}"
            asked[f"weight{number}"] = round(_SCALE * rarity(spread[word], total)) + 1
        return asked


def _telling(spread: Mapping[str, int]) -> list[str]:
    """The rarest words, as many as keep the rows to read few; always one."""
    chosen: list[str] = []
    rows = 0
    for word, documents in sorted(spread.items(), key=lambda one: (one[1], one[0]))[:_MOST_WORDS]:
        rows += documents
        if chosen and rows > _MOST_ROWS:
            break
        chosen.append(word)
    return chosen


def _folded(one: Said) -> str:
    return f"{' '.join(one.head)}\n{' '.join(one.body)}"


def _unfolded(words: str) -> Said:
    head, _, body = words.partition("\n")
    return Said(tuple(head.split()), tuple(body.split()))
