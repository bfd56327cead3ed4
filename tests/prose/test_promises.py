from __future__ import annotations

import subprocess
import sys

from tests.components import ROOT


def test_the_page_of_promises_says_what_the_tests_say() -> None:
    answer = subprocess.run([sys.executable, "scripts/promises", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
