"""Which commit broke it: git bisect with the reproduction as the question and the sandbox as the judge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

Fails = Callable[[str], Awaitable[bool]]


async def first_failing(commits: Sequence[str], fails: Fails) -> str | None:
    """The first of `commits` (oldest first, the last one known to fail) since which the failure is there; None when it always was.

    Asks about log₂ n commits. As in `git bisect`, the failure is taken to stay once it came.
    """
    if len(commits) < 2 or await fails(commits[0]):
        return None
    good, bad = 0, len(commits) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if await fails(commits[middle]):
            bad = middle
        else:
            good = middle
    return commits[bad]
