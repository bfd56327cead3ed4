"""What was paid for once is not paid for again: a fix that a person made and production proved heals the next occurrence without a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kintsugi.tools import Tools
from tests.components import needs
from tests.e2e.repairs import Defect, Workshop, is_mended

pytestmark = pytest.mark.anyio

SIZES = Defect(
    {
        "labels/__init__.py": "",
        "labels/shelf.py": """
            def sizes(items):
                return {item["name"]: item["parts"][len(item["parts"])] for item in items}
            """,
    },
    "from labels.shelf import sizes\nsizes([{'name': 'a', 'parts': [1]}])",
    "labels/shelf.py",
    """
    def sizes(items):
        return {item["name"]: item["parts"][len(item["parts"]) - 1] for item in items}
    """,
    "tests/test_sizes.py",
    """
    from labels.shelf import sizes


    def test_the_size_is_the_last_part():
        assert sizes([{"name": "a", "parts": [1, 2]}]) == {"a": 2}
    """,
)
OTHER_WORDS = {"labels": "cards", "shelf": "deck", "sizes": "ranks", "item": "card", "name": "suit", "parts": "marks"}


@needs("bubblewrap")
@pytest.mark.promise("S0.31")
async def test_a_mistake_is_paid_for_once_in_all_repositories(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    first = Workshop.of(SIZES, tmp_path / "first", tmp_path / "home")
    mended, note = await first.mended(SIZES)
    assert note.endswith("is active as expression.")

    await first.again(SIZES)
    case = await first.driven((await first.seen()).id)
    assert case.id == mended.id
    assert is_mended(first, case, SIZES)

    elsewhere = SIZES.calling(**OTHER_WORDS)
    second = Workshop.of(elsewhere, tmp_path / "second", tmp_path / "home")
    case = await second.driven((await second.seen()).id)
    assert is_mended(second, case, elsewhere)
    assert case.spent.get("tokens", 0) == 0
    assert any(mended.id in claim["text"] and "in first" in claim["text"] for claim in case.diagnosis["claims"])
    assert "ranks" in second.proposed(case, "tests/test_reproduces_" + case.evidence["fingerprint"]["coarse"][:8] + ".py")

    alike = {
        "no-part": replace(SIZES, trigger="from labels.shelf import sizes\nsizes([{'name': 'a'}])"),
        "first-part": SIZES.calling(**{'item["parts"][len(item["parts"])]': 'item["parts"][0]', "[1]": "[]"}),
        "rejected": elsewhere,
    }
    second.reject(case)
    for name, defect in alike.items():
        other = Workshop.of(defect, tmp_path / name, tmp_path / "home")
        answer = await Tools(other.deps).call("match_recipes", case_id=(await other.seen()).id)
        assert (answer["recipes"], answer["total"]) == ([], 0), name
        assert "learned" in answer["note"]
