"""Guards: rules that were seen to work."""

from __future__ import annotations

import pytest

from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.guards.checking import check
from mcp_servers.knowledge.guards.compiling import compile

WHY = "a phone may be missing. Instead: treat it as empty."


def guard_of(path: str, before: str, after: str) -> dict[str, object]:
    guard = compile({path: before}, {path: after}, WHY)
    assert guard is not None
    return guard


@pytest.mark.promise("S1.25")
def test_a_guard_flags_the_mistake_in_another_repository_and_spares_the_fix() -> None:
    guard = guard_of("shop/a.py", "def f(phone):\n    return phone.strip()\n", "def f(phone):\n    return (phone or '').strip()\n")
    elsewhere = {
        "other/b.py": "def g(phone):\n    print(1)\n    return phone.strip()\n",
        "other/c.py": "def g(phone):\n    return (phone or '').strip()\n",
    }
    assert [(finding.path, finding.line, finding.message) for finding in check(guard, elsewhere)] == [("other/b.py", 3, WHY)]


def test_a_forgotten_argument_is_found_in_every_call_of_that_function() -> None:
    guard = guard_of("a.py", "import requests\nrequests.get(url)\n", "import requests\nrequests.get(url, timeout=5)\n")
    calls = "requests.get('https://x.test', headers=dict(timeout=3))\nrequests.get(x, timeout=1)\nrequests.post(x)\n"
    assert [finding.line for finding in check(guard, {"b.py": calls})] == [1]


def test_a_changed_line_of_another_language_becomes_a_rule() -> None:
    before, after = "function f(c) {\n  return c.phone.trim();\n}\n", "function f(c) {\n  return (c.phone ?? '').trim();\n}\n"
    guard = guard_of("a.js", before, after)
    assert [finding.line for finding in check(guard, {"b.js": before, "c.js": after, "d.py": before})] == [2]


@pytest.mark.parametrize(
    ("path", "before", "after", "worse"),
    [
        ("settings.toml", "[database]\npool_size = 5\n", "[database]\npool_size = 20\n", "[database]\nname = 'x'\npool_size = 19\n"),
        ("settings.yaml", "database:\n  pool_size: 5\n", "database:\n  pool_size: 20\n", "database:\n  name: x\n  pool_size: 7\n"),
        ("settings.json", '{"database": {"pool_size": 5}}', '{"database": {"pool_size": 20}}', '{"database":\n{\n"pool_size": 6}}'),
        (".env", "POOL=5\n", "POOL=20\n", "A=1\nB=2\nexport POOL='12' # small\n"),
        (
            "app.ini",
            "[web]\nsize = 5\n[db]\nsize = 5\n",
            "[web]\nsize = 5\n[db]\nsize = 20\n",
            "[db]\nname: x\nsize: 12 ; few\n[web]\nsize = 1\n",
        ),
    ],
)
def test_a_raised_number_becomes_a_lower_bound(path: str, before: str, after: str, worse: str) -> None:
    guard = guard_of(path, before, after)
    assert (guard["kind"], guard["at_least"]) == ("config-bound", 20)
    assert [finding.line for finding in check(guard, {f"elsewhere/{path}": worse})] == [3]
    assert check(guard, {f"elsewhere/{path}": after, "other.toml": worse}) == []


def test_a_lowered_number_becomes_an_upper_bound() -> None:
    guard = guard_of("settings.toml", "retries = 50\n", "retries = 5\n")
    assert guard["at_most"] == 5
    assert [finding.text for finding in check(guard, {"settings.toml": "retries = 6\n"})] == ["retries = 6"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    return x.y\n", "def f(x):\n    if not x:\n        return None\n    return x.y\n"),
        ("return True\n", "return False\n"),
        ("a.b(\n", "a.c(\n"),
        ("x.y()\n", "x.y()\n"),
        ("", ""),
        ("((((" * 2000, "x.y()"),
    ],
)
def test_a_change_that_proves_no_rule_makes_no_guard(before: str, after: str) -> None:
    guard = compile({"a.py": before}, {"a.py": after}, WHY)
    assert guard is None or (check(guard, {"a.py": before}) and not check(guard, {"a.py": after}))


def test_an_insertion_alone_proves_nothing() -> None:
    assert compile({"a.py": "x.y()\n"}, {"a.py": "if x:\n    z = 1\nx.y()\n"}, WHY) is None


def test_the_same_mistake_has_one_guard_whatever_it_is_called() -> None:
    before, after = {"a.py": "requests.get(u)\n"}, {"a.py": "requests.get(u, timeout=5)\n"}
    one, two = compile(before, after, "first"), compile(before, after, "second")
    assert one is not None
    assert two is not None
    assert one["id"] == two["id"]


def test_hostile_paths_and_contents_stay_inside() -> None:
    guard = guard_of("../../etc/a.py", "boom(1)\nx.y(2)\n", "boom(1)\nx.z(2)\n")
    assert [finding.path for finding in check(guard, {"/etc/../x.py": "x.y(2)\n", "sgconfig.yml": "ruleDirs: [/]\n"})] == ["/etc/../x.py"]


def test_a_guard_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(Refusal, match="no guard of kind 'shell'"):
        check({"kind": "shell", "rule": "rm"}, {"a.py": ""})
