"""Guards on what is about to be recorded or sent: whether any could find something, and only then the check itself."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from kintsugi.hooks import changes
from kintsugi.hooks.changes import Range
from mcp_servers.knowledge.guards.index import Index

SKIP = "Skip this once with `git commit --no-verify` (or `git push --no-verify`), or set KINTSUGI_SKIP_HOOKS=1.\n"


def asked(name: str, arguments: Sequence[str], stdin: TextIO, environ: Mapping[str, str]) -> Iterable[Range | None]:
    """The ranges that a hook is about; None stands for what is staged. The pre-commit framework names its range in variables."""
    ends = environ.get("PRE_COMMIT_FROM_REF"), environ.get("PRE_COMMIT_TO_REF")
    if ends[0] and ends[1]:
        return [Range(ends[0], ends[1])]
    if name == "pre-push":
        return changes.pushed(stdin.read().splitlines(), arguments[0] if arguments else "")
    return [None]


def could_find(known: Index, span: Range | None) -> bool:
    """Whether a guard could find something in what changed, by the names of files and by the words that it needs."""
    try:
        changed = changes.between(span) if span else changes.staged()
    except OverflowError:
        return True
    read = [change for change in changed if known.reading(change.path)]
    gone = [change for change in read if not change.blob]
    if any(guard["kind"] == "required-test" for change in gone for guard in known.reading(change.path)):
        return True
    there = [change for change in read if change.blob]
    found = changes.texts([change.blob for change in there]) if there else {}
    return any(known.could_find(change.path, found.get(change.blob, "")) for change in there)


def findings(span: Range | None) -> bool:
    """Runs `kintsugi guard check` on it; True where a guard that blocks objects."""
    from kintsugi.cli import cli

    words = ["guard", "check", "--hook", *(["--range", str(span)] if span else ["--staged"])]
    code = cli.main(args=words, standalone_mode=False)
    if code == 1:
        sys.stderr.write(SKIP)
    return code == 1
