"""The pages of tests and of coverage: what the reports say now, and what they said before."""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.measured import Measured, Point
from kintsugi.wisdom.page import Page, Picture, bullets, cell, counted, percent, section, table
from kintsugi.wisdom.pictures import bars, trend
from kintsugi.wisdom.reports.model import Coverage, Results

_TESTS, _COVERAGE = "test_analysis.md", "coverage_trend.md"
_SLOWEST = 5


def test_page(gathered: Gathered) -> Page:
    """The page `test_analysis.md`."""
    measured = gathered.measured
    now = measured.now.results if measured.now else None
    blocks = [_unread(measured)]
    if now is None or measured.now is None:
        return Page(_TESTS, "Test analysis", "unknown", "No test results were found, so how the tests stand is unknown.", tuple(blocks))
    before = measured.before("results")
    summary = _counts(now) + (f" {_change(before.label, before.results, now)}" if before and before.results else "")
    slow = sorted(now.outcomes.values(), key=lambda one: (-one.seconds, one.id))[:_SLOWEST]
    blocks = [
        section("Failing", table(("test", "status", "what it said"), [(one.id, one.status, _first(one.told)) for one in now.failing])),
        section("Passed and failed in one run", _ids(now, "flaky")),
        section("Skipped", _ids(now, "skipped")),
        section("Slowest", table(("test", "seconds"), [(one.id, f"{one.seconds:.2f}") for one in slow if one.seconds])),
        _compared(before, now),
        section("Sources", bullets(cell(source) for source in measured.now.sources)),
        *blocks,
    ]
    return Page(_TESTS, "Test analysis", "findings" if now.failing else "good", summary, tuple(blocks))


def _counts(now: Results) -> str:
    words = [f"{now.count(status)} {status}" for status in ("passed", "failed", "error", "skipped", "flaky") if now.count(status)]
    return f"{counted(len(now.outcomes), 'test')}: {', '.join(words)}."


def _change(label: str, before: Results, now: Results) -> str:
    earlier = before.outcomes
    failing = {one.id for one in now.failing}
    newly = sum(id in earlier and not earlier[id].bad for id in failing)
    mended = sum(one.bad and id in now.outcomes and not now.outcomes[id].bad for id, one in earlier.items())
    gone = len(earlier.keys() - now.outcomes.keys())
    return f"Since {cell(label)}: {newly} newly failing, {mended} mended, {len(now.outcomes.keys() - earlier.keys())} new, {gone} gone."


def _compared(before: Point | None, now: Results) -> str:
    if before is None or before.results is None:
        return section("Before", "unknown: no earlier results were found beside this run or in git.")
    gone = sorted(before.results.outcomes.keys() - now.outcomes.keys())
    mended = [one.id for one in before.results.failing if one.id in now.outcomes and not now.outcomes[one.id].bad]
    return "\n\n".join(filter(None, (section("Mended", _list(mended)), section(f"Gone since {cell(before.label)}", _list(gone)))))


def _ids(now: Results, status: str) -> str:
    return _list([one.id for one in now.outcomes.values() if one.status == status])


def _list(ids: Sequence[str]) -> str:
    return table(("test",), [(id,) for id in ids])


def _first(told: str) -> str:
    """The line of a failure that says most: the last that names an error, else the first."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line or "Exception" in line or line.startswith("E ")]
    return (named or lines or ["nothing"])[-1 if named else 0]


def coverage_page(gathered: Gathered) -> Page:
    """The page `coverage_trend.md`, with a picture where there are two points at least."""
    measured = gathered.measured
    points = measured.over_time()
    now = measured.now.coverage if measured.now else None
    if now is None:
        return Page(
            _COVERAGE,
            "Coverage trend",
            "unknown",
            "No coverage report was found, so what the tests reach is unknown.",
            (_unread(measured),),
        )
    shares = [point.coverage.share for point in points if point.coverage]
    change = shares[-1] - shares[-2] if len(shares) > 1 else None
    moved = f", {change * 100:+.1f} points since {cell(points[-2].label)}" if change is not None else "; what it was before is unknown"
    new = patch_coverage(gathered)
    fresh = f" Of {counted(sum(new), 'new line')} that can run, {percent(new[0] / sum(new))} were reached." if sum(new) else ""
    summary = f"{percent(now.share)} of {counted(now.total, 'line')} reached{moved}.{fresh}"
    labelled = [(point.label, share) for point, share in zip(points, shares, strict=True)]
    pictures = (Picture("coverage_trend.svg", "Coverage over time", trend("Lines reached by tests", labelled)),) if len(points) > 1 else ()
    blocks = (
        section("Over time", f"{bars(shares)}\n\n" + _over_time(points)),
        section("Least reached", _least(now)),
        section("Sources", bullets(cell(source) for source in measured.now.sources) if measured.now else ""),
        _unread(measured),
    )
    return Page(_COVERAGE, "Coverage trend", "findings" if change is not None and change < -0.001 else "good", summary, blocks, pictures)


def patch_coverage(gathered: Gathered) -> tuple[int, int]:
    """Of the lines that the release brought: how many were reached, and how many were not."""
    coverage = gathered.measured.now.coverage if gathered.measured.now else None
    if coverage is None:
        return 0, 0
    both = [(coverage.files[path], lines) for path, lines in gathered.new_lines.items() if path in coverage.files]
    return sum(len(one.hit & lines) for one, lines in both), sum(len(one.missed & lines) for one, lines in both)


def _over_time(points: Sequence[Point]) -> str:
    rows = [
        (
            point.at[:16],
            point.label,
            percent(point.coverage.share),
            f"{point.coverage.covered} of {point.coverage.total}",
            ", ".join(point.sources),
        )
        for point in points
        if point.coverage
    ]
    return table(("when", "what", "reached", "lines", "source"), rows)


def _least(now: Coverage) -> str:
    worst = sorted(now.files.items(), key=lambda item: (item[1].covered - item[1].total, item[0]))[:10]
    return table(
        ("file", "reached", "lines not reached"),
        [(path, f"{one.covered} of {one.total}", one.total - one.covered) for path, one in worst if one.covered < one.total],
    )


def _unread(measured: Measured) -> str:
    return section("Not read", table(("file", "why"), measured.unread))
