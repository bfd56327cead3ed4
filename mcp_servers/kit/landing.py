"""Whether a change has landed on a branch, however it came there: as it was, squashed, rebased or picked."""

from __future__ import annotations

from mcp_servers.kit.git import Repository

_NEWEST = 1_000
_FORM = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index")


def landed(repository: Repository, target: str, base: str, commit: str) -> str:
    """The commit of `target` that brought the change of `commit`, which was made on `base`; or an empty string.

    A change is the same when git's patch-id says so: the same lines, whatever their numbers and the commit's message. The newest
    thousand commits of `target` that `base` does not have are looked at.
    """
    if repository.contains(target, commit):
        return commit
    wanted = _ids(repository, "diff-tree", "-r", "-p", *_FORM, commit)
    if not wanted:
        return ""
    since = _ids(repository, "log", "-p", "--no-merges", f"--max-count={_NEWEST}", *_FORM, "--format=commit %H", target, f"^{base}", "--")
    return next((found for patch, found in since.items() if patch in wanted), "")


def _ids(repository: Repository, *words: str) -> dict[str, str]:
    """Patch ids of what git shows, each with its commit."""
    shown = repository.run(*words).stdout
    lines = repository.run("patch-id", "--stable", stdin=shown).stdout.decode().split("\n")
    return dict((line.split(" ", 1)) for line in lines if " " in line)
