"""The change of a file as a unified diff that an answer can hold: what stands beside it and looks like a credential is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, unified_diff

from mcp_servers.kit.redaction import clean

_AROUND, _FAR_AROUND = 3, 8

Opcode = tuple[str, int, int, int, int]


def difference(path: str, before: str, after: str) -> str:
    """The diff, with three lines around each change; where these would be masked, with as many lines as are open on either side."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    diff = _joined(unified_diff(old, new, f"a/{path}", f"b/{path}", n=_AROUND))
    return diff if clean(diff) == diff else _joined(_open(path, old, new))


def _open(path: str, old: Sequence[str], new: Sequence[str]) -> list[str]:
    lines = [f"--- a/{path}\n", f"+++ b/{path}\n"]
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_FAR_AROUND):
        lines += _hunk(_trimmed(group, old), old, new)
    return lines


def _trimmed(group: Sequence[Opcode], old: Sequence[str]) -> list[Opcode]:
    """The hunk without what lies behind a masked line, as seen from its changes."""
    inner, (first, *_), last = list(group), group, group[-1]
    if first[0] == "equal":
        kept = next((count for count, line in enumerate(reversed(old[first[1] : first[2]])) if clean(line) != line), first[2] - first[1])
        inner[0] = ("equal", first[2] - kept, first[2], first[4] - kept, first[4])
    if last[0] == "equal":
        kept = next((count for count, line in enumerate(old[last[1] : last[2]]) if clean(line) != line), last[2] - last[1])
        inner[-1] = ("equal", last[1], last[1] + kept, last[3], last[3] + kept)
    return inner


def _hunk(group: Sequence[Opcode], old: Sequence[str], new: Sequence[str]) -> list[str]:
    (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
    lines = [f"@@ -{_span(i1, i2)} +{_span(j1, j2)} @@\n"]
    for tag, a1, a2, b1, b2 in group:
        if tag == "equal":
            lines += [f" {line}" for line in old[a1:a2]]
        else:
            lines += [f"-{line}" for line in old[a1:a2]] + [f"+{line}" for line in new[b1:b2]]
    return lines


def _span(start: int, end: int) -> str:
    return f"{start + (end > start)},{end - start}"


def _joined(lines: Iterable[str]) -> str:
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
