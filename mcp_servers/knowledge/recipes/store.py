"""Where learned recipes live, with the cases that taught them. They cross repositories on purpose."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, select

from mcp_servers.kit.database import Database
from mcp_servers.knowledge.recipes.model import Recipe

MOST = 200

METADATA = MetaData()
RECIPES = Table(
    "knowledge_recipes",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("exception", String(200), nullable=False, index=True),
    Column("learned_at", String(32), nullable=False),
    Column("active", String(20), nullable=False),
    Column("body", Text, nullable=False),
)


class RecipeStore:
    """Recipes in a database. Every write may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_recipes", (METADATA.create_all,))

    def put(self, recipe: Recipe, at: datetime) -> None:
        """Keeps the recipe; one of the same id gives way."""
        with self._database.transaction() as connection:
            first = connection.execute(select(RECIPES.c.learned_at).where(RECIPES.c.id == recipe.id)).scalar()
            connection.execute(delete(RECIPES).where(RECIPES.c.id == recipe.id))
            when = str(first or at.astimezone(UTC).isoformat())
            row = {"id": recipe.id, "exception": recipe.exception[:200], "learned_at": when, "active": recipe.active}
            connection.execute(insert(RECIPES).values(**row, body=recipe.as_json()))

    def get(self, recipe: str) -> Recipe | None:
        with self._database.reading() as connection:
            body = connection.execute(select(RECIPES.c.body).where(RECIPES.c.id == recipe)).scalar()
        return Recipe.from_json(body) if body else None

    def every(self) -> list[Recipe]:
        """All recipes, the latest first, at most 200."""
        with self._database.reading() as connection:
            query = select(RECIPES.c.body).order_by(RECIPES.c.learned_at.desc(), RECIPES.c.id).limit(MOST)
            return [Recipe.from_json(body) for body in connection.execute(query).scalars()]

    def of(self, exception: str, *, active: bool = False) -> list[Recipe]:
        """The recipes for an exception, the latest first, at most 200; with `active` only those that may be used."""
        query = select(RECIPES.c.body).where(RECIPES.c.exception == exception[:200])
        query = query.where(RECIPES.c.active != "") if active else query
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(RECIPES.c.learned_at.desc(), RECIPES.c.id).limit(MOST)).scalars()
            return [Recipe.from_json(body) for body in rows]
