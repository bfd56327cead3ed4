"""Learned recipes: what a change teaches, how far it reaches, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.kit.database import Database
from mcp_servers.knowledge.guards.backtest import Corpus
from mcp_servers.knowledge.recipes.adding import with_setting
from mcp_servers.knowledge.recipes.binding import Tree, heal
from mcp_servers.knowledge.recipes.failures import failed
from mcp_servers.knowledge.recipes.learning import learn, unfit
from mcp_servers.knowledge.recipes.model import Level, Recipe, Story
from mcp_servers.knowledge.recipes.proving import chosen, failure_of, learned, told
from mcp_servers.knowledge.recipes.store import RecipeStore
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MISSING = "'NoneType' object has no attribute 'strip'"


@dataclass(frozen=True)
class Broken:
    """One file with the line (from 1) that throws in `function`."""

    path: str
    text: str
    line: int
    function: str
    exception: str = "AttributeError"
    message: str = MISSING

    @property
    def evidence(self) -> dict[str, Any]:
        code = self.text.split("\n")[self.line - 1].strip()
        frame = {"file": f"/srv/{self.path}", "line": self.line, "function": self.function, "code": code, "in_app": True}
        raised = {"type": self.exception, "message": self.message, "frames": [frame]}
        return {"trace": {"language": "", "exceptions": [raised]}}

    def mended(self, text: str) -> Story:
        return Story(told(self.evidence, [self.path]), {self.path: self.text}, {self.path: text})

    def healed(self, recipe: Recipe) -> list[Mapping[str, str]]:
        tree = Tree([self.path], {self.path: self.text}.__getitem__)
        for form in recipe.usable:
            if found := heal(form, recipe.exception, failed(self.evidence, tree.files), tree):
                return [one.files for one in found]
        return []


LABEL = Broken("labels/shelf.py", 'def label(item):\n    return item["name"].strip()\n', 2, "label")
MENDED = 'def label(item):\n    return (item["name"] or "").strip()\n'


def taught(broken: Broken, mended: str) -> Recipe:
    """The recipe at the level that its own case allows."""
    story = broken.mended(mended)
    level, reason = chosen(learned(story), failure_of(story).exception, story, ())
    return Recipe("recipe_1", "lesson_1", "case_1", "labels", "fix", "cause", broken.exception, learned(story), story, level, reason)


NAMES = st.from_regex(r"[b-z][a-z]{2,8}", fullmatch=True).filter(lambda name: name not in ("label", "print"))


@given(variable=NAMES, key=NAMES, function=NAMES)
def test_the_same_mistake_in_other_words_is_healed_in_those_words(variable: str, key: str, function: str) -> None:
    try:
        compile(f"{variable} = {function} = 1", "", "exec")
    except SyntaxError:
        return
    if len({variable, key, function}) < 3 or variable in dir(__builtins__) or variable in __builtins__:
        return
    text = f'import os\n\n\ndef {function}({variable}):\n    # as it is printed\n    print({variable}["{key}"].strip())\n'
    other = Broken("depot/tags.py", text, 6, function)
    [files] = other.healed(taught(LABEL, MENDED))
    assert files == {"depot/tags.py": text.replace(f'{variable}["{key}"]', f'({variable}["{key}"] or "")')}


@pytest.mark.parametrize(
    "other",
    [
        replace(LABEL, exception="KeyError", message="'name'"),
        replace(LABEL, message="'int' object has no attribute 'strip'"),
        Broken("a.py", 'def label(item):\n    return item["name"].lower()\n', 2, "label", message=MISSING.replace("strip", "lower")),
        Broken("a.py", 'def label(item):\n    name = item["name"]\n    return name.strip()\n', 3, "label"),
        Broken("a.go", 'func label(item Item) string {\n\treturn item["name"].strip()\n}\n', 2, "label"),
        Broken("labels/shelf.py", MENDED, 2, "label"),
    ],
    ids=["another exception", "another type", "another method", "another shape", "another language", "healed already"],
)
def test_what_only_looks_alike_is_left_alone(other: Broken) -> None:
    assert other.healed(taught(LABEL, MENDED)) == []


@pytest.mark.parametrize(
    ("path", "text", "mended", "other"),
    [
        ("shop.go", "package shop\n\nfunc last(items []int) int {\n\treturn items[len(items)]\n}\n", "items[len(items)-1]", "func (s *Shelf) end(rows []int) int {\n\tn := 0\n\tn += rows[len(rows)]\n\treturn n\n}\n"),
        ("shop.js", "function last(items) {\n  // the last\n  return items[items.length];\n}\n", "items[items.length - 1]", "const end = (rows) => {\n  const n = rows[rows.length];\n  return n;\n};\n"),
        ("shop.php", "<?php\nfunction last(array $items): int {\n    return $items[count($items)];\n}\n", "$items[count($items) - 1]", "<?php\nfunction end(array $rows): int {\n    $n = $rows[count($rows)];\n    return $n;\n}\n"),
    ],
    ids=["go", "javascript", "php"],
)  # fmt: skip
def test_other_languages_are_healed_likewise(path: str, text: str, mended: str, other: str) -> None:
    wrong = mended.replace(" - 1", "").replace("-1", "")
    line = text[: text.index(wrong)].count("\n") + 1
    case = Broken(path, text, line, "last", "IndexError", "index out of range [3] with length 3")
    there = wrong.replace("items", "rows")
    again = Broken(
        f"lib/{path}", other, other[: other.index(there)].count("\n") + 1, "end", "IndexError", "index out of range [7] with length 7"
    )
    assert again.healed(taught(case, text.replace(wrong, mended))) == [{again.path: other.replace(there, mended.replace("items", "rows"))}]


def test_a_value_that_belongs_to_one_field_is_not_given_to_another() -> None:
    shirt = Broken("shirts.py", 'def colour(shirt):\n    return shirt["colour"]\n', 2, "colour", "KeyError", "'colour'")
    recipe = taught(shirt, 'def colour(shirt):\n    return shirt.get("colour", "plain")\n')
    renamed = replace(shirt, text="def shade(coat):\n    return coat['colour']\n".replace("'", '"'), function="shade")
    assert renamed.healed(recipe) == [{"shirts.py": 'def shade(coat):\n    return coat.get("colour", "plain")\n'}]
    assert replace(shirt, text='def size(shirt):\n    return shirt["size"]\n', function="size", message="'size'").healed(recipe) == []


def test_an_inserted_check_takes_the_indentation_that_is_there() -> None:
    notes = Broken("n.py", "def note(parcel):\n    total = 0\n    text = parcel.remark.strip()\n    return text\n", 3, "note")
    recipe = taught(notes, notes.text.replace("    text", '    if parcel.remark is None:\n        return ""\n    text'))
    tabbed = "class Box:\n\tdef caption(self, card):\n\t\tline = card.title.strip()\n\t\treturn line\n"
    [files] = Broken("b.py", tabbed, 3, "caption").healed(recipe)
    assert files["b.py"] == tabbed.replace("\t\tline =", '\t\tif card.title is None:\n\t\t\treturn ""\n\t\tline =')


AWARE = "from datetime import datetime\n\n\ndef due(at):\n    now = datetime.now()\n    return at < now\n"


def aware(text: str) -> str:
    return text.replace("import datetime\n", "import UTC, datetime\n").replace("now()", "now(UTC)")


def test_a_fix_of_two_places_is_made_whole_or_not_at_all() -> None:
    case = Broken("t.py", AWARE, 6, "due", "TypeError", "can't compare offset-naive and offset-aware datetimes")
    recipe = taught(case, aware(AWARE))
    renamed = replace(case, path="u.py", text=AWARE.replace("(at)", "(until)").replace("return at", "return until"))
    assert renamed.healed(recipe) == [{"u.py": aware(renamed.text)}]
    assert replace(case, text=AWARE.replace("from datetime import datetime", "from times import datetime")).healed(recipe) == []


def test_a_missing_import_is_brought_to_its_place() -> None:
    case = Broken(
        "t.py",
        "import os\nimport sys\n\n\ndef read(at):\n    return json.loads(at)\n",
        6,
        "read",
        "NameError",
        "name 'json' is not defined",
    )
    recipe = taught(case, case.text.replace("import os", "import json\nimport os"))
    other = replace(
        case,
        path="u.py",
        text='"""Words."""\n\nimport abc\nimport re\n\n\ndef load(at):\n    return json.loads(at)\n',
        line=8,
        function="load",
    )
    assert other.healed(recipe) == [{"u.py": other.text.replace("import re", "import json\nimport re")}]
    assert replace(other, message="name 'yaml' is not defined").healed(recipe) == []


def test_a_number_of_a_configuration_is_raised_where_it_is_lower_still() -> None:
    settings = {"app.toml": "[pool]\nsize = 2\n"}
    story = Story({"message": "pool of 2 exhausted"}, settings, {"app.toml": "[pool]\nsize = 10\n"})
    [form, *_] = learned(story)
    failure = failed({"message": "pool of 5 exhausted"}, [])
    for size, healed in ((5, [("conf/live.toml", "pool.size", 10)]), (10, []), (20, [])):
        tree = Tree(["conf/live.toml"], {"conf/live.toml": f"[pool]\nsize = {size}\n"}.__getitem__)
        assert [setting for one in heal(form, "", failure, tree) for setting in one.settings] == healed


def test_a_missing_key_of_a_configuration_is_brought_to_its_section() -> None:
    settings = {"app.toml": '[payments]\nurl = "https://x.test"\n'}
    story = Story({"message": "payments did not answer"}, settings, {"app.toml": settings["app.toml"] + "timeout = 5\n"})
    [form, *_] = learned(story)
    failure = failed({"message": "payments did not answer"}, [])

    def healed(**files: str) -> list[tuple[str, str, object]]:
        tree = Tree([f"{name}.toml" for name in files], lambda path: files[path.removesuffix(".toml")])
        return [setting for one in heal(form, "", failure, tree) for setting in one.settings]

    here = '[payments]\nurl = "https://y.test"\n'
    assert healed(live=here, other="[mail]\nhost = 1\n") == [("live.toml", "payments.timeout", 5)]
    assert healed(live=here + "timeout = 3\n") == []
    assert healed(live=here, other=here) == []
    assert healed(other="[mail]\nhost = 1\n") == []
    assert learned(replace(story, after={"app.toml": "[payments]\ntimeout = 5\n"})) == ()


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("a.toml", "[pool]\nsize = 1\n\n[b]\nc = 1\n", "[pool]\nwait = 5\nsize = 1\n\n[b]\nc = 1\n"),
        ("a.yaml", "b: 1\npool:\n  size: 2 # few\n", "b: 1\npool:\n  wait: 5\n  size: 2 # few\n"),
        ("a.json", '{\n  "pool": {\n    "size": 2\n  }\n}\n', '{\n  "pool": {\n    "wait": 5,\n    "size": 2\n  }\n}\n'),
        ("a.json", '{"pool": {"size": 2}}', ""),
        ("a.ini", "[b]\nsize = 1\n[pool]\nsize = 2\n", "[b]\nsize = 1\n[pool]\nwait = 5\nsize = 2\n"),
        ("a.toml", "pool.size = 2\n", ""),
    ],
)
def test_a_key_is_written_as_its_neighbours_are_or_not_at_all(path: str, text: str, told: str) -> None:
    assert with_setting(path, text, "pool.wait", 5) == told


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([{"path": "../x.py", "before": "a", "after": "b"}], "outside"),
        ([{"path": "/etc/x.py", "before": "a", "after": "b"}], "outside"),
        ([{"path": "x.py", "before": "a", "after": "b" * 300_000}], "too large"),
        ([{"path": "x.py", "before": "a", "after": "b"}, {"path": "new.py", "before": "", "after": "b"}], "adds new.py"),
        ([{"path": "tests/test_x.py", "before": "", "after": "b"}], "changed no file"),
    ],
)
def test_a_change_that_cannot_teach_says_why(changes: list[dict[str, str]], why: str) -> None:
    assert why in unfit(changes)


def test_a_later_case_that_was_mended_otherwise_narrows_what_was_learned(database: Database) -> None:
    store = RecipeStore(database)
    lessons = [(LABEL, MENDED), (Broken("d/tags.py", 'def tag(box):\n    print(box["mark"].strip())\n', 2, "tag"), None)]
    first: Recipe | None = None
    for number, (broken, mended) in enumerate(lessons):
        text = mended or broken.text.replace('print(box["mark"].strip())', 'print(str(box["mark"]).strip())')
        changes = [{"path": broken.path, "before": broken.text, "after": text}]
        about = Recipe(f"recipe_{number}", f"lesson_{number}", "case", "r", "fix", "cause")
        learn(store, about, changes, broken.evidence, [broken.path], NOW)
        first = store.get("recipe_0")
        assert first is not None
        assert first.active == (Level.EXPRESSION if not number else Level.SHAPE)
    assert first is not None
    assert "another case" in first.reason
    assert Recipe.from_json(first.as_json()) == first
    assert [one.id for one in store.of("AttributeError", active=True)] == ["recipe_0", "recipe_1"]


FETCH = "def fetch(url, timeout=None):\n    return url\n\n\n"
CALL = Broken("jobs/pull.py", FETCH + "def pull(url):\n    return fetch(url)\n", 6, "pull", "TimeoutError", "no answer")
TIMED = CALL.text.replace("return fetch(url)", "return fetch(url, timeout=5)")


def service(line: str) -> Corpus:
    """Code in service: a hundred functions, of which each has this line."""
    return Corpus("the service", {f"jobs/other{n}.py": f"def other{n}(given):\n    {line}\n    return given\n" for n in range(100)})


def test_a_recipe_that_would_rewrite_healthy_code_is_narrowed(database: Database) -> None:
    store, changes = RecipeStore(database), [{"path": CALL.path, "before": CALL.text, "after": TIMED}]
    about = Recipe("recipe_1", "lesson_1", "case_1", "r", "fix", "cause")

    def made(*code: Corpus) -> Recipe:
        return learn(store, about, changes, CALL.evidence, [CALL.path], NOW, [partial(replace, one) for one in code])

    assert made().active == Level.EXPRESSION
    greedy = made(service("log(given)"))
    assert greedy.active == Level.SHAPE
    assert "as expression it would change 200 of 400 lines of the service that never failed" in greedy.reason
    assert made(Corpus("the service", {"jobs/numbers.py": "ONE = 1\n" * 400})).active == Level.EXPRESSION
    spoiled = made(service("log(given)"), service("return fetch(given)"))
    assert spoiled.active == Level.SAME
    kept = store.get("recipe_1")
    assert kept == spoiled


def test_a_default_is_mended_whatever_its_parameter_is_called_without_reaching_for_any_argument(database: Database) -> None:
    wrong = Broken(
        "sums.py", "def total(given, start=None):\n    return sum(given, start)\n", 2, "total", "TypeError", "unsupported operand"
    )
    changes = [{"path": wrong.path, "before": wrong.text, "after": wrong.text.replace("None", "0")}]
    about = Recipe("recipe_1", "lesson_1", "case_1", "r", "fix", "cause")
    made = learn(RecipeStore(database), about, changes, wrong.evidence, [wrong.path], NOW, [lambda: service("log(given=None)")])
    assert made.active == Level.SHAPE
    other = replace(wrong, path="adds.py", text="def added(rows, begin=None):\n    return sum(rows, begin)\n", function="added")
    assert other.healed(made) == [{"adds.py": other.text.replace("None", "0")}]


def test_what_a_recipe_would_change_elsewhere_is_kept_as_its_evidence(database: Database) -> None:
    changes = [{"path": LABEL.path, "before": LABEL.text, "after": MENDED}]
    code = Corpus("the shop", {"shop/a.py": 'def a(x):\n    return x["title"].strip()\n', "shop/b.py": "def b(x):\n    return x.strip()\n"})
    about = Recipe("recipe_1", "lesson_1", "case_1", "r", "fix", "cause")
    made = learn(RecipeStore(database), about, changes, LABEL.evidence, [LABEL.path], NOW, [lambda: code])
    assert [(one.of, one.lines, one.fits, one.places) for one in made.reach] == [("the shop", 6, 1, ("shop/a.py:2",))]


def test_a_credential_in_the_changed_file_is_not_kept(tmp_path: Path) -> None:
    text = 'TOKEN = "ghp_' + "a" * 36 + '"\n\n\n' + LABEL.text
    changes = [{"path": LABEL.path, "before": text, "after": text.replace(LABEL.text, MENDED)}]
    store = RecipeStore(Database.open(f"sqlite:///{tmp_path / 'k.db'}"))
    made = learn(
        store,
        Recipe("recipe_1", "l", "c", "r", "f", "c"),
        changes,
        replace(LABEL, text=text, line=5).evidence,
        [LABEL.path],
        NOW,
    )
    assert made.active == Level.EXPRESSION
    assert "ghp_" not in made.as_json()
