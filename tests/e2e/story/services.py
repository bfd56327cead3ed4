"""A web service in words of its own, as a repository and as a process that logs what it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.e2e.strangers import git

_FILES = {
    ".gitignore": "logs/\n__pycache__/\n.pytest_cache/\n",
    "$package/__init__.py": "",
    "$package/$module.py": """\
import json


def $function($thing):
    return json.dumps({"$name": $thing["$name"], "$amount": $thing["$amount"]})
""",
    "$package/serve.py": """\
import logging
import sys
from decimal import Decimal

from $package.$module import $function

log = logging.getLogger("$package.web")


def handle(number):
    $amount = Decimal("2.50") if number % 4 == 0 else 2
    status = 200
    try:
        $function({"$name": number, "$amount": $amount})
    except Exception:
        log.exception("GET /$module/%d failed", number)
        status = 500
    log.info('10.0.0.7:52011 - "GET /$module/%d HTTP/1.1" %d', number, status)


if __name__ == "__main__":
    logging.basicConfig(filename="logs/web.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for number in range(int(sys.argv[1])):
        handle(number)
""",
    "tests/test_$module.py": """\
from $package.$module import $function


def test_the_$name_is_there():
    assert '"$name": 7' in $function({"$name": 7, "$amount": 3})
""",
}
_PATCH = """\
--- a/$package/$module.py
+++ b/$package/$module.py
@@ -4,2 +4,2 @@
 def $function($thing):
-    return json.dumps({"$name": $thing["$name"], "$amount": $thing["$amount"]})
+    return json.dumps({"$name": $thing["$name"], "$amount": $thing["$amount"]}, default=str)
--- /dev/null
+++ b/tests/test_decimal.py
@@ -0,0 +1,7 @@
+from decimal import Decimal
+
+from $package.$module import $function
+
+
+def test_a_decimal_is_written():
+    assert '"2.50"' in $function({"$name": 7, "$amount": Decimal("2.50")})
"""


@dataclass(frozen=True, slots=True)
class Service:
    """The words of a service: it writes `$amount`s as JSON, and fails on those that are no plain number, which every fourth request has."""

    package: str
    module: str
    function: str
    thing: str
    name: str
    amount: str

    def build(self, folder: Path) -> Path:
        """Its repository, with one commit, and a folder for its logs."""
        for path, text in _FILES.items():
            place = folder / self._said(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self._said(text), "utf-8")
        (folder / "logs").mkdir()
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"The {self.package} opens")
        return folder

    def serve(self, folder: Path, requests: int) -> None:
        """Answers so many requests as it is checked out now, and logs them in the present."""
        command = [sys.executable, "-B", "-m", f"{self.package}.serve", str(requests)]
        subprocess.run(command, cwd=folder, env={**os.environ, "TZ": "UTC"}, check=True, timeout=60)

    @property
    def source(self) -> str:
        return f"{self.package}/{self.module}.py"

    @property
    def patch(self) -> str:
        """The mend that a person wrote, with its test."""
        return self._said(_PATCH)

    def _said(self, text: str) -> str:
        words = {name: getattr(self, name) for name in ("package", "module", "function", "thing", "name", "amount")}
        return Template(text).safe_substitute(words)
