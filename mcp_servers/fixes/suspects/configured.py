"""Settings that a commit changed, told without knowing the format: a key is what stands before the first `=` or `:` of a line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

MOST_FILES = 20
_SUFFIXES = frozenset({".toml", ".yaml", ".yml", ".ini", ".cfg", ".conf", ".properties", ".env", ".json"})
_LOCKED = re.compile(r"(?:^|[-.])lock(?:$|[-.])", re.IGNORECASE)
_SETTING = re.compile(r"""^\s*(?:export\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*[:=]\s*(.*?),?\s*$""")
_WORD = re.compile(r"[A-Za-z_]\w{2,}")


def is_setting(path: str) -> bool:
    """Whether a file holds settings: by its suffix, and no lock file."""
    pure = PurePosixPath(path)
    return (pure.suffix in _SUFFIXES or pure.name.startswith(".env")) and not _LOCKED.search(pure.name) and pure.name != "package-lock.json"


def changed_keys(before: str, after: str) -> Counter[str]:
    """The last parts of the keys whose value is another, that came, or that went, each with how many such values there were."""
    return Counter(key for key, _ in _settings(before) ^ _settings(after))


def words_of(text: str) -> set[str]:
    """The words of a program's text: what a setting it reads must be among."""
    return set(_WORD.findall(text))


def _settings(text: str) -> set[tuple[str, str]]:
    found = (_SETTING.match(line) for line in text.splitlines())
    return {(hit[1].rpartition(".")[2], hit[2]) for hit in found if hit}
