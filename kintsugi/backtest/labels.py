"""Which commits brought a mistake, as the past itself says: what a revert took back, else SZZ (Śliwerski, Zimmermann & Zeller 2005), the
commits that last wrote the lines that a fix changed, looked for through form, moves and copies (Kim et al. 2006).

SZZ is a label, not the truth: it knows nothing of fixes that only add lines, and blames whoever touched a line last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from kintsugi.backtest.scene import Scene
from mcp_servers.fixes.suspects.history import History

_MOST_LINES, _MOST_FILES = 400, 12


def culprits(scene: Scene) -> Mapping[str, int]:
    """The commits that brought the mistake, by how many of its lines are theirs; empty when the past does not say.

    The first commit of a history is no culprit: what it wrote came from somewhere else.
    """
    if scene.incident.reverted:
        return {scene.incident.reverted: 1}
    removed = dict(list(scene.removed.items())[:_MOST_FILES])
    if not removed or sum(map(len, removed.values())) > _MOST_LINES:
        return {}
    history = History(scene.repository, scene.base, tuple(removed))
    counts: Counter[str] = Counter()
    for path, lines in removed.items():
        for first, last in _runs(lines):
            counts.update(history.blame(path, first, last).values())
    return {id: count for id, count in counts.most_common() if scene.repository.resolve(f"{id}^")}


def _runs(lines: tuple[int, ...]) -> list[tuple[int, int]]:
    """Lines that stand together, as first and last of each run."""
    starts = [lines[0], *(two for one, two in pairwise(lines) if two != one + 1)]
    ends = [*(one for one, two in pairwise(lines) if two != one + 1), lines[-1]]
    return list(zip(starts, ends, strict=True))
