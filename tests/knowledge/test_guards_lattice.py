"""What a guard understands of a mistake: fixes of our own, in other words elsewhere, and in code that is right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.guard_pairs import PAIRS, Pair
from benchmarks.guard_pairs_unseen import LATER, UNSEEN
from benchmarks.guards import flags_before_only, knows_elsewhere
from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.guards import backtest
from mcp_servers.knowledge.guards.backtest import Corpus
from mcp_servers.knowledge.guards.checking import check, lost_tests
from mcp_servers.knowledge.guards.compiling import compile, works
from mcp_servers.knowledge.guards.mending import apply
from mcp_servers.knowledge.guards.model import Guard, guard_id

_SHORT = (
    "no timeout",
    "never closed",
    "no match",
    "not awaited",
    "client without",
    "body never",
    "curl",
    "memory",
    "debugging",
    "moving base",
)


def guard_of(path: str, before: str, after: str, **more: object) -> Guard:
    guard = compile({path: before}, {path: after}, "why", **more)  # pyright: ignore[reportArgumentType]
    assert guard is not None
    return guard


@pytest.mark.promise("S1.25")
@pytest.mark.parametrize("pair", [pair for pair in PAIRS if any(word in pair.name for word in _SHORT)], ids=lambda pair: pair.name)
def test_a_fix_becomes_a_guard_that_knows_the_mistake_in_other_words(pair: Pair) -> None:
    guard = guard_of(pair.path, pair.before, pair.after)
    assert flags_before_only(pair, guard)
    assert works(guard)
    assert knows_elsewhere(pair, guard)


@pytest.mark.parametrize(
    ("pair", "right"),
    [
        ("no timeout", "import requests\n\n\ndef a(url, **how):\n    requests.get(url, **how)\n    requests.get(url, timeout=1)\n"),
        (
            "file never",
            "def a(p):\n    f = open(p)\n    try:\n        return f.read()\n    finally:\n        f.close()\n\n\ndef b(p):\n    return open(p)\n",
        ),
        ("no match", "import re\n\n\ndef a(t):\n    m = re.match('a', t)\n    return m.group() if m else ''\n"),
        ("not awaited", "async function a(o) {\n  const r = await database.insertOrder(o);\n  return r;\n}\n"),
        ("no signal", "fetch(url, options);\nfetch(url, { ...all });\nfetch(url, { signal });\n"),
        (
            "body never",
            "package a\n\nfunc A() {\n\tr, _ := http.Get(u)\n\tdefer r.Body.Close()\n}\n\nfunc B() (*http.Response, error) {\n\treturn http.Get(u)\n}\n",
        ),
    ],
)
def test_code_that_does_it_right_in_its_own_way_is_left_alone(pair: str, right: str) -> None:
    made = next(one for one in PAIRS if pair in one.name)
    assert check(guard_of(made.path, made.before, made.after), {f"other/{made.path}": right}) == []


_SAID = (
    "statement from text",
    "nobody waits",
    "very beginning",
    "certificates unseen",
    "can be guessed",
    "whether it parsed",
    "java: values",
)


@pytest.mark.parametrize(
    "pair", [pair for pair in (*UNSEEN, *LATER) if any(word in pair.name for word in _SAID)], ids=lambda pair: pair.name
)
def test_how_it_was_said_is_the_mistake_whatever_the_names_are(pair: Pair) -> None:
    guard = guard_of(pair.path, pair.before, pair.after)
    assert flags_before_only(pair, guard)
    assert works(guard)
    assert knows_elsewhere(pair, guard)


@pytest.mark.parametrize(
    ("path", "before", "after", "right"),
    [
        (
            "a.py",
            "def a(c, n):\n    c.execute(f'SELECT {n}')\n",
            "def a(c, n):\n    c.execute('SELECT ?', (n,))\n",
            "def b(db, n):\n    db.execute('SELECT ?', (f'{n}',))\n    db.perform(f'{n}')\n",
        ),
        ("a.js", "function a(b, u) {\n  b.innerHTML = u;\n}\n", "function a(b, u) {\n  b.textContent = u;\n}\n", "if (b.innerHTML == u) {\n  b.inner = u;\n}\n"),
        (
            "a.go",
            "package a\n\nfunc A(b []byte) {\n\tjson.Unmarshal(b, &x)\n}\n",
            "package a\n\nfunc A(b []byte) error {\n\treturn json.Unmarshal(b, &x)\n}\n",
            "package b\n\nfunc B(b []byte) {\n\terr := json.Unmarshal(b, &y)\n\tlog(err)\n}\n",
        ),
        ("a.py", "def a(kept=[]):\n    kept.append(1)\n", "def a(kept=None):\n    kept = kept or []\n    kept.append(1)\n", "def b(kept=(), *, more=None):\n    kept = []\n"),
    ],
)  # fmt: skip
def test_other_ways_to_say_it_are_left_alone(path: str, before: str, after: str, right: str) -> None:
    assert check(guard_of(path, before, after), {f"other/{path}": right}) == []


def test_a_guard_points_at_what_was_mended_rather_than_at_what_stands_near() -> None:
    before = "def add(item, basket=[]):\n    basket.append(item)\n    basket.append(item)\n    return basket\n"
    guard = guard_of("a.py", before, before.replace("=[]):\n", "=None):\n    if basket is None:\n        basket = []\n"))
    assert [finding.line for finding in check(guard, {"a.py": before})] == [1]


def test_every_place_of_a_change_counts_more_than_the_first() -> None:
    before = "import requests\n\n\ndef a(u):\n    requests.get(u)\n    requests.get(u + 'x')\n    requests.get('y')\n"
    guard = guard_of("a.py", before, before.replace(")\n    req", ", timeout=5)\n    req").replace("'y')", "'y', timeout=5)"))
    assert [finding.line for finding in check(guard, {"a.py": before})] == [5, 6, 7]


@pytest.mark.parametrize(
    ("before", "after", "elsewhere", "mended"),
    [
        ("requests.get(u)\n", "requests.get(u, timeout=5)\n", "x = requests.get(\n    'é', headers=h,\n).json()\n", "x = requests.get(\n    'é', headers=h, timeout=5).json()\n"),
        ("yaml.load(t)\n", "yaml.safe_load(t)\n", "a = yaml.load(yaml.load(b))\n", "a = yaml.load(yaml.safe_load(b))\n"),
        ("f.call(u, verify=False)\n", "f.call(u, verify=True)\n", "f.call(verify=False, x=1)\n", "f.call(verify=True, x=1)\n"),
        ("client.ask(most=64)\n", "client.ask(most=4096)\n", "client.ask(most=100)\n", "client.ask(most=4096)\n"),
    ],
)  # fmt: skip
def test_an_autofix_writes_what_the_fix_wrote(before: str, after: str, elsewhere: str, mended: str) -> None:
    guard = guard_of("a.py", before, after)
    assert apply(elsewhere, check(guard, {"b.py": elsewhere})) == mended


def test_a_value_that_only_one_place_has_is_not_written_elsewhere() -> None:
    guard = guard_of("a.py", "requests.get(u)\n", "requests.get(u, timeout=limit(u))\n")
    assert [finding.replacement for finding in check(guard, {"b.py": "requests.get(x)\n"})] == [None]


def test_what_hangs_on_a_local_name_is_no_rule_for_everybody() -> None:
    before = "def f(text):\n    cut = text.split()\n    return cut\n"
    guard = compile({"a.py": before}, {"a.py": before.replace("text.split()", "text.splitlines()")}, "why")
    assert guard is None or check(guard, {"b.py": "def g(line):\n    text = str(line)\n    return text.split()\n"}) == []


def test_a_guard_that_speaks_too_often_in_code_in_service_gives_way_to_a_narrower_one() -> None:
    before, after = "requests.get(BILLING_URL)\n", "requests.get(BILLING_URL, timeout=5)\n"
    loud = Corpus("service", {f"{n}.py": "requests.get(url)\n" * 10 for n in range(100)})
    guard = guard_of("a.py", before, after, backtest=backtest.backtested([lambda: loud]))
    assert backtest.counted(loud, [guard]) == {guard["id"]: 0}
    assert check(guard, {"b.py": before})


def test_a_few_siblings_of_the_mistake_do_not_refuse_its_guard() -> None:
    quiet = Corpus("service", {"a.py": "requests.get(url)\nrequests.get(other)\n"})
    guard = guard_of("a.py", "requests.get(u)\n", "requests.get(u, timeout=5)\n", backtest=backtest.backtested([lambda: quiet]))
    assert backtest.counted(quiet, [guard]) == {guard["id"]: 2}


def test_where_no_code_tells_the_mistake_its_test_has_to_stay() -> None:
    test = "def test_it():\n    assert f()\n"
    guard = compile({"a.py": "x = 1\n", "tests/test_a.py": ""}, {"a.py": "x = 1\ny = 2\n", "tests/test_a.py": test}, "why")
    assert guard is not None
    assert (guard["kind"], guard["test"]) == ("required-test", "test_it")
    assert [finding.path for finding in lost_tests([guard], {"tests/test_a.py": test}, {})] == ["tests/test_a.py"]
    assert list(lost_tests([guard], {"tests/test_a.py": test}, {"tests/test_a.py": test})) == []
    assert list(lost_tests([guard], {"tests/test_a.py": "def test_other(): ...\n"}, {})) == []


@pytest.mark.parametrize(
    ("path", "before", "after", "broken", "sound"),
    [
        ("ci.yml", "job:\n  image: a\n", "job:\n  image: a\n  timeout: 10m\n", "job:\n  image: b\n", "job:\n  timeout: 1m\n"),
        ("k8s.yaml", "a: 1\n---\nlimits: {cpu: 1, memory: 64Mi}\n", "a: 1\n---\nlimits: {cpu: 1, memory: 1Gi}\n", "a: 1\n---\nlimits: {memory: 512Mi}\n", "a: 1\n---\nlimits: {memory: 2Gi}\n"),
        ("app.properties", "db.wait=500ms\n", "db.wait=5s\n", "db.wait=900ms\n", "db.wait=1m\n"),
        ("app.toml", "[log]\nlevel = 'DEBUG'\n", "[log]\nlevel = 'INFO'\n", "[log]\nlevel = 'DEBUG'\n", "[log]\nlevel = 'WARNING'\n"),
    ],
)  # fmt: skip
def test_settings_are_bounded_by_what_they_measure(path: str, before: str, after: str, broken: str, sound: str) -> None:
    guard = guard_of(path, before, after)
    assert [finding.path for finding in check(guard, {f"x/{path}": broken, f"y/{path}": sound})] == [f"x/{path}"]


def test_a_secret_in_a_setting_is_never_part_of_a_guard() -> None:
    guard = compile({"a.toml": "[db]\npassword = 'hunter2hunter2'\n"}, {"a.toml": "[db]\npassword = 'other'\n"}, "why")
    assert guard is None or "hunter2" not in str(guard)


def test_an_example_keeps_no_secret() -> None:
    before = "token = 'ghp_0123456789012345678901234567890123456789'\nrequests.get(u)\n"
    guard = guard_of("a.py", before, before.replace("(u)", "(u, timeout=5)"))
    assert "ghp_" not in str(guard)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "client = connect(host, 'ghp_0123456789012345678901234567890123456789')\n", "client = connect(host, SECRET)\n"),
        ("Dockerfile", "ENV TOKEN=ghp_0123456789012345678901234567890123456789 MODE=fast\n", "ENV MODE=fast\n"),
        ("a.toml", "[db]\nurl = 'https://me:ghp_0123456789@x.test'\n", "[db]\nurl = 'https://x.test'\n"),
    ],
)
def test_no_rule_keeps_a_secret(path: str, before: str, after: str) -> None:
    assert "ghp_" not in str(compile({path: before}, {path: after}, "why"))


def test_the_id_names_the_rule_and_nothing_else() -> None:
    guard = guard_of("a.py", "requests.get(u)\n", "requests.get(u, timeout=5)\n")
    assert guard["id"] == guard_id({**guard, "message": "other", "fix": {}})
    assert guard["id"] != guard_id({**guard, "rule": {**guard["rule"], "rule": {"pattern": "$A"}}})


@given(before=st.text(max_size=80), after=st.text(max_size=80))
def test_lines_of_any_file_make_a_guard_that_works_or_none(before: str, after: str) -> None:
    guard = compile({"Dockerfile": before}, {"Dockerfile": after}, "why")
    assert guard is None or works(guard)


def test_a_rule_that_is_none_is_refused() -> None:
    guard: Guard = {
        "id": "g",
        "kind": "ast-grep",
        "message": "m",
        "endings": [".py"],
        "rule": {"id": "g", "language": "python", "rule": {"kind": "no_such_kind"}},
    }
    with pytest.raises(Refusal, match="does not understand"):
        check(guard, {"a.py": "x\n"})
