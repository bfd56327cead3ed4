from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcp_servers.fixes.certificate import certify, try_tests
from mcp_servers.fixes.jail import default
from mcp_servers.fixes.toolchains import go, node, php
from mcp_servers.fixes.toolchains.witnesses import Witness
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Tests as Settings
from mcp_servers.kit.stack import Failure
from tests.components import needs
from tests.fixes.badfixes import FOREIGN, Foreign

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
COMPONENTS = {"node": "node", "php": "phpunit", "go": "go"}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


@needs("bubblewrap")
@pytest.mark.parametrize("shop", [pytest.param(FOREIGN[name], marks=needs(component), id=name) for name, component in COMPONENTS.items()])
def test_a_fix_in_another_language_is_certified_and_a_no_op_is_not(tmp_path: Path, shop: Foreign) -> None:
    base = write(tmp_path / "base", {**shop.beside, shop.program: shop.broken})
    programs = {"mended": shop.mended, "same": shop.broken + "\n"}
    for name, program in programs.items():
        result = write(Path(shutil.copytree(base, tmp_path / name)), {shop.program: program})
        seen = certify(
            base=base,
            result=result,
            test_path=shop.path,
            test=shop.test,
            failure=shop.failure,
            tests=Settings(),
            jail=default(),
            now=NOW,
            runs=2,
        )
        assert seen.passed is (name == "mended"), seen.reason
        assert any(f"by {tool}" in seen.log for tool in ("node --test", "phpunit", "go test"))


@needs("bubblewrap")
def test_any_command_of_the_configuration_proves_a_check(tmp_path: Path) -> None:
    base = write(tmp_path / "base", {"limits.py": "most = 2\n"})
    result = write(Path(shutil.copytree(base, tmp_path / "result")), {"limits.py": "most = 20\n"})
    test = 'KINTSUGI_CHECK = "enough"\nimport limits\nassert limits.most > 10\n'
    tests = Settings(command=("python3", "{path}"))
    attempts = try_tests(base=base, candidates=[("enough.py", test)], failure=Failure(""), tests=tests, jail=default())
    assert [each.outcome for each in attempts] == ["failed"]
    seen = certify(
        base=base, result=result, test_path="enough.py", test=test, failure=Failure(""), tests=tests, jail=default(), now=NOW, runs=2
    )
    assert seen.passed, seen.reason


def test_a_program_that_is_missing_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Misconfigured, match="golang-go"):
        go.GO.readable()


class TestReading:
    def test_tap_names_tests_and_how_they_failed(self) -> None:
        text = (
            "TAP version 13\n# ok 1 - printed by the program\nnot ok 1 - no phone\n  ---\n  error: \"Cannot read properties of null\"\n  name: 'TypeError'\n  stack: |-\n"
            "    clean (/tmp/x/work/src/shop.js:2:16)\n    TestContext.<anonymous> (/tmp/x/work/test/a.test.js:4:45)\n    node:internal/process:1:1\n  ...\n"
            "ok 2 - a phone\nok 3 - later # SKIP\n"
        )
        seen = node.read(text, 1, "test/a.test.js")
        assert {name: outcome for name, (outcome, _) in seen.items()} == {"no phone": "failed", "a phone": "passed", "later": "skipped"}
        trace = seen["no phone"][1]
        assert trace is not None
        assert Failure.of(trace) == Failure("TypeError", "src/shop.js", "clean", "Cannot read properties of null")

    def test_the_report_of_phpunit_tells_what_was_thrown_and_where(self) -> None:
        text = (
            '<?xml version="1.0"?><testsuites><testsuite name="all"><testcase name="testIt" class="ATest"><error type="TypeError">ATest::testIt\n'
            "TypeError: a 'b' &lt;c&gt;\n\n/tmp/x/work/src/shop.php:5\n/tmp/x/work/tests/ATest.php:5\n</error></testcase>"
            '<testcase name="testGood" class="ATest"/><testcase name="testLater" class="ATest"><skipped/></testcase></testsuite></testsuites>'
        )
        seen = php.read(text, 1, "tests/ATest.php")
        trace = seen["ATest::testIt"][1]
        assert (seen["ATest::testGood"][0], seen["ATest::testLater"][0]) == ("passed", "skipped")
        assert trace is not None
        assert Failure.of(trace) == Failure("TypeError", "src/shop.php", "", "a 'b' <c>")

    @pytest.mark.parametrize("text", ["", "<testsuites><testsuite>", '<!DOCTYPE a [<!ENTITY b "c">]><testsuites/>'])
    def test_a_report_of_phpunit_that_is_cut_short_or_declares_something_is_none(self, text: str) -> None:
        assert php.read(text, 0, "tests/ATest.php") == {}

    def test_a_panic_of_go_is_read_from_what_the_test_printed(self) -> None:
        printed = ["panic: runtime error: index out of range [3] [recovered]\n", "goroutine 7 [running]:\n", "panic({0x1})\n\t/usr/lib/go/panic.go:884 +0x1\n",
                   "example.com/shop.(*Cart).Total(...)\n\t/tmp/x/work/cart.go:6\n", "example.com/shop.TestIt(0x1)\n\t/tmp/x/work/cart_test.go:13 +0x16\n"]  # fmt: skip
        lines = [f'{{"Action":"output","Test":"TestIt","Output":{json.dumps(each)}}}' for each in printed]
        seen = go.read("\n".join([*lines, '{"Action":"fail","Test":"TestIt"}', '{"Action":"pass","Test":"TestB"}']), 1, "cart_test.go")
        trace = seen["TestIt"][1]
        assert trace is not None
        assert Failure.of(trace).same_as(Failure("runtime error", "/srv/cart.go", "Cart.Total"))
        assert seen["TestB"] == ("passed", None)

    def test_what_does_not_compile_has_failed(self) -> None:
        assert go.read("shop.go:3: syntax error\n", 2, "cart_test.go") == {"cart_test.go": ("failed", None)}
        assert php.read("PHP Parse error: …\n", 255, "ATest.php") == {"ATest.php": ("failed", None)}


class TestWitness:
    WITNESS = Witness("tests", "aa", "bb")
    HELD = (("test_it", "passed"), ("aa", "failed"), ("bb", "passed"))

    @pytest.mark.parametrize(
        ("told", "held"),
        [
            (HELD, True),
            (HELD[:2], False),
            (HELD[:1], False),
            ((HELD[0], ("aa", "passed"), HELD[2]), False),
            ((HELD[0], HELD[2], HELD[1]), False),
            ((*HELD, ("test_more", "passed")), False),
            ((*HELD[:2], ("other.aa", "failed"), HELD[2]), False),
        ],
        ids=["both", "cut short", "neither", "one that has to fail passed", "out of order", "a result after the end", "twice"],
    )
    def test_both_have_to_be_told_once_in_order_and_last(self, told: Sequence[tuple[str, str]], held: bool) -> None:
        assert self.WITNESS.held({name: (outcome, None) for name, outcome in told}, last=True) is held
