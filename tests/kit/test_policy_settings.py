from __future__ import annotations

from pathlib import Path

import pytest

from mcp_servers.fixes.policy import version
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.policy import Policy, load

TEXT = '[patches]\nspan = 20\nprotected = ["billing/*"]\nhosts = ["api.example.com"]\n\n[approvals]\npeople = ["ada", "grace"]\nproof = { low = 1, medium = 2, high = 3 }\nminutes = 30\n'


def test_the_policy_is_read_from_outside_the_repository(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(TEXT, "utf-8")
    policy = load({"KINTSUGI_POLICY": str(file)}, tmp_path / "shop")
    assert (policy.span, policy.people, policy.protected, policy.minutes) == (20, ("ada", "grace"), ("billing/*",), 30)
    assert [policy.needed(risk) for risk in ("low", "medium", "high", "nonsense")] == [(1, 1), (2, 1), (2, 2), (2, 2)]


def test_a_policy_inside_the_repository_is_none(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(TEXT, "utf-8")
    (tmp_path / "link.toml").symlink_to(tmp_path / "policy.toml")
    for name in ("policy.toml", "link.toml"):
        with pytest.raises(Misconfigured, match="lies in the watched repository"):
            load({"KINTSUGI_POLICY": str(tmp_path / name)}, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[patches", "[patches]\nspan = 2\n", "[patches]\nspan = true\n", "[approvals]\npeople = 'ada'\n", "[approvals]\nproof = { tiny = 1 }\n", "[x]\n", "[approvals]\nauto = true\n", "[merge]\nauto_merge = 1\n", "[merge]\nproof = 3\n"],
)  # fmt: skip
def test_a_policy_that_cannot_be_read_allows_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(Misconfigured, match=r"policy\.toml"):
        load({"KINTSUGI_POLICY": str(file)})
    with pytest.raises(Misconfigured, match="is not there"):
        load({"KINTSUGI_POLICY": str(tmp_path / "none.toml")})


def test_every_setting_makes_another_version() -> None:
    policies = [
        Policy(),
        Policy(span=20),
        Policy(people=("ada",)),
        Policy(proof=(1, 2, 2)),
        Policy(minutes=30),
        Policy(hosts=("x",)),
        Policy(auto_merge=True),
    ]
    assert len({version(policy) for policy in policies}) == len(policies)
