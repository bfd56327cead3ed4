"""Where deployments live. Crosses repositories on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, MetaData, RowMapping, String, Table, Text, delete, insert, select

from mcp_servers.kit.database import Database
from mcp_servers.knowledge.deployments.model import Deployment, Word
from mcp_servers.knowledge.model import digest

METADATA = MetaData()
DEPLOYMENTS = Table(
    "knowledge_deployments",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("repository", String(200), nullable=False, index=True),
    Column("version", String(200), nullable=False),
    Column("deployed_at", String(40), nullable=False),
    Column("patterns_used", JSON, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("changes_summary", "service", "verdict")),
    Column("rollback_performed", Boolean, nullable=False),
)


class DeploymentStore:
    """What was deployed, by repository. Every write may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate("knowledge_deployments", (METADATA.create_all,))

    def add(self, told: Deployment) -> tuple[Deployment, bool]:
        """The deployment as now known, and whether it is new: the version that is deployed already is completed. One that was replaced
        and comes again is a rollback of the one that replaced it."""
        with self._database.transaction() as connection:
            known = _of(connection, told.repository, told.service)
            newest = known[0] if known else None
            if newest is not None and newest.version == told.version:
                merged = dict.fromkeys((*newest.patterns_used, *told.patterns_used))
                same = replace(newest, patterns_used=tuple(merged), changes_summary=told.changes_summary or newest.changes_summary)
                _put(connection, same)
                return same, False
            if newest is not None and any(one.version == told.version for one in known):
                _put(connection, replace(newest, rollback_performed=True))
            made = replace(told, id="deployment_" + digest(told.repository, told.service, told.version, newest.id if newest else ""))
            _put(connection, made)
            return made, True

    def judge(self, deployment: str, verdict: Word) -> None:
        """Keeps what a comparison of before and after said of a deployment."""
        with self._database.transaction() as connection:
            row = connection.execute(select(DEPLOYMENTS).where(DEPLOYMENTS.c.id == deployment)).mappings().first()
            if row:
                _put(connection, replace(_deployment(row), verdict=verdict))

    def of(self, repository: str, service: str = "") -> list[Deployment]:
        """The deployments of a repository, of one of its services where it is named; the newest first."""
        with self._database.reading() as connection:
            return _of(connection, repository, service)


def _of(connection: Connection, repository: str, service: str) -> list[Deployment]:
    query = select(DEPLOYMENTS).where(DEPLOYMENTS.c.repository == repository)
    query = query.where(DEPLOYMENTS.c.service == service) if service else query
    rows = connection.execute(query.order_by(DEPLOYMENTS.c.deployed_at.desc(), DEPLOYMENTS.c.id).limit(200)).mappings()
    return [_deployment(row) for row in rows]


def _put(connection: Connection, deployment: Deployment) -> None:
    row: Mapping[str, Any] = asdict(deployment) | {
        "deployed_at": deployment.deployed_at.astimezone(UTC).isoformat(),
        "patterns_used": list(deployment.patterns_used),
    }
    connection.execute(delete(DEPLOYMENTS).where(DEPLOYMENTS.c.id == deployment.id))
    connection.execute(insert(DEPLOYMENTS).values(**row))


def _deployment(row: RowMapping) -> Deployment:
    fields: dict[str, Any] = dict(row)
    at, used = datetime.fromisoformat(fields.pop("deployed_at")), tuple(fields.pop("patterns_used"))
    return Deployment(**fields, deployed_at=at, patterns_used=used)
