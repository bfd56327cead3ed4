"""Who takes which sort of problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi import roles
from kintsugi.routing import categories, category_of
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Project


def project(root: Path, routing: str) -> Project:
    (root / "kintsugi.toml").write_text(f"[routing]\n{routing}\n", "utf-8")
    return Project.load(root)


@pytest.mark.promise("S1.20")
@pytest.mark.parametrize(
    ("error_type", "category"),
    [
        ("bug", "code_defects"),
        ("performance", "performance"),
        ("resource", "performance"),
        ("security", "security"),
        ("infrastructure", "integration_failures"),
        ("configuration", "configuration"),
        ("something new", "code_defects"),
    ],
)
def test_each_sort_of_error_has_a_category_with_roles_that_exist(error_type: str, category: str) -> None:
    found = category_of(error_type)
    assert found.name == category
    assert set(found.roles) <= set(roles.roles())


@pytest.mark.promise("S1.21")
def test_a_project_names_its_own_specialists_and_leaves_the_rest(tmp_path: Path) -> None:
    specialists = tmp_path / ".claude" / "agents"
    specialists.mkdir(parents=True)
    (specialists / "our-locksmith.md").write_text("---\nname: our-locksmith\n---\n", "utf-8")
    known = categories(project(tmp_path, 'security = ["our-locksmith", "fixer"]\nui_issues = "fixer"'))
    assert known["security"].roles == ("our-locksmith", "fixer")
    assert known["ui_issues"].roles == ("fixer",)
    assert known["performance"] == categories()["performance"]


@pytest.mark.promise("S1.21")
def test_a_specialist_that_the_team_does_not_have_is_stood_in_for(tmp_path: Path) -> None:
    routing = """
code_defects = ["drupal-module-developer", "drupal-test-automator"]
performance = ["drupal-performance-optimizer", "drupal-database-architect"]
security = ["drupal-security-guardian", "drupal-api-integrator"]
ui_issues = ["drupal-theme-specialist", "drupal-ui-designer"]
configuration = ["drupal-configuration-syncer", "drupal-deployment-manager"]
"""
    known = categories(project(tmp_path, routing))
    assert {role for category in known.values() for role in category.roles} <= set(roles.roles())
    assert known["security"].roles == ("fix-verifier", "fixer")


@pytest.mark.parametrize(
    ("routing", "sentence"),
    [
        ('security = ["nobody"]', r"names 'nobody', and there is no such role: put .claude/agents/nobody.md"),
        ('weather = ["fixer"]', r"unknown category 'weather'; it knows code_defects"),
        ("security = 7", "must name roles, for example"),
        ("security = []", "must name roles, for example"),
    ],
)
def test_a_route_that_leads_nowhere_is_said_with_what_to_do(tmp_path: Path, routing: str, sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        categories(project(tmp_path, routing))
