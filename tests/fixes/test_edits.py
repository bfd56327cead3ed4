from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.fixes.edits.making import result_tree
from mcp_servers.fixes.settings import line_of, set_value, unset
from mcp_servers.kit.errors import Refusal
from tests.fixes.repositories import BROKEN, Worktree, shop

PATH = "shop/customers.py"
DIFF = f"--- a/{PATH}\n+++ b/{PATH}\n@@ -1,5 +1,5 @@\n def format_phone(phone):\n-    return phone.strip()\n+    return (phone or '').strip()\n \n \n def greet(name):\n"
YAML = "# top\ndb:\n  pool: 5 # small\n  name: 'x'\n  list: [1, {q: yes}]\nanchor: &a 5\nalias: *a\n"
INI = "[x]\nsize = 5 ; few\n[y]\nsize=6\r\nempty=\n"


@pytest.fixture
def watched(tmp_path: Path) -> Worktree:
    made = shop(tmp_path / "shop")
    made.commit("more", {"crlf.py": b"a = 1\r\nb = 2\r\n", "image": b"\xff\x00", "twice.py": "x = 1\nx = 1\n"})
    return made


def edited(watched: Worktree, *edits: dict[str, Any]) -> dict[str, bytes]:
    """What each changed file holds after the edits."""
    repository = watched.repository
    head = repository.head("main")
    tree = result_tree(repository, head, edits)
    return {change.path: repository.read(tree, change.path) for change in repository.changes(head, tree)}


def replace(path: str, search: str, by: str) -> dict[str, Any]:
    return {"kind": "replace", "path": path, "search": search, "replace": by}


def code_of(watched: Worktree, *edits: dict[str, Any]) -> str:
    before = watched.state()
    with pytest.raises(Refusal) as refused:
        edited(watched, *edits)
    assert watched.state() == before
    return refused.value.code


def test_a_replacement_is_exact_and_touches_nothing_else(watched: Worktree) -> None:
    watched.write({PATH: "dirty"})
    changed = edited(watched, replace(PATH, "phone.strip()", "(phone or '').strip()"))
    assert changed == {PATH: BROKEN.replace("phone.strip()", "(phone or '').strip()").encode()}
    assert (watched.root / PATH).read_text("utf-8") == "dirty"


def test_line_ends_stay_as_the_file_has_them(watched: Worktree) -> None:
    assert edited(watched, replace("crlf.py", "a = 1\nb = 2", "a = 1\nc = 3\nb = 2"))["crlf.py"] == b"a = 1\r\nc = 3\r\nb = 2\r\n"


def test_text_that_is_missing_is_refused_with_the_nearest_lines(watched: Worktree) -> None:
    with pytest.raises(Refusal, match=r"2:     return phone\.strip\(\)") as refused:
        edited(watched, replace(PATH, "return phone.strip(' ')", "x"))
    assert refused.value.code == "no_such_place"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (replace("twice.py", "x = 1", "x = 2"), "ambiguous_place"),
        (replace(PATH, "phone.trim()", "phone.strip()"), "already_applied"),
        (replace(PATH, "phone", "fone"), "ambiguous_place"),
        (replace(PATH, "phone.strip()", "phone.strip()"), "already_applied"),
        (replace("no/file.py", "a", "b"), "no_such_file"),
        (replace("image", "a", "b"), "not_text"),
        (replace(PATH, "", "b"), "bad_edit"),
        ({"kind": "rename", "path": PATH}, "unknown_edit"),
        ({"kind": "write", "path": PATH, "content": "x", "based_on": ""}, "stale"),
        ({"kind": "write", "path": PATH, "content": "x", "based_on": "0" * 40}, "stale"),
        ({"kind": "write", "path": "new.py", "content": "x", "based_on": "0" * 40}, "stale"),
        ({"kind": "write", "path": "../out.py", "content": "x"}, "path_climbs"),
        ({"kind": "write", "path": ".git/hooks/x", "content": "x"}, "path_git"),
        ({"kind": "write", "path": f"{PATH}/x", "content": "x"}, "path_refused"),
        ({"kind": "config", "path": "settings.toml", "key": "database.pool_size", "value": 2}, "already_applied"),
        ({"kind": "config", "path": "settings.toml", "key": "database.nope", "value": 2}, "no_such_key"),
        ({"kind": "config", "path": "settings.toml", "key": "database.pool_size"}, "bad_edit"),
        ({"kind": "config", "path": PATH, "key": "a", "value": 2}, "unknown_format"),
        ({"kind": "diff", "diff": DIFF.replace("phone.strip()\n+", "phone.trim()\n+")}, "no_such_place"),
        ({"kind": "diff", "diff": "not a diff"}, "no_diff"),
        ({"kind": "diff", "diff": DIFF.replace(PATH, "../../etc/passwd")}, "path_climbs"),
    ],
)
def test_an_edit_that_cannot_be_made_exactly_changes_nothing(watched: Worktree, edit: dict[str, Any], code: str) -> None:
    assert code_of(watched, edit) == code


