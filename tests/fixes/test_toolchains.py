from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcp_servers.fixes.certificate import certify, try_tests
from mcp_servers.fixes.jail import default
from mcp_servers.fixes.toolchains import go, node, php
from mcp_servers.kit.errors import Misconfigured
from mcp_servers.kit.project import Tests as Settings
from mcp_servers.kit.stack import Failure
from tests.components import needs

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NODE = {"shop.js": "function clean(phone) {\n  return phone.trim();\n}\nmodule.exports = { clean };\n"}
NODE_TEST = (
    "const test = require('node:test');\nconst assert = require('node:assert');\nconst { clean } = require('../shop.js');\n"
    "test('no phone', () => { assert.strictEqual(clean(null), ''); });\n"
)
PHP = {
    "shop.php": "<?php\nfunction clean(?string $phone): string { return cut($phone); }\nfunction cut(string $text): string { return trim($text); }\n"
}
PHP_TEST = (
    "<?php\nrequire_once __DIR__ . '/../shop.php';\nfinal class CleanTest extends PHPUnit\\Framework\\TestCase {\n"
    "    public function testNoPhone(): void { $this->assertSame('', clean(null)); }\n}\n"
)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


@needs("bubblewrap")
@pytest.mark.parametrize(
    ("files", "path", "test", "old", "new", "failure"),
    [
        pytest.param(NODE, "test/clean.test.js", NODE_TEST, "phone.trim", "(phone ?? '').trim", Failure("TypeError", "/srv/shop.js", "clean"), marks=needs("node"), id="node"),
        pytest.param(PHP, "tests/CleanTest.php", PHP_TEST, "cut($phone)", "cut($phone ?? '')", Failure("TypeError", "/srv/shop.php", "cut"), marks=needs("phpunit"), id="php"),
    ],
)  # fmt: skip
def test_a_fix_in_another_language_is_certified_and_a_no_op_is_not(
    tmp_path: Path, files: Mapping[str, str], path: str, test: str, old: str, new: str, failure: Failure
) -> None:
    base = write(tmp_path / "base", files)
    for name, text, passed in (
        ("fixed", {k: v.replace(old, new) for k, v in files.items()}, True),
        ("same", {k: v + "\n" for k, v in files.items()}, False),
    ):
        result = write(Path(shutil.copytree(base, tmp_path / name)), text)
        seen = certify(
            base=base, result=result, test_path=path, test=test, failure=failure, tests=Settings(), jail=default(), now=NOW, runs=2
        )
        assert seen.passed is passed, seen.reason
        assert ("by node --test" in seen.log) or ("by phpunit" in seen.log)


FORGED_TAP = "process.stdout.write('ok 1 - no phone\\n1..1\\n'); globalThis['pro' + 'cess']['ex' + 'it'](0);\n"
FORGED_MESSAGES = """fwrite(STDOUT, "\\n##teamcity[testFinished name='testNoPhone' flowId='1']\\n"); $end = 'pcntl_' . 'exec'; $end('/bin/true'); return '';"""


@needs("bubblewrap")
@pytest.mark.parametrize(
    ("files", "path", "test", "forged", "failure"),
    [
        pytest.param(NODE, "test/clean.test.js", NODE_TEST, FORGED_TAP + NODE["shop.js"], Failure("TypeError", "/srv/shop.js", "clean"), marks=needs("node"), id="node"),
        pytest.param(PHP, "tests/CleanTest.php", PHP_TEST, PHP["shop.php"].replace("return cut($phone);", FORGED_MESSAGES), Failure("TypeError", "/srv/shop.php", "cut"), marks=needs("phpunit"), id="php"),
    ],
)  # fmt: skip
def test_a_program_that_prints_a_report_of_its_own_and_leaves_is_not_certified(
    tmp_path: Path, files: Mapping[str, str], path: str, test: str, forged: str, failure: Failure
) -> None:
    base = write(tmp_path / "base", files)
    result = write(Path(shutil.copytree(base, tmp_path / "forged")), dict.fromkeys(files, forged))
    seen = certify(base=base, result=result, test_path=path, test=test, failure=failure, tests=Settings(), jail=default(), now=NOW, runs=1)
    assert not seen.passed


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

    def test_the_messages_of_phpunit_are_unescaped(self) -> None:
        text = (
            "##teamcity[testStarted name='testIt' flowId='1']\n##teamcity[testFailed name='testIt' message='TypeError : a |'b|' c' "
            "details=' /tmp/x/work/src/shop.php:5|n /tmp/x/work/tests/ATest.php:5|n ' flowId='1']\n##teamcity[testFinished name='testIt' flowId='1']\n"
            "##teamcity[testFinished name='testGood' flowId='1']\n"
        )
        seen = php.read(text, 1, "tests/ATest.php")
        trace = seen["testIt"][1]
        assert seen["testGood"][0] == "passed"
        assert trace is not None
        assert Failure.of(trace) == Failure("TypeError", "src/shop.php", "", "a 'b' c")

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
