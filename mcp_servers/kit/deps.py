"""What a slice is given when it is mounted: built once in `launch`, passed in, never looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.gate import Gate
from mcp_servers.kit.policy import SHIPPED, Policy
from mcp_servers.kit.project import Project


def uncounted(_database: Database, _since: datetime) -> Mapping[str, int]:
    """No counts: nobody was asked."""
    return {}


def unrecorded(_database: Database) -> Sequence[Mapping[str, str]]:
    """No services: nobody was asked."""
    return ()


@dataclass(frozen=True, slots=True)
class Deps:
    """The watched project (None outside one), the store, the gate, the clock (aware UTC), a folder of ours for work files,
    the environment, where adapters find their credentials, what knowledge counts for the figures of the loop, what it has on
    record of services (`service`, `kind`, `name`, `told` and `scope` of each use), and how the project is looked for again where one may
    come or change."""

    project: Project | None
    database: Database
    gate: Gate
    clock: Callable[[], datetime]
    scratch: Path
    allow_bare_jail: bool = False
    policy: Policy = SHIPPED
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    counted: Callable[[Database, datetime], Mapping[str, int]] = uncounted
    services: Callable[[Database], Sequence[Mapping[str, str]]] = unrecorded
    seek: Callable[[], Project | None] | None = None

    def present(self) -> Project | None:
        """The project as it is described now, widened by the environment, or None; raises `Misconfigured` for a description that cannot be read."""
        project = self.seek() if self.seek else self.project
        return project.widened(self.environ) if project else None

    def watched(self) -> Project:
        """The project, or `Misconfigured` with what to do when there is none."""
        project = self.present()
        if project is None:
            raise Misconfigured(
                "No project is being watched here; start inside a repository that has a kintsugi.toml (`kintsugi init` writes one)."
            )
        return project
