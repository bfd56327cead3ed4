"""Where a check leads that fails in the jail, by what ran in it and in the tests beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_servers.fixes.jail import default
from mcp_servers.fixes.places.searching import Search, neighbours, search
from mcp_servers.fixes.places.spectra import record
from mcp_servers.kit import project
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from tests.components import needs

UNITTEST = project.Tests(runner="unittest")
MONEY = """def total(items):
    amount = 0
    for item in items:
        amount += discounted(item)
    return amount


def discounted(item):
    if item >= 100:
        return halved(item)
    return item


def halved(item):
    return item
"""
BESIDE = (
    "from shop.money import total\n\n\ndef test_one():\n    assert total([1]) == 1\n\n\ndef test_two():\n    assert total([1, 2]) == 3\n"
)
AWAY = "import socket\n\nfrom shop.money import halved, total\n\n\ndef test_bank():\n    halved(total([1]))\n    socket.create_connection(('192.0.2.1', 9), 1)\n"
CHECK = ("tests/test_reproduces.py", "from shop.money import total\n\n\ndef test_large():\n    assert total([100]) == 50\n")
TRACE = StackTrace("python", (ExceptionInfo("AssertionError", "", (Frame(CHECK[0], 5, "test_large"),)),))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    files = {
        "shop/money.py": MONEY,
        "tests/test_money.py": BESIDE,
        "tests/test_bank.py": AWAY,
        "tests/test_words.py": "def test_a():\n    pass\n",
    }
    for name, text in files.items():
        path = tmp_path / "work" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "work"


def searched(work: Path, tests: project.Tests) -> Search:
    return search(default(), work, CHECK, TRACE, tests=tests)


@needs("bubblewrap")
@pytest.mark.parametrize("runner", ["pytest", "unittest"])
def test_what_ran_in_the_failing_check_alone_comes_first(work: Path, runner: str) -> None:
    found = searched(work, project.Tests(runner=runner))
    assert found.places[0].function == "halved"
    assert "the check, and 2 tests that pass" in found.how
    assert not (work / CHECK[0]).exists()


@needs("bubblewrap")
def test_a_check_that_does_not_end_has_failed_and_what_ran_until_then_is_told(work: Path) -> None:
    endless = "from shop.money import total\n\n\ndef test_endless():\n    total([1])\n    while True:\n        pass\n"
    seen, _ = record(default(), work, [CHECK[0], "tests/test_money.py"], tests=UNITTEST, write={CHECK[0]: endless}, seconds=1)
    assert list(seen.lines) == list(seen.failed)
    assert {"total", "discounted"} <= {spot.function for test in seen.failed for spot in seen.ran(test)}


@needs("bubblewrap")
def test_where_nothing_can_be_watched_the_reason_is_told_and_the_text_ranks(work: Path) -> None:
    found = searched(work, project.Tests(command=("make", "test")))
    assert found.places[0].function == "total"
    assert found.how.startswith("Ranked without a run")


def test_the_nearest_tests_share_what_the_check_names() -> None:
    files = {
        "tests/test_money.py": BESIDE,
        "tests/test_words.py": "def test_a():\n    pass\n",
        "tests/helper.py": BESIDE,
        "shop/money.py": MONEY,
    }
    assert neighbours(CHECK[1], files, files.__getitem__) == ["tests/test_money.py"]
