"""An approved fix on its way to GitHub and back, with the forge failing on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from mcp_servers.kit.errors import Unavailable
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.components import needs
from tests.conftest import Clock
from tests.contracts.scenes import REF, GitHubScene
from tests.fixes.test_apply import Bench

pytestmark = needs("emulate")


def test_a_fix_whose_forge_was_down_goes_on_from_its_branch_and_comes_back_whole(github: GitHubScene, tmp_path: Path, clock: Clock) -> None:
    github.watched.git("update-ref", "-d", REF)
    project = Project(github.watched.root, "shop")
    bench = Bench(github.watched, assemble(project, home=tmp_path / "home", clock=clock), clock)
    fix = bench.approved()
    applier = replace(bench.applier, forge=github.forge)
    github.fails("POST", "/pulls", lambda request: httpx2.Response(503, json={}), times=5)
    with pytest.raises(Unavailable):
        applier.apply(fix.id, bench.write())
    assert github.pulls == []
    applied = applier.apply(fix.id, bench.write())
    (pull,) = github.pulls
    assert (pull["head"]["sha"], pull["draft"], pull["state"]) == (applied.commit, True, "open")
    assert [label["name"] for label in pull["labels"]] == ["AI-Fix", "auto-generated"]
    assert applied.digest in pull["body"]
    applier.rollback(fix.id, bench.write("rollback_fix"))
    assert github.pulls[0]["state"] == "closed"
    assert github.published.git("for-each-ref", "refs/heads/kintsugi") == ""
