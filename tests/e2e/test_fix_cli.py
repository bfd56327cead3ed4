"""`kintsugi fix` in a repository that nobody described: a traceback and a patch, all the way, and what is said when something is missing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kintsugi.commands.fix import fix
from mcp_servers.kit.errors import Refusal
from tests.components import needs
from tests.e2e.strangers import Stranger, git
from tests.e2e.terminal import User

LABELS = Stranger(
    "labels",
    (
        (
            "Labels",
            {
                "labels/__init__.py": "",
                "labels/shelf.py": """
                    def label(item):
                        return item["name"].strip()
                    """,
                "tests/test_shelf.py": """
                    from labels.shelf import label


                    def test_a_label_is_trimmed():
                        assert label({"name": " a "}) == "a"
                    """,
            },
        ),
    ),
    """
    Traceback (most recent call last):
      File "/srv/jobs/print.py", line 3, in <module>
        label({"name": None})
      File "/srv/labels/shelf.py", line 2, in label
        return item["name"].strip()
    AttributeError: 'NoneType' object has no attribute 'strip'
    """,
)
PATCH = """\
--- a/labels/shelf.py
+++ b/labels/shelf.py
@@ -1,2 +1,2 @@
 def label(item):
-    return item["name"].strip()
+    return (item["name"] or "").strip()
--- /dev/null
+++ b/tests/test_missing_name.py
@@ -0,0 +1,5 @@
+from labels.shelf import label
+
+
+def test_a_name_may_be_missing():
+    assert label({"name": None}) == ""
"""


@pytest.fixture
def user(tmp_path: Path) -> User:
    made = User(LABELS.build(tmp_path / "labels"), tmp_path / "home")
    made.home.mkdir()
    (tmp_path / "fix.patch").write_text(PATCH, "utf-8")
    return made


@pytest.mark.promise("S3.8")
@needs("bubblewrap")
def test_a_traceback_and_a_patch_go_all_the_way_and_back_in_a_repository_without_configuration(user: User) -> None:
    traceback = ("--traceback", "logs/service.log")
    proposed = user.run("fix", "propose", "../fix.patch", *traceback)
    assert proposed.code == 0, proposed.text
    named = re.search(r"Next: kintsugi fix certify (fix_\w+)", proposed.out)
    assert named, proposed.text
    assert "tests/test_missing_name.py (from the patch)" in proposed.out

    early = user.run("fix", "apply", named[1])
    assert (early.code, f"`kintsugi fix certify {named[1]}`" in early.err) == (2, True)
    proven = user.run("fix", "certify", named[1])
    assert "fails on the base with AttributeError in label, as in production" in proven.out
    digest = re.search(r"under the digest (\w{8})", proven.out)
    assert digest, proven.text

    assert "needs a person at a real terminal" in user.run("fix", "approve", named[1]).err
    wrong = user.type("fix", "approve", named[1], prompt="anything else to leave it", answer="deadbeef")
    assert (wrong.code, "nothing was approved" in wrong.text) == (2, True)
    assert user.type("fix", "approve", named[1], prompt="anything else to leave it", answer=digest[1]).code == 0
    applied = user.run("fix", "apply", named[1])
    assert f"git merge --ff-only kintsugi/{named[1]}" in applied.out
    assert git(user.folder, "show", f"kintsugi/{named[1]}:labels/shelf.py").endswith('(item["name"] or "").strip()')

    told = json.loads(user.run("fix", "show", named[1], "--json").out)
    assert (told["state"], told["about"]["state"], told["certificate"]["passed"]) == ("applied", "applied", True)
    assert told["title"] == "Keep label in labels/shelf.py from failing with AttributeError"
    assert "thrown at labels/shelf.py:2; whoever proposed the fix named no cause" in told["cause"]
    assert "was not merged" in user.run("fix", "rollback", named[1]).out
    assert "already" in user.run("fix", "rollback", named[1]).out
    assert git(user.folder, "branch", "--format=%(refname:short)") == "main"
    assert git(user.folder, "status", "--porcelain") == "?? logs/"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("propose", "../fix.patch"), "Say what failed: --traceback FILE"),
        (("propose", "none.patch", "--case", "case_1"), "The patch none.patch cannot be read"),
        (("propose", "../fix.patch", "--traceback", "labels/shelf.py"), "shows no failure"),
        (("propose", "labels/shelf.py", "--traceback", "logs/service.log"), "This is no patch"),
        (("propose", "../fix.patch", "--case", "case_1"), "There is no case 'case_1'"),
        (("propose", "../fix.patch", "--case", "case_1", "--branch", "nowhere"), "has no branch 'nowhere'"),
        (("show", "fix_1"), "There is no fix 'fix_1'"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(user: User, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str) -> None:
    monkeypatch.chdir(user.folder)
    monkeypatch.setenv("KINTSUGI_HOME", str(user.home / "state"))
    monkeypatch.delenv("KINTSUGI_PROJECT", raising=False)
    with pytest.raises(Refusal) as refused:
        fix.main(list(words), standalone_mode=False)
    assert said in str(refused.value)
