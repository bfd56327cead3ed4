"""Small services of other people, each broken in its own way: a repository with a history, and the log that production left."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

GIT_ENV = {
    **os.environ,
    "GIT_AUTHOR_NAME": "Grace",
    "GIT_AUTHOR_EMAIL": "grace@example.test",
    "GIT_COMMITTER_NAME": "Grace",
    "GIT_COMMITTER_EMAIL": "grace@example.test",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True)
class Stranger:
    """A service: what its commits hold (in order: message → files) and what its log says."""

    name: str
    commits: tuple[tuple[str, Mapping[str, str]], ...]
    log: str

    def build(self, folder: Path) -> Path:
        """Makes the repository in `folder`, with `logs/service.log` beside the code, not committed."""
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        for number, (message, files) in enumerate(self.commits):
            for path, text in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(dedent(text).lstrip("\n"), "utf-8")
            git(folder, "add", "-A")
            git(folder, "commit", "-q", "-m", message, date=f"2026-11-{number + 2:02d}T09:00:00+00:00")
        (folder / "logs").mkdir()
        (folder / "logs" / "service.log").write_text(dedent(self.log).lstrip("\n"), "utf-8")
        return folder


def git(folder: Path, *arguments: str, date: str = "2026-11-01T09:00:00+00:00") -> str:
    env = GIT_ENV | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    return subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


WAREHOUSE = Stranger(
    "warehouse",
    (
        (
            "Stock levels",
            {
                ".gitignore": "logs/\n",
                "warehouse/__init__.py": "",
                "warehouse/stock.py": """
                    def level(counts, shelf):
                        return counts.get(shelf, 0)
                    """,
                "tests/test_stock.py": """
                    from warehouse.stock import level


                    def test_a_shelf_nobody_counted_is_empty():
                        assert level({}, "a1") == 0
                    """,
            },
        ),
        (
            "Print delivery notes",
            {
                "warehouse/notes.py": '''
                    from dataclasses import dataclass


                    @dataclass
                    class Parcel:
                        number: int
                        remark: str | None = None


                    def heading(parcel: Parcel) -> str:
                        return f"Parcel {parcel.number}"


                    def remark_line(parcel: Parcel) -> str:
                        """The remark as it is printed under the address."""
                        text = parcel.remark.strip()
                        return text.capitalize()


                    def note(parcel: Parcel) -> str:
                        return heading(parcel) + "\\n" + remark_line(parcel)
                    ''',
                "tests/test_notes.py": """
                    from warehouse.notes import Parcel, note


                    def test_the_remark_stands_under_the_heading():
                        assert note(Parcel(7, " fragile ")) == "Parcel 7\\nFragile"
                    """,
            },
        ),
        (
            "Count returns",
            {"warehouse/returns.py": "def returned(parcels):\n    return sum(1 for parcel in parcels if parcel.number < 0)\n"},
        ),
    ),
    """
    2026-11-20 08:00:01,120 INFO warehouse.jobs printing 40 notes
    2026-11-20 08:00:02,310 ERROR warehouse.jobs could not print note 812
    Traceback (most recent call last):
      File "/srv/warehouse/current/warehouse/jobs.py", line 31, in run
        note(parcel)
      File "/srv/warehouse/current/warehouse/notes.py", line 21, in note
        return heading(parcel) + "\\n" + remark_line(parcel)
      File "/srv/warehouse/current/warehouse/notes.py", line 16, in remark_line
        text = parcel.remark.strip()
    AttributeError: 'NoneType' object has no attribute 'strip'
    2026-11-20 08:00:02,900 INFO warehouse.jobs printed 39 notes
    """,
)

LEDGER = Stranger(
    "mileage",
    (
        (
            "Fuel reports",
            {
                ".gitignore": "logs/\n",
                "mileage/__init__.py": "",
                "mileage/report.py": """
                    def consumption(litres, kilometres):
                        return 100 * litres / float(kilometres)
                    """,
            },
        ),
    ),
    """
    2026-11-20 09:10:00,000 ERROR mileage report failed
    Traceback (most recent call last):
      File "/opt/mileage/mileage/report.py", line 2, in consumption
        return 100 * litres / float(kilometres)
    ZeroDivisionError: float division by zero
    """,
)

QUIET = Stranger(
    "quiet",
    (("A service", {".gitignore": "logs/\n", "quiet/__init__.py": ""}),),
    """
    2026-11-20 09:10:00,000 INFO quiet started
    2026-11-20 09:10:01,000 WARNING quiet DeprecationWarning: use new_name() instead of old_name()
    2026-11-20 09:10:02,000 INFO quiet "GET /favicon.ico HTTP/1.1" 404 9
    """,
)
