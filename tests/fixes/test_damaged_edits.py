"""Patches as they really arrive: repaired where one place fits, refused where not; never a tree that nobody meant."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.changes import CHANGES, diff_of
from benchmarks.damages import DAMAGES, Case, cases
from benchmarks.mutations import sweep
from mcp_servers.fixes.edits.diffs import parse
from mcp_servers.fixes.edits.making import result_tree
from mcp_servers.fixes.edits.placing import patched
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Blob, Repository
from tests.fixes.repositories import Worktree, shop

LINES = st.lists(st.sampled_from(["a", "b", "  c", "\td", "", "}", "- e", "+ f", "return x", "x = 1\r"]), max_size=25)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Worktree:
    return shop(tmp_path_factory.mktemp("damaged") / "shop")


def of_kind(name: str) -> Case:
    """The first change that can suffer this damage, damaged."""
    made = (DAMAGES[name](change, [f"diff --git a/{change.path} b/{change.path}", *change.diff()], random.Random(3)) for change in CHANGES)
    return next(case for case in made if case is not None)


def onto(repository: Repository, case: Case) -> tuple[str, str]:
    """The base tree of a case and its result; raises the refusal."""
    base = repository.write_tree_from(repository.tree("main"), {case.path: Blob(case.before.encode())})
    return base, result_tree(repository, base, [{"kind": "diff", "diff": case.text}])


@pytest.mark.parametrize("name", [name for name in DAMAGES if name not in {"cut_off", "already", "twin", "stale"}])
def test_damage_is_repaired_to_the_very_bytes_where_one_place_fits(watched: Worktree, name: str) -> None:
    case, repository = of_kind(name), watched.repository
    base, tree = onto(repository, case)
    assert case.after is not None
    assert [change.path for change in repository.changes(base, tree)] == [case.path]
    assert repository.read(tree, case.path).decode() == case.after


@pytest.mark.parametrize(
    ("name", "code"), [("cut_off", "cut_off"), ("already", "already_applied"), ("twin", "ambiguous_place"), ("stale", "no_such_place")]
)
def test_what_has_no_single_place_is_refused_with_its_reason(watched: Worktree, name: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        onto(watched.repository, of_kind(name))
    assert refused.value.code == code


def test_candidates_are_named_with_their_lines(watched: Worktree) -> None:
    text = "import os\n" + "def f(x):\n    return x\n\n" * 2
    with pytest.raises(Refusal, match=r"(?s)2: def f.*5: def f"):
        onto(watched.repository, Case("", "", "f.py", text, "--- f.py\n+++ f.py\n@@\n def f(x):\n-    return x\n+    return 1\n", None))


def test_random_damage_never_makes_a_tree_that_nobody_meant() -> None:
    for case in sweep(400, seed=11):
        try:
            result = case.before
            for patch in parse(case.text.replace("```diff\n", ""), case.path):
                result = patched(case.path, result, patch.hunks)
        except Refusal:
            continue
        assert result == case.after, case.text


@settings(deadline=None, max_examples=150)
@given(LINES, LINES, st.booleans(), st.booleans())
@example(["a", "a", "a", "a"], ["a", "b", "a", "a"], True, True)
@example(["a\r"], ["a"], True, True)
def test_a_well_formed_diff_lands_its_exact_text(old: list[str], new: list[str], ends: bool, new_ends: bool) -> None:
    before = "\n".join(old) + "\n" * (ends and bool(old))
    after = "\n".join(new) + "\n" * (new_ends and bool(new))
    diff = _git_diff(before, after)
    if before == after or not before or not after:
        return
    (patch,) = parse(diff)
    assert patched("f.txt", before, patch.hunks) == after


def _git_diff(before: str, after: str) -> str:
    """As git writes it, with a note where a final newline is missing."""
    told: list[str] = ["--- a/f.txt", "+++ b/f.txt"]
    old, new = (_told(text) for text in (before, after))
    for line in diff_of("f.txt", "\n".join(old) + "\n", "\n".join(new) + "\n")[2:]:
        told += [line.replace("\0", ""), "\\ No newline at end of file"] if "\0" in line else [line]
    return "\n".join(told) + "\n"


def _told(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else [*lines[:-1], lines[-1] + "\0"]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.sampled_from(["--- a/f.py", "+++ b/f.py", "@@ -1,2 +1,2 @@", "@@", " a", "-b", "+c", "...", "```", "", "prose", "\\ No newline"])
        | st.text(max_size=12),
        max_size=20,
    )
)
def test_any_text_is_either_a_change_or_a_refusal(lines: list[str]) -> None:
    before = "a\nb\nc\n"
    try:
        results = [patched("f.txt", before, patch.hunks) for patch in parse("\n".join(lines), "f.txt") if patch.kind == "change"]
    except Refusal:
        return
    for result in results:
        kept = [line for line in result.split("\n") if line in {"a", "b", "c"}]
        assert set(result.split("\n")) - {"a", "b", "c", ""} <= {line[1:] for line in lines if line.startswith("+")}, kept


def test_files_are_made_moved_copied_removed_and_made_executable(watched: Worktree, tmp_path: Path) -> None:
    repository = watched.repository
    diff = (
        "diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1,2 @@\n+#!/bin/sh\n+true\n"
        "diff --git a/shop/customers.py b/shop/people.py\nrename from shop/customers.py\nrename to shop/people.py\n"
        "--- a/shop/customers.py\n+++ b/shop/people.py\n@@ -1,3 +1,3 @@\n def format_phone(phone):\n-    return phone.strip()\n+    return phone\n \n"
        "diff --git a/tests/test_greet.py b/tests/test_again.py\ncopy from tests/test_greet.py\ncopy to tests/test_again.py\n"
        "diff --git a/settings.toml b/settings.toml\ndeleted file mode 100644\n--- a/settings.toml\n+++ /dev/null\n"
        "@@ -1,3 +0,0 @@\n-# the shop\n-[database]\n-pool_size = 2  # per worker\n"
    )
    base = repository.head("main")
    tree = result_tree(repository, base, [{"kind": "diff", "diff": diff}])
    assert repository.files(tree) == ["run.sh", "shop/__init__.py", "shop/people.py", "tests/test_again.py", "tests/test_greet.py"]
    entry = repository.entry(tree, "run.sh")
    assert entry is not None
    assert entry.mode == "100755"
    assert b"return phone\n" in repository.read(tree, "shop/people.py")


@pytest.mark.parametrize(
    ("diff", "code"),
    [
        ("--- a/no.py\n+++ b/no.py\n@@ -1 +1 @@\n-a\n+b\n", "no_such_file"),
        ("--- a/shop/customers.py\n+++ b/tests/test_greet.py\n@@ -1 +1 @@\n-a\n+b\n", "paths_disagree"),
        (
            "diff --git a/settings.toml b/settings.toml\n--- a/settings.toml\n+++ b/shop/customers.py\n@@ -1 +1 @@\n-a\n+b\n",
            "paths_disagree",
        ),
        ("diff --git a/i b/i\nindex 1..2\nGIT binary patch\nliteral 1\n", "binary"),
        ("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+x\n", "link"),
        ("settings.toml\n<<<<<<< SEARCH\npool\n=======\nx\n", "cut_off"),
        ("--- a/settings.toml\n+++ b/settings.toml\n@@\n [database]\n+# ... rest of the file ...\n", "elided"),
        ("@@ -1 +1 @@\n-a\n+b\n", "no_path"),
    ],
)
def test_a_diff_that_hides_or_lacks_something_is_refused(watched: Worktree, diff: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        result_tree(watched.repository, watched.repository.head("main"), [{"kind": "diff", "diff": diff}])
    assert refused.value.code == code


def test_all_kinds_of_damage_are_drawn_for_many_changes() -> None:
    drawn = {case.kind for change in CHANGES for case in cases(change, random.Random(1))}
    assert len(drawn) >= 40
