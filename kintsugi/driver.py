"""Puts a driver together: tools that may write, reasoners, the repository's head, and who deploys."""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.loop.deployers import Deployer, Merged
from kintsugi.loop.healer import Healer
from kintsugi.loop.workflow import Loop
from kintsugi.reasoners import REASONERS, Given, ladder
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from kintsugi.workspace import ledger_of
from mcp_servers.cases.leases import LAPSE
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.git import Repository
from mcp_servers.kit.landing import landed


def build_loop(
    deps: Deps,
    *,
    reasoners: Sequence[str] = (),
    deployer: Deployer | None = None,
    one_at_a_time: bool = False,
    tools: Tools | None = None,
    lapse: float = LAPSE,
) -> Loop:
    """The loop over one project, judged by `reasoners` (none given: those that the project names, after the free ones). A driver that shows no life for `lapse` seconds loses its cases to others. Raises `Refusal` when its repository cannot be used and `Misconfigured` for a reasoner that lacks a package."""
    project = deps.watched()
    repository = Repository.at(project.root)
    repository.head(project.branch)
    ledger = ledger_of(deps)

    def head() -> tuple[str, CommitTree]:
        commit = repository.head(project.branch)
        return commit, CommitTree(repository, commit)

    tools = tools or Tools(deps, writes=True)
    healer = Healer(
        tools,
        ledger,
        [REASONERS[name](Given(deps, tools, ledger, project.models.get(name, {}))) for name in reasoners or ladder(project.reasoners)],
        head,
        deployer or Merged(lambda fix: landed(repository, repository.head(project.branch), fix.base, fix.commit)),
        one_at_a_time=one_at_a_time,
        merges=deps.policy.auto_merge,
    )
    return Loop(healer, ledger, deps.scratch.parent, lapse=lapse)
