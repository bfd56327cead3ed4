"""The first page: every other page in one line, and what could not be known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.page import Page, Standing, cell, section

FILE = "summary.md"


def page(gathered: Gathered, pages: Sequence[Page]) -> Page:
    """The page `summary.md`. It is as good as the worst of the others; what is unknown is never good news."""
    counts = Counter(one.standing for one in pages)
    standing: Standing = "findings" if counts["findings"] else "unknown" if counts["unknown"] else "advice" if counts["advice"] else "good"
    span = gathered.history.span
    rows = "\n".join(f"| [{one.title}]({one.file}) | {one.standing} | {one.summary} |" for one in pages)
    unknown = [f"- {one.title}: {one.summary}" for one in pages if one.standing == "unknown"]
    told = f"Of {len(pages)} pages {counts['findings']} have findings, {counts['advice']} advice, {counts['unknown']} could not be known, {counts['good']} are good."
    blocks = (
        f"Looked back on {cell(span.chosen)}: {len(gathered.history.released)} commits up to {span.head[:12]}, in {cell(_place(gathered))}.",
        f"| page | standing | in one line |\n| --- | --- | --- |\n{rows}",
        section("Unknown", "\n".join(unknown)),
    )
    return Page(FILE, "Wisdom", standing, told, blocks)


def _place(gathered: Gathered) -> str:
    place = gathered.run.relative_to(gathered.root).as_posix()
    return "the repository" if place == "." else place