def test_a_diff_is_applied_strictly_and_one_that_is_there_already_is_told_so(watched: Worktree) -> None:
    diff = {"kind": "diff", "diff": DIFF}
    assert b"(phone or '')" in edited(watched, diff)[PATH]
    assert code_of(watched, diff, diff) == "already_applied"


def test_edits_build_on_each_other_and_all_fail_when_one_does(watched: Worktree) -> None:
    first = replace(PATH, "phone.strip()", "clean(phone)")
    second = replace(PATH, "def format_phone", "def clean(phone):\n    return phone\n\n\ndef format_phone")
    assert edited(watched, first, second)[PATH].startswith(b"def clean(phone):")
    assert code_of(watched, first, replace(PATH, "nothing", "x")) == "no_such_place"


def test_a_whole_file_is_written_over_the_blob_it_was_based_on_and_a_new_one_where_none_is(watched: Worktree) -> None:
    blob = watched.git("rev-parse", f"HEAD:{PATH}")
    changed = edited(
        watched,
        {"kind": "write", "path": PATH, "content": "x = 1\n", "based_on": blob},
        {"kind": "write", "path": "a/b/new.py", "content": "", "based_on": ""},
    )
    assert changed == {PATH: b"x = 1\n", "a/b/new.py": b""}


def test_a_setting_changes_and_its_comments_stay(watched: Worktree) -> None:
    changed = edited(watched, {"kind": "config", "path": "settings.toml", "key": "database.pool_size", "value": 20})
    assert changed == {"settings.toml": b"# the shop\n[database]\npool_size = 20  # per worker\n"}


@pytest.mark.parametrize(
    ("path", "before", "key", "value", "after"),
    [
        ("a.yml", YAML, "db.pool", 20, YAML.replace("5 # small", "20 # small")),
        ("a.yml", YAML, "db.name", "new: y", YAML.replace("'x'", "'new: y'")),
        ("a.yml", YAML, "db.list.1.q", False, YAML.replace("yes", "false")),
        ("a.json", '{"a": {"b":  [1, 2]},\r\n "c": "x"}', "a.b.1", "n", '{"a": {"b":  [1, "n"]},\r\n "c": "x"}'),
        ("a.ini", INI, "x.size", 9, INI.replace("= 5 ;", "= 9 ;")),
        ("a.ini", INI, "y.size", 9, INI.replace("size=6", "size=9")),
        ("a.ini", INI, "y.empty", 9, INI.replace("empty=", "empty=9")),
        (".env", '# c\nexport A="x y" # z\nB=3\n', "A", "new", '# c\nexport A="new" # z\nB=3\n'),
        ("a.toml", "a = [1]\n[t]\nx = 1 # one\n", "t.x", 1.5, "a = [1]\n[t]\nx = 1.5 # one\n"),
    ],
)
def test_one_value_changes_in_any_format_and_every_other_byte_stays(path: str, before: str, key: str, value: Any, after: str) -> None:
    assert set_value(path, before, key, value) == after


@pytest.mark.parametrize(
    ("path", "text", "key", "value", "code"),
    [
        ("a.yml", YAML, "anchor", 6, "bad_value"),
        ("a.yml", YAML, "alias", 6, "bad_value"),
        ("a.yml", YAML, "db", 6, "bad_value"),
        ("a.yml", "a: [", "a", 6, "not_parsed"),
        ("a.yml", "a: 1\n---\na: 2\n", "a", 6, "not_parsed"),
        ("a.json", "{", "a", 1, "not_parsed"),
        ("a.toml", "a=\n", "a", 1, "not_parsed"),
        ("a.toml", "a=1\n", "a", None, "bad_value"),
        ("a.ini", "[x]\na=1\na=2\n", "x.a", 3, "not_unique"),
        (".env", "A=1\n", "A", "1\nEVIL=2", "bad_value"),
    ],
)
def test_a_value_that_cannot_be_set_for_sure_is_refused(path: str, text: str, key: str, value: Any, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        set_value(path, text, key, value)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("path", "text", "key", "line"),
    [
        ("a.yml", YAML, "db.pool", 3),
        ("a.ini", INI, "y.size", 4),
        ("a.toml", "a = 1\n[t]\nx = 1\n", "t.x", 3),
        ("a.json", '{"a": 1,\n"b": 2}', "b", 2),
    ],
)
def test_the_line_of_a_key_is_found(path: str, text: str, key: str, line: int) -> None:
    assert line_of(path, text, key) == line
    assert line_of(path, text, "no.such.key") == 0


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"k[a-z]{1,6}", fullmatch=True), st.integers() | st.booleans() | st.text("abc: #'\"\\ ", max_size=8), min_size=1
    )
)
def test_any_yaml_scalar_that_was_set_is_read_back(values: dict[str, Any]) -> None:
    text = "".join(f"{key}: old # {number}\n" for number, key in enumerate(values))
    for key, value in values.items():
        text = set_value("a.yml", text, key, value) if value != "old" else text
    assert yaml.safe_load(text) == values
    assert text.count(" # ") >= len(values)


