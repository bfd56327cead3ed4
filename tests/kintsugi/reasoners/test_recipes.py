from __future__ import annotations

from pathlib import Path

import pytest

from tests.kintsugi.reasoners.corpus import HEALED, UNKNOWN
from tests.kintsugi.reasoners.workshop import apply, attempt, judge, shows


@pytest.mark.promise("S1.16")
@pytest.mark.parametrize("name", HEALED)
def test_a_project_that_failed_gets_a_red_test_that_turns_green(name: str, tmp_path: Path) -> None:
    recipe, shop = HEALED[name]
    case, diagnosis, drafts = judge(shop, shop.build(tmp_path))
    assert diagnosis.recipe == recipe, diagnosis
    assert diagnosis.status in ("confirmed", "likely")
    assert drafts
    draft = drafts[0]
    tried = [(test, attempt(tmp_path, test)) for test in draft.tests]
    red = [test for test, outcome in tried if shows(outcome, case, test)]
    assert red, "\n\n".join(f"{test.content}\n{outcome}" for test, outcome in tried)
    apply(tmp_path, draft)
    outcome = attempt(tmp_path, red[0])
    assert outcome["code"] == 0, f"{red[0].content}\n{outcome}\n{draft.edits}"


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_only_looks_alike_stays_inconclusive_with_a_reason(name: str, tmp_path: Path) -> None:
    shop = UNKNOWN[name]
    _, diagnosis, drafts = judge(shop, shop.build(tmp_path))
    assert diagnosis.status == "inconclusive", diagnosis
    assert diagnosis.reason
    assert not drafts
