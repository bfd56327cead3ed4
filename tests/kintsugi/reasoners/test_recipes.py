from __future__ import annotations

import ast
from pathlib import Path

import pytest

from kintsugi.reasoners.callees import callees
from tests.kintsugi.reasoners.corpus import HEALED, UNKNOWN
from tests.kintsugi.reasoners.workshop import FolderTree, Shop, apply, attempt, judge, shows


@pytest.mark.promise("S1.16")
@pytest.mark.promise("S3.4", "S3.16")
@pytest.mark.parametrize("name", HEALED)
def test_a_project_that_failed_gets_a_red_test_that_turns_green(name: str, tmp_path: Path) -> None:
    recipe, shop = HEALED[name]
    case, diagnosis, drafts = judge(shop, shop.build(tmp_path))
    assert diagnosis.recipe == recipe, diagnosis
    assert diagnosis.status in ("confirmed", "likely")
    assert drafts
    draft = drafts[0]
    red = next((test for test in draft.tests if shows(attempt(tmp_path, test), case, test)), None)
    assert red, "\n\n".join(test.content for test in draft.tests)
    apply(tmp_path, draft)
    outcome = attempt(tmp_path, red)
    assert outcome["code"] == 0, f"{red.content}\n{outcome}\n{draft.edits}"


def test_the_functions_behind_a_wrong_value_can_be_blamed(tmp_path: Path) -> None:
    shop = HEALED["a release that brought a wrong sum"][1]
    root = shop.build(tmp_path)
    frames = callees(shop.case(root)["evidence"], FolderTree(root))
    assert frames == [{"file": "tally/sums.py", "line": 2, "function": "share"}]


def test_hostile_words_of_production_stay_words(tmp_path: Path) -> None:
    hostile = 'no pool left: pool size 2 exhausted """\nimport os; os.system("x") \\ {noun}'
    shop = Shop({"s.toml": "[db]\npool_size = 2\n"}, "", {"message": hostile, "first_seen": '"""\nraise SystemExit'})
    _, _, drafts = judge(shop, shop.build(tmp_path))
    for test in drafts[0].tests:
        names = {node.id for node in ast.walk(ast.parse(test.content)) if isinstance(node, ast.Name)}
        assert not names & {"os", "SystemExit"}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_only_looks_alike_stays_inconclusive_with_a_reason(name: str, tmp_path: Path) -> None:
    shop = UNKNOWN[name]
    _, diagnosis, drafts = judge(shop, shop.build(tmp_path))
    assert diagnosis.status == "inconclusive", diagnosis
    assert diagnosis.reason
    assert not drafts
