"""Small pasts with planted mistakes: who broke what, and who mended it, is known."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mcp_servers.kit.git import Blob, Repository

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Past:
    """A repository that grows by one commit an hour; `ids` knows each by the name it was given."""

    def __init__(self, folder: Path) -> None:
        subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
        self.folder = folder
        self.ids: dict[str, str] = {}
        self.at = BEGIN
        self._git_dir = Repository(folder / ".git", folder / ".git")
        self._git_dir.run("mktree", stdin=b"")
        self._head = ""

    @property
    def repository(self) -> Repository:
        return Repository.at(self.folder)

    def commit(self, name: str, message: str, files: Mapping[str, str | None]) -> str:
        """Writes these files (None removes one) on top of what there is."""
        blobs = {path: None if text is None else Blob(text.encode()) for path, text in files.items()}
        tree = self._git_dir.write_tree_from(self._head or _EMPTY, blobs)
        self.at += timedelta(hours=1)
        parents = [self._head] if self._head else []
        made = self._git_dir.commit_tree(tree, parents, message, self.at)
        self._git_dir.update_ref("refs/heads/main", made, self._head or None)
        self._head = self.ids[name] = made
        return made


CLIENT = """import requests


def stock(sku):
    return requests.get(f"https://stock/{sku}"{timeout}).json()


def label(item):
    return item["name"].title()
"""
PRICES = """import requests


def price(sku):
    answer = requests.get(f"https://prices/{sku}"{timeout})
    return answer.json()["cents"]
"""
TOTALS = """def average(items):
    total = sum(item["cents"] for item in items)
{body}


def largest(items):
    return max(item["cents"] for item in items)
"""
OPEN, BOUND = "", ", timeout=5"
BROKEN = "    return total / len(items)"
MENDED = "    return total / len(items) if items else 0"
TEST = """from shop.totals import average


def test_an_empty_basket_costs_nothing():
    assert average([]) == 0
"""


def client(timeout: str) -> str:
    return CLIENT.replace("{timeout}", timeout)


def prices(timeout: str) -> str:
    return PRICES.replace("{timeout}", timeout)


def totals(body: str) -> str:
    return TOTALS.replace("{body}", body)


def shop(folder: Path) -> Past:
    """A shop: a call without a time-out is mended, made again elsewhere and mended there; an average divides by nothing; two changes are taken back."""
    past = Past(folder)
    past.commit("begin", "Begin", {"README.md": "shop\n", "shop/__init__.py": "", "settings.toml": "[shop]\nlimit = 10\n"})
    past.commit("stock", "feat: ask for stock", {"shop/client.py": client(OPEN)})
    past.commit("totals", "feat: totals of a basket", {"shop/totals.py": totals(BROKEN)})
    past.commit("docs", "fix typo in the readme", {"README.md": "The shop\n"})
    past.commit("stock mended", "fix(client): a slow stock service holds no worker (#12)", {"shop/client.py": client(BOUND)})
    past.commit("prices", "feat: ask for prices", {"shop/prices.py": prices(OPEN)})
    past.commit("limit", "perf: larger pages", {"settings.toml": "[shop]\nlimit = 9000\n"})
    past.commit("form", "fix: layout of the totals", {"shop/totals.py": totals(BROKEN) + "\n\n# the end\n"})
    past.commit("prices mended", "Fix hanging price requests\n\nFixes #31\n", {"shop/prices.py": prices(BOUND)})
    past.commit(
        "limit back",
        f'Revert "perf: larger pages"\n\nThis reverts commit {past.ids["limit"]}.\n',
        {"settings.toml": "[shop]\nlimit = 10\n"},
    )
    past.commit(
        "totals mended",
        "Prevent ZeroDivisionError for an empty basket",
        {"shop/totals.py": totals(MENDED) + "\n\n# the end\n", "tests/test_totals.py": TEST},
    )
    past.commit("smaller", "feat: smaller pages", {"settings.toml": "[shop]\nlimit = 3\n"})
    past.commit("silent", "Pages as they were", {"settings.toml": "[shop]\nlimit = 10\n"})
    return past
