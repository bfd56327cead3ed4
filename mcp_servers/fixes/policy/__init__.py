"""What a fix may change. Judged on the difference of two trees, never on what a diff says about itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy import characters, dependencies, hosts, paths, protected, secrets, sizes, weakening
from mcp_servers.fixes.policy.difference import Difference, is_test
from mcp_servers.fixes.policy.protected import PROTECTED
from mcp_servers.fixes.policy.sizes import MAX_CHANGED_BYTES, MAX_FILES
from mcp_servers.fixes.policy.taint import Taint, strange, texts_of
from mcp_servers.kit.git import GITLINK, FileChange
from mcp_servers.kit.policy import SHIPPED, Policy

__all__ = ["MAX_CHANGED_BYTES", "MAX_FILES", "PROTECTED", "is_test", "judge", "strange", "texts_of", "version"]

Contents = Callable[[str], bytes]
"""Gives the content of a blob by its id."""


def judge(
    changes: Sequence[FileChange],
    files_after: Iterable[str],
    contents: Contents,
    *,
    test_path: str = "",
    evidence: Sequence[str] = (),
    policy: Policy = SHIPPED,
) -> list[Finding]:
    """What stands against this difference: `reject` refuses it, `elevate` asks for a stronger approval; no finding is ordinary.

    `evidence` is the text that production told of the case: hostile. `test_path` is the new reproduction.
    """
    size = sum(len(contents(change.new_id)) for change in changes if not change.deleted and change.new_mode != GITLINK)
    if large := list(sizes.of_all(changes, size)):
        return large
    placed = paths.findings(changes, files_after)
    barred = {finding.path for finding in placed if finding.verdict == "reject"}
    readable = [_difference(change, contents) for change in changes if change.path not in barred]
    taint = Taint(evidence, policy.span)
    judged = [finding for one in readable for finding in _of_one(one, test_path, taint, policy)]
    return [*placed, *sizes.of_lines(readable), *judged]


@cache
def version(policy: Policy = SHIPPED) -> str:
    """Names these rules and settings: any change of either is another policy, and voids what was proposed under the old one."""
    rules = [*sorted(Path(__file__).parent.glob("*.py")), Path(dependencies.__file__).parents[2] / "kit" / "redaction.py"]
    hashed = hashlib.sha256(b"\0".join(path.read_bytes() for path in rules))
    hashed.update(policy.version.encode())
    return hashed.hexdigest()[:16]


def _of_one(one: Difference, test_path: str, taint: Taint, policy: Policy) -> list[Finding]:
    """What one file says. A file that is refused is not looked into for what would only ask for more."""
    found = [*characters.findings(one), *protected.findings(one, test_path, policy.protected)]
    if not _refused(found):
        found += [*sizes.findings(one), *secrets.findings(one), *taint.findings(one)]
    if not _refused(found):
        found += [*dependencies.findings(one), *hosts.findings(one, policy.hosts), *weakening.findings(one, test_path)]
    return found


def _refused(findings: Sequence[Finding]) -> bool:
    return any(finding.verdict == "reject" for finding in findings)


def _difference(change: FileChange, contents: Contents) -> Difference:
    old = b"" if change.added or change.old_mode == GITLINK else contents(change.old_id)
    new = b"" if change.deleted or change.new_mode == GITLINK else contents(change.new_id)
    return Difference(change, old, new)