def test_a_commit_is_taken_back_and_what_came_later_stays(watched: Worktree) -> None:
    bad = watched.commit("strip less", {PATH: BROKEN.replace("phone.strip()", "phone.rstrip()")})
    watched.commit("later", {"later.py": "x = 1\n", PATH: BROKEN.replace("phone.strip()", "phone.rstrip()") + "\n\nLATER = 1\n"})
    assert edited(watched, {"kind": "revert", "commit": bad}) == {PATH: (BROKEN + "\n\nLATER = 1\n").encode()}


def test_a_commit_that_cannot_be_taken_back_is_refused_with_the_places(watched: Worktree) -> None:
    bad = watched.commit("strip less", {PATH: BROKEN.replace("phone.strip()", "phone.rstrip()")})
    watched.commit("later", {PATH: BROKEN.replace("phone.strip()", "phone.lstrip()")})
    first = watched.git("rev-list", "--max-parents=0", "HEAD")
    assert [code_of(watched, {"kind": "revert", "commit": commit}) for commit in (bad, first, "nothing")] == [
        "revert_conflict",
        "first_commit",
        "unknown_ref",
    ]
    with pytest.raises(Refusal, match=r"(?s)customers\.py.*lstrip"):
        edited(watched, {"kind": "revert", "commit": bad})


@pytest.mark.parametrize(
    ("path", "text", "key", "value", "after"),
    [
        ("a.json", '{\n\t"a": {"b.c": 1}\n}\n', 'a."b.c"', 2, '{\n\t"a": {"b.c": 2}\n}\n'),
        ("a.toml", 't = {"x.y" = 1, z = 2}\n', 't."x.y"', 3, 't = {"x.y" = 3, z = 2}\n'),
        ("a.yml", "a:\nb: 1\n", "a", 2, "a: 2\nb: 1\n"),
        ("a.yml", "r: !Ref x\nb: 1\n", "b", 2, "r: !Ref x\nb: 2\n"),
        (".env", "export A=x\n", "A", "a b # c", "export A='a b # c'\n"),
        ("a.ini", "[x]\na=1\n[x]\nb=2\n", "x.b", 3, "[x]\na=1\n[x]\nb=3\n"),
        ("a.json", '{"a": 1, "a": 2}', "a", 3, ""),
        ("a.json", '{"a": 1}', "a", float("nan"), ""),
        ("a.yml", "a: 1\na: 2\n", "a", 3, ""),
        ("a.yml", "a: [x, y]\n", "a.0", "p, q", ""),
        ("a.ini", "[x]\na=1\n  2\n", "x.a", 3, ""),
        (".env", 'A="x"\n', "A", "$HOME", ""),
    ],
)
def test_a_setting_is_refused_where_more_than_it_would_change(path: str, text: str, key: str, value: Any, after: str) -> None:
    if after:
        assert set_value(path, text, key, value) == after
        return
    with pytest.raises(Refusal) as refused:
        set_value(path, text, key, value)
    assert refused.value.code == "bad_value"


@pytest.mark.parametrize(
    ("path", "text", "key", "after"),
    [
        ("a.json", '{\n\t"a": null,\n\t"b": 1\n}\n', "a", '{\n\t"b": 1\n}\n'),
        ("a.yml", "a: 1\nb:\n  c: 1\n  d: 2\n# end\n", "b.c", "a: 1\nb:\n  d: 2\n# end\n"),
        ("a.toml", "a = 1 # x\n[b]\nc = 1\nd = 2\n", "b.c", "a = 1 # x\n[b]\nd = 2\n"),
        (".env", "export A=1\nB=2\n", "A", "B=2\n"),
        ("a.ini", "[x]\na=1\n  2\nb=3\n", "x.a", ""),
        ("a.json", '{"a": 1, "a": 2}', "a", ""),
    ],
)
def test_a_key_is_removed_with_nothing_else_or_refused(path: str, text: str, key: str, after: str) -> None:
    if after:
        assert unset(path, text, key) == after
        return
    with pytest.raises(Refusal):
        unset(path, text, key)
