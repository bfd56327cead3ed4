"""The commits of a repository with what each touched, read in one run of git."""

from __future__ import annotations

import re

from kintsugi.shipping.risk import Past
from mcp_servers.kit.git import Repository

MOST = 2_000
_REVERTS = re.compile(r"This reverts commit ([0-9a-f]{7,64})")


def history(repository: Repository, commit: str) -> list[Past]:
    """The commits before and at `commit`, merges left out, the oldest first, at most 2,000."""
    form = "--format=%x02%H%x01%ct%x01%s%x01%b%x03"
    words = ("log", "-z", "--no-merges", "--no-renames", "--numstat", f"--max-count={MOST}", form, commit, "--")
    told = repository.run(*words).stdout.decode("utf-8", "surrogateescape")
    return [_past(block) for block in told.split("\x02")[1:]][::-1]


def touched(repository: Repository, old: str, new: str) -> dict[str, int]:
    """Each file that differs between two commits, with the number of lines added and removed."""
    words = ("diff-tree", "-r", "-z", "--numstat", "--no-renames", repository.tree(old), repository.tree(new))
    return _files(repository.run(*words).stdout.decode("utf-8", "surrogateescape"))


def _past(block: str) -> Past:
    head, _, rest = block.partition("\x03")
    commit, at, subject, body = head.split("\x01", 3)
    return Past(commit, float(at), subject, tuple(_REVERTS.findall(body)), _files(rest))


def _files(numstat: str) -> dict[str, int]:
    rows = [entry.lstrip("\n").split("\t", 2) for entry in numstat.split("\0")]
    return {row[2]: sum(int(count) for count in row[:2] if count.isdigit()) for row in rows if len(row) == 3}
