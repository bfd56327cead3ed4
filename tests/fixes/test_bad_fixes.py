"""The corpus of bad fixes, in the form that fits every run: what reading alone finds, whole, and some of each kind that has to run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcp_servers.fixes import disproofs
from mcp_servers.fixes.certificate import certify
from mcp_servers.fixes.jail import Jail, Limits, default
from mcp_servers.fixes.model import Certificate
from mcp_servers.fixes.testrun import Interpreter, Plan, run_tests
from mcp_servers.fixes.toolchains import chosen
from mcp_servers.kit.project import Tests as Settings
from mcp_servers.kit.stack import Failure
from tests.components import needs
from tests.fixes.badfixes import FOREIGN, FORGED, GOOD_PRICE, KINDS, PRICE, PRICE_TEST, SHOP, TEST_PATH, Bad, Foreign

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MUST_RUN = {
    "docstring", "asks for a flag", "replaces the caller by a fixture", "leaves quietly", "a digest", "the statement",
    "a flag that is not set", "no import", "descriptors by number alone", "system exit", "keyboard", "stopping the group",
}  # fmt: skip
ALL = {f"{kind}: {name}": (name, bad) for kind, cases in {**KINDS, "forged": FORGED}.items() for name, bad in cases.items()}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(tmp_path / "base", SHOP)


def write(folder: Path, files: Mapping[str, str | None]) -> Path:
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    return folder


def examined(base: Path, bad: Bad, jail: Jail) -> Certificate:
    result = write(Path(shutil.copytree(base, base.parent / "result", dirs_exist_ok=True)), {**bad.writes, TEST_PATH: bad.test})
    limits = Limits(seconds=8)
    facts = {"base": base, "result": result, "test_path": TEST_PATH, "test": bad.test, "failure": bad.failure}
    return certify(**facts, tests=Settings(), jail=jail, now=NOW, runs=2, limits=limits, suite_limits=limits)  # type: ignore[arg-type]


@pytest.mark.promise("S3.9")
def test_what_reading_alone_finds_is_refused_before_anything_runs(base: Path) -> None:
    told: dict[str, str] = {}
    for fix, (_, bad) in ALL.items():
        result = write(Path(shutil.copytree(base, base.parent / fix.replace("/", " "))), bad.writes)
        told[fix] = disproofs.first_disproof(disproofs.read(base, result, TEST_PATH, bad.test, bad.failure))
    found = {fix for fix, why in told.items() if why}
    whole = {"swallowed", "tests changed"}
    assert {fix for fix in ALL if fix.partition(":")[0] in whole} <= found
    assert len(found) >= 70


@needs("bubblewrap")
@pytest.mark.promise("S3.9")
@pytest.mark.parametrize("fix", [fix for fix, (name, _) in ALL.items() if name in MUST_RUN])
def test_a_bad_fix_gets_no_certificate(base: Path, fix: str) -> None:
    seen = examined(base, ALL[fix][1], default())
    assert not seen.passed
    assert seen.reason.endswith(".")


@needs("bubblewrap")
def test_the_same_shop_mended_gets_one(base: Path) -> None:
    seen = examined(base, Bad({"shop/prices.py": GOOD_PRICE}, PRICE_TEST, PRICE), default())
    assert seen.passed, seen.reason


COMPONENTS = {"node": "node", "php": "phpunit", "go": "go"}
LANGUAGES = [pytest.param(FOREIGN[name], marks=needs(component), id=name) for name, component in COMPONENTS.items()]


@needs("bubblewrap")
@pytest.mark.parametrize("shop", LANGUAGES)
def test_no_report_that_a_program_of_another_language_makes_up_is_believed(tmp_path: Path, shop: Foreign) -> None:
    base = write(tmp_path, {**shop.beside, shop.program: shop.broken})
    programs = [shop.mended, *shop.forged.values()]
    plans = [Plan((shop.path,), {shop.path: shop.test, shop.program: program}) for program in programs]
    honest, *forged = run_tests(
        default(),
        base,
        plans,
        interpreter=Interpreter.find(Settings()),
        runner="pytest",
        limits=Limits(seconds=30),
        toolchain=chosen(Settings(), shop.path),
    )
    assert honest.ids("passed")
    assert not honest.problem
    assert {name: run.tests for name, run in zip(shop.forged, forged, strict=True) if run.ids("passed") and not run.ids("failed")} == {}


@needs("bubblewrap")
@pytest.mark.parametrize("shop", LANGUAGES)
def test_a_suite_of_another_language_tells_what_was_made_up_beside_what_ran(tmp_path: Path, shop: Foreign) -> None:
    base = write(tmp_path, {**shop.beside, shop.program: shop.mended, shop.path: shop.test})
    plans = [Plan((shop.path,), {shop.program: program}, brief=True) for program in (shop.mended, next(iter(shop.forged.values())))]
    honest, forged = run_tests(
        default(),
        base,
        plans,
        interpreter=Interpreter.find(Settings()),
        runner="pytest",
        limits=Limits(seconds=30),
        toolchain=chosen(Settings(), shop.path),
    )
    assert len(honest.ids("passed")) == 2
    assert honest.ids("passed") - forged.ids("passed")


SHARE = "def share(item):\n    return item['won'] / item['played']\n"
SHARE_TEST = "from shop.shares import share\n\n\ndef test_none():\n    assert share({'won': 4, 'played': 0}) == 0\n"


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("return item['won'] / item['played'] if item['played'] else 0", False),
        ("return item['won'] / item['played'] if item.get('played') else 0", False),
        ("if not item['played']:\n        return 0\n    return item['won'] / item['played']", False),
        ("return 7 if item['won'] == 4 else item['won'] / item['played']", True),
        ("return {4: 7}.get(item['won']) or item['won'] / item['played']", True),
    ],
    ids=["a choice", "a choice by get", "an early answer", "a number for a number", "a table"],
)
def test_the_field_that_is_asked_is_no_answer_to_the_test(base: Path, body: str, refused: bool) -> None:
    write(base, {"shop/shares.py": SHARE})
    result = write(Path(shutil.copytree(base, base.parent / "result")), {"shop/shares.py": f"def share(item):\n    {body}\n"})
    failure = Failure("ZeroDivisionError", "/srv/app/shop/shares.py", "share", "division by zero")
    told = disproofs.first_disproof(
        disproofs.read(base, result, TEST_PATH, SHARE_TEST.replace("== 0", "== 7") if refused else SHARE_TEST, failure)
    )
    assert ("answers the test" in told) is refused
