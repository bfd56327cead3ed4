from __future__ import annotations

from pathlib import Path

import pytest

from mcp_servers.kit.git import Blob
from mcp_servers.kit.landing import landed
from tests.conftest import Clock
from tests.fixes.repositories import shop


@pytest.mark.parametrize("way", ["merge --no-ff", "merge --squash", "cherry-pick", "other", "none"])
def test_a_change_is_found_however_it_came(tmp_path: Path, clock: Clock, way: str) -> None:
    user = shop(tmp_path / "shop")
    repository, base = user.repository, user.repository.head("main")
    tree = repository.write_tree_from(base, {"x.py": Blob(b"x = 1\n")})
    fix = repository.commit_tree(tree, [base], "fix\n", clock())
    user.commit("meanwhile", {"y.py": "y = 1\n"})
    if way == "other":
        user.commit("the same file, another change", {"x.py": "x = 2\n"})
    elif way != "none":
        user.git(*way.split(), fix)
        user.git("commit", "--quiet", "--allow-empty", "--message", "brought in")
    found = landed(repository, repository.head("main"), base, fix)
    assert bool(found) == (way not in {"other", "none"})
    if way == "merge --no-ff":
        assert found == fix
    elif found:
        assert "x.py" in user.git("show", "--name-only", "--format=", found)
