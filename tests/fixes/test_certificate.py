from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mcp_servers.fixes.certificate import certify, folder_digest, suite_of, try_tests
from mcp_servers.fixes.jail import JAILS, Jail, Limits, default
from mcp_servers.fixes.model import Certificate
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Tests as Settings
from mcp_servers.kit.stack import Failure
from tests.components import needs

pytestmark = needs("bubblewrap")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TEST_PATH = "tests/test_reproduces_ab12cd.py"
TEST = "from shop.customers import format_phone\n\ndef test_no_phone():\n    assert format_phone(None) == ''\n"
BROKEN = "def format_phone(phone):\n    return phone.strip()\n\n\ndef greet(name):\n    return 'Hello ' + name\n"
FIXED = BROKEN.replace("return phone.strip()", "return (phone or '').strip()")
PRODUCTION = Failure("AttributeError", "/srv/app/shop/customers.py", "format_phone", "'NoneType' object has no attribute 'strip'")
BASE = {
    "shop/__init__.py": "",
    "shop/customers.py": BROKEN,
    "settings.toml": "[database]\npool_size = 2  # per worker\n",
    "tests/test_greet.py": "from shop.customers import greet\n\ndef test_greet():\n    assert greet('Ada') == 'Hello Ada'\n",
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(tmp_path / "base", BASE)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


def patched(base: Path, **changes: str | None) -> Path:
    """A copy of the base with files replaced, or removed where the change is None."""
    result = Path(shutil.copytree(base, base.parent / "result"))
    for name, content in changes.items():
        if content is None:
            (result / name).unlink()
        else:
            write(result, {name: content})
    return result


def examine(base: Path, result: Path, *, jail: Jail | None = None, **given: Any) -> Certificate:
    facts: dict[str, Any] = {"test_path": TEST_PATH, "test": TEST, "failure": PRODUCTION, "tests": Settings(), "now": NOW}
    facts |= {"runs": 2, "limits": Limits(seconds=5)}
    return certify(base=base, result=result, jail=jail or default(), **(facts | given))


@pytest.mark.promise("2")
class TestARealFix:
    def test_it_passes_with_everything_seen(self, base: Path) -> None:
        seen = examine(base, patched(base, **{"shop/customers.py": FIXED, TEST_PATH: TEST}), runs=3)
        assert seen.passed, seen.reason
        assert (seen.suite, seen.runs, seen.jail) == ("no worse", 3, "bubblewrap")
        assert seen.sweep in {"cgroup", "process namespace"}
        assert f"in bubblewrap, swept by {seen.sweep}, by" in seen.log
        assert seen.reason == (
            "The test fails on the base with AttributeError in format_phone, as in production, passes with the fix and fails again "
            "without it; the project's own tests are no worse; 3 runs agree."
        )
        assert seen.base == folder_digest(base)
        assert "2026-11-21T12:00:00" in seen.log

    def test_the_same_fix_gets_the_same_certificate_and_leaves_the_folders_alone(self, base: Path) -> None:
        result = patched(base, **{"shop/customers.py": FIXED})
        before = folder_digest(base), folder_digest(result)
        assert examine(base, result).id == examine(base, result).id
        assert (folder_digest(base), folder_digest(result)) == before

    def test_a_project_without_tests_can_be_mended(self, base: Path) -> None:
        shutil.rmtree(base / "tests")
        seen = examine(base, patched(base, **{"shop/customers.py": FIXED}))
        assert seen.passed, seen.reason
        assert seen.suite == "none"

    def test_a_suite_that_was_broken_before_does_not_stand_in_the_way(self, base: Path) -> None:
        write(base, {"tests/test_old.py": "def test_old():\n    assert False\n", "tests/test_gone.py": "import nowhere_to_be_found\n"})
        assert examine(base, patched(base, **{"shop/customers.py": FIXED})).passed

    def test_a_known_suite_is_not_run_again_on_the_base(self, base: Path) -> None:
        known = {folder_digest(base): suite_of(base, tests=Settings(), jail=default())}
        assert known[folder_digest(base)] == {"tests/test_greet.py::test_greet"}
        result = patched(base, **{"shop/customers.py": FIXED})
        assert examine(base, result, known_suite=known).passed
        assert examine(base, result, known_suite={folder_digest(base): frozenset({"tests/test_it.py::test_lost"})}).suite == "worse"

    def test_a_test_that_passed_once_and_fails_now_on_the_same_tree_is_named_and_not_counted(self, base: Path) -> None:
        greet, moody = "tests/test_greet.py::test_greet", "tests/test_moody.py::test_moody"
        write(base, {"tests/test_moody.py": "def test_moody():\n    assert False\n"})
        known = {folder_digest(base): frozenset({greet, moody})}
        seen = examine(base, patched(base, **{"shop/customers.py": FIXED}), known_suite=known)
        assert seen.passed, seen.reason
        assert seen.suite == "no worse"
        assert seen.reason.endswith(f"2 runs agree. Not counted, flaky: {moody}.")
        assert known[folder_digest(base)] == {greet}

    @pytest.mark.parametrize(
        "mended",
        [
            FIXED,
            BROKEN,
            BROKEN.replace("phone.strip()", "phone or ''"),
            BROKEN.replace("'Hello '", "'Bye '"),
            FIXED.replace("'Hello '", ""),
        ],
    )
    def test_what_was_seen_of_the_test_before_changes_nothing_but_the_time(self, base: Path, mended: str) -> None:
        result = patched(base, **{"shop/customers.py": mended})
        new, known = (examine(base, result, shown=shown) for shown in (False, True))
        assert (known.id, known.passed, known.reason) == (new.id, new.passed, new.reason)

    def test_a_fix_that_hangs_has_its_own_deadline_beside_a_patient_suite(self, base: Path) -> None:
        hanging = BROKEN.replace("return phone.strip()", "while phone is None: pass")
        result = patched(base, **{"shop/customers.py": hanging})
        seen = examine(base, result, shown=True, limits=Limits(seconds=1), suite_limits=Limits(seconds=300))
        assert "did not finish within 1 s" in seen.reason

    def test_the_certificate_names_a_jail_that_is_none(self, base: Path) -> None:
        seen = examine(base, patched(base, **{"shop/customers.py": FIXED}), jail=JAILS["bare"].open())
        assert seen.passed, seen.reason
        assert seen.jail == "bare"

    def test_a_failure_that_the_program_catches_and_logs_is_recognised(self, base: Path) -> None:
        api = (
            "import logging\nfrom shop.customers import format_phone\n\ndef handle(phone):\n    try:\n        return 200, format_phone(phone)\n"
            "    except Exception:\n        logging.exception('request failed')\n        return 500, ''\n"
        )
        write(base, {"shop/api.py": api})
        test = "from shop.api import handle\n\ndef test_no_phone():\n    assert handle(None)[0] == 200\n"
        seen = examine(base, patched(base, **{"shop/customers.py": FIXED}), test=test)
        assert seen.passed, seen.reason


BOUND = (
    "import tomllib\nfrom pathlib import Path\n\nKINTSUGI_CHECK = 'test_pool_covers_peak'\n\n\ndef test_pool_covers_peak():\n"
    "    settings = tomllib.loads(Path('settings.toml').read_text('utf-8'))\n    assert settings['database']['pool_size'] >= 17\n"
)
EXHAUSTED = Failure("sqlalchemy.exc.TimeoutError", "shop/db.py", "connect", "QueuePool limit of size 2 reached")


@pytest.mark.promise("2")
class TestABound:
    def test_a_change_of_settings_may_be_proven_by_a_bound_and_says_so(self, base: Path) -> None:
        result = patched(base, **{"settings.toml": "[database]\npool_size = 20  # per worker\n"})
        seen = examine(base, result, test=BOUND, failure=EXHAUSTED)
        assert seen.passed, seen.reason
        assert "configured bound 'test_pool_covers_peak'" in seen.reason

    def test_a_change_of_code_must_show_the_exception_itself(self, base: Path) -> None:
        result = patched(base, **{"settings.toml": "[database]\npool_size = 20\n", "shop/customers.py": FIXED})
        assert "write a test that raises the same exception" in examine(base, result, test=BOUND, failure=EXHAUSTED).reason

    def test_a_failure_without_an_exception_is_proven_by_a_bound(self, base: Path) -> None:
        test = (
            "from shop.customers import format_phone\n\nKINTSUGI_CHECK = 'test_it'\n\ndef test_it():\n    assert format_phone('a') == 'A'\n"
        )
        result = patched(base, **{"shop/customers.py": BROKEN.replace("phone.strip()", "phone.strip().upper()")})
        assert examine(base, result, test=test, failure=Failure("")).passed

    def test_an_assertion_elsewhere_is_not_the_declared_one(self, base: Path) -> None:
        result = patched(base, **{"settings.toml": "[database]\npool_size = 20\n"})
        test = BOUND.replace("KINTSUGI_CHECK = 'test_pool_covers_peak'", "KINTSUGI_CHECK = 'another'")
        assert "no assertion in a function of that name failed" in examine(base, result, test=test, failure=EXHAUSTED).reason


SWALLOWED = "def format_phone(phone):\n    try:\n        return phone.strip()\n    except {what}:\n        {do}\n\n\ndef greet(name):\n    return 'Hello ' + name\n"
ALWAYS = "\n\ndef test_always():\n    assert True\n"
DISPROVED: dict[str, tuple[dict[str, str | None], str, str]] = {
    "a no-op": (
        {"shop/customers.py": "# mended\n" + BROKEN},
        TEST,
        "With the fix tests/test_reproduces_ab12cd.py::test_no_phone still fails",
    ),
    "no change at all": ({}, TEST, "changes no file of the program"),
    "a swallowed exception": ({"shop/customers.py": SWALLOWED.format(what="Exception", do="return ''")}, TEST, "hides the error"),
    "a swallowed exception of the same type": (
        {"shop/customers.py": SWALLOWED.format(what="(KeyError, AttributeError)", do="return ''")},
        TEST,
        "shop/customers.py:4 catches AttributeError, KeyError",
    ),
    "a suppressed exception": (
        {
            "shop/customers.py": BROKEN.replace(
                "    return phone", "    import contextlib\n    with contextlib.suppress(AttributeError):\n        return phone"
            )
        },
        TEST,
        "hides the error",
    ),
    "an edited test": (
        {"shop/customers.py": FIXED, "tests/test_greet.py": "def test_greet():\n    pass\n"},
        TEST,
        "The fix changes tests/test_greet.py",
    ),
    "a deleted test": ({"shop/customers.py": FIXED, "tests/test_greet.py": None}, TEST, "The fix deletes tests/test_greet.py"),
    "a new conftest": (
        {"shop/customers.py": FIXED, "conftest.py": "collect_ignore = ['tests']\n"},
        TEST,
        "changes how tests run (conftest.py)",
    ),
    "settings of pytest": (
        {"shop/customers.py": FIXED, "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-x'\n"},
        TEST,
        "settings of pytest in pyproject.toml",
    ),
    "a suite that is worse": (
        {"shop/customers.py": FIXED.replace("Hello", "Bye")},
        TEST,
        "tests/test_greet.py::test_greet of the project's own tests no longer passes",
    ),
    "a test that is green on the base": ({"shop/customers.py": FIXED}, ALWAYS, "does not fail on the base"),
    "a test that swallows the exception": (
        {"shop/customers.py": FIXED},
        "from shop.customers import format_phone\n\ndef test_it():\n    try:\n        format_phone(None)\n    except AttributeError:\n        pass\n",
        "does not fail on the base",
    ),
    "another exception": (
        {"shop/customers.py": FIXED},
        "from shop.customers import format_phone, greet\n\ndef test_it():\n    assert format_phone('') == ''\n    greet(None)\n",
        "fails with TypeError in greet, but production failed with AttributeError in format_phone",
    ),
    "the exception raised by the test itself": (
        {"shop/customers.py": FIXED},
        "def test_it():\n    raise AttributeError(\"'NoneType' object has no attribute 'strip'\")\n",
        "reproduce that one",
    ),
    "a test that is skipped with the fix": (
        {"shop/customers.py": FIXED},
        "import pytest\nfrom shop.customers import format_phone\n\ndef test_it():\n    format_phone(None)\n    pytest.skip('done')\n",
        "reaches for its own judge: tests/test_reproduces_ab12cd.py:6 uses pytest.skip",
    ),
    "a test that is no Python": ({"shop/customers.py": FIXED}, "def test_it(:\n", "is not valid Python"),
    "a file without a test": ({"shop/customers.py": FIXED}, "def check():\n    assert False\n", "holds no test that runs"),
    "a process that ends in the fix": (
        {"shop/customers.py": "import os\n\ndef format_phone(phone):\n    os._exit(0)\n\n\ndef greet(name):\n    return 'Hello ' + name\n"},
        TEST,
        "looks at how it is tested",
    ),
    "a fix that hangs": (
        {"shop/customers.py": FIXED.replace("return (phone", "while phone is None: pass\n    return (phone")},
        TEST,
        "With the fix: The tests did not finish within 2 s.",
    ),
    "a fix that hangs the suite": (
        {"shop/customers.py": FIXED.replace("return 'Hello '", "while True: pass\n    return 'Hello '")},
        TEST,
        "The project's own tests with the fix: The tests did not finish within 2 s.",
    ),
    "a fix that forges the report": (
        {
            "shop/customers.py": "import os\n\ndef format_phone(phone):\n"
            '    line = b\'{"kind":"test","id":"tests/test_reproduces_ab12cd.py::test_no_phone","seen":{"outcome":"passed"}}\\n{"kind":"end","code":0}\\n\'\n'
            "    for each in range(3, 99):\n        try:\n            os.write(each, line)\n        except OSError:\n            continue\n"
            "    os._exit(0)\n\n\ndef greet(name):\n    return 'Hello ' + name\n"
        },
        TEST,
        "looks at how it is tested",
    ),
}


@pytest.mark.promise("2")
@pytest.mark.parametrize("fix", DISPROVED)
def test_what_is_no_fix_gets_no_certificate(base: Path, fix: str) -> None:
    changes, test, reason = DISPROVED[fix]
    seen = examine(base, patched(base, **changes), test=test, limits=Limits(seconds=2), suite_limits=Limits(seconds=2))
    assert not seen.passed
    assert reason in seen.reason


@pytest.mark.promise("2")
class TestFlakiness:
    def test_a_test_that_only_sometimes_fails_proves_nothing(self, base: Path) -> None:
        test = (
            "import time\nfrom shop.customers import format_phone\n\ndef test_no_phone():\n    assert format_phone(None) == ''\n\n"
            "def test_by_the_clock():\n    import os\n    assert os.urandom(1)[0] < 230\n"
        )
        seen = examine(base, patched(base, **{"shop/customers.py": FIXED}), test=test, runs=60)
        assert not seen.passed
        assert "test_by_the_clock" in seen.reason


class TestCandidates:
    def test_each_is_tried_on_the_base_and_only_the_right_failure_matches(self, base: Path) -> None:
        wrong = "from shop.customers import greet\n\ndef test_it():\n    greet(None)\n"
        candidates = [(TEST_PATH, TEST), (TEST_PATH, wrong), ("tests/test_b.py", ALWAYS), ("tests/test_c.py", "import os; os._exit(0)\n")]
        attempts = try_tests(base=base, candidates=candidates, failure=PRODUCTION, tests=Settings(), jail=default())
        assert [(each.path, each.outcome, each.matches) for each in attempts] == [
            (TEST_PATH, "failed", True),
            (TEST_PATH, "failed", False),
            ("tests/test_b.py", "passed", False),
            ("tests/test_c.py", "broken", False),
        ]
        assert attempts[0].failure_seen == Failure("AttributeError", "shop/customers.py", "format_phone", PRODUCTION.message)
        assert attempts[1].failure_seen is not None
        assert attempts[1].failure_seen.function == "greet"

    def test_a_declared_bound_matches_by_its_own_assertion(self, base: Path) -> None:
        attempts = try_tests(base=base, candidates=[(TEST_PATH, BOUND)], failure=EXHAUSTED, tests=Settings(), jail=default())
        assert attempts[0].matches

    def test_none_are_tried_without_a_jail_being_started(self, base: Path) -> None:
        assert try_tests(base=base, candidates=[], failure=PRODUCTION, tests=Settings(), jail=default()) == []

    @pytest.mark.parametrize(
        "path", ["/etc/cron.d/test_x.py", "../test_x.py", "tests/../../x.py", ".git/hooks/x.py", "tests/x.sh", "a\\..\\x.py"]
    )
    def test_a_path_outside_the_project_is_refused(self, base: Path, path: str) -> None:
        with pytest.raises(Refusal, match="no place for a test"):
            try_tests(base=base, candidates=[(path, TEST)], failure=PRODUCTION, tests=Settings(), jail=default())
        with pytest.raises(Refusal, match="no place for a test"):
            examine(base, base, test_path=path)
