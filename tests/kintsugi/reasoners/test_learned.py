from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from kintsugi.reasoners import Diagnosis, Draft
from kintsugi.reasoners.learned import Learned
from kintsugi.tools import Tools
from tests.kintsugi.reasoners.corpus import UNKNOWN
from tests.kintsugi.reasoners.workshop import FolderTree

FOUND = {
    "recipe": "recipe_1",
    "lesson_id": "lesson_1",
    "level": "shape",
    "why": "healed like lesson_1, case_1, in labels",
    "title": "Think of a missing name",
    "cause": "a name may be missing",
    "file": "app.py",
    "line": 2,
    "function": "label",
    "edits": [{"kind": "diff", "diff": "--- a/app.py\n"}],
    "test": {"path": "tests/test_reproduces_ab12cd34.py", "content": "def test_it(): ...\n"},
}


class Answers:
    """The knowledge server, as far as it is asked here."""

    def __init__(self, *recipes: dict[str, Any]) -> None:
        self._recipes = list(recipes)

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        assert (name, arguments) == ("match_recipes", {"case_id": "case_1"})
        return {"recipes": self._recipes}


def judged(place: Path, *recipes: dict[str, Any], recipe: str = "") -> tuple[Diagnosis, list[Draft]]:
    """What the reasoner says of a case that no shipped recipe knows; `recipe` names the diagnosis of another."""
    shop = next(iter(UNKNOWN.values()))
    case, tree = shop.case(shop.build(place)), FolderTree(place)
    reasoner = Learned(cast(Tools, Answers(*recipes)))

    async def both() -> tuple[Diagnosis, list[Draft]]:
        diagnosis = await reasoner.diagnose(case, tree, ())
        stands = Diagnosis("confirmed", recipe=recipe) if recipe else diagnosis
        return diagnosis, list(await reasoner.propose(case, stands, tree, ()))

    return asyncio.run(both())


def test_a_recipe_that_fits_is_the_diagnosis_and_says_where_it_was_learned(tmp_path: Path) -> None:
    diagnosis, drafts = judged(tmp_path, FOUND, {**FOUND, "recipe": "recipe_2", "lesson_id": "lesson_2"})
    assert (diagnosis.status, diagnosis.recipe, diagnosis.file, diagnosis.line) == ("likely", "recipe_1", "app.py", 2)
    assert diagnosis.claims[0].text == "healed like lesson_1, case_1, in labels, at the level shape"
    assert [draft.recipe for draft in drafts] == ["recipe_1", "recipe_2"]
    assert drafts[0].tests[0].path == FOUND["test"]["path"]
    assert "No model was asked" in drafts[0].reasoning


def test_where_nothing_fits_it_has_no_word_to_say(tmp_path: Path) -> None:
    assert judged(tmp_path) == (Diagnosis("inconclusive"), [])


def test_a_case_that_another_recipe_judged_is_left_to_it(tmp_path: Path) -> None:
    assert judged(tmp_path, FOUND, recipe="optional-value")[1] == []
