"""The road of the release: commits, tags, documents, cases and measurements by their times, and where time was spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.loose import listing, mapping, text
from kintsugi.wisdom.page import Page, Picture, counted, section, table
from kintsugi.wisdom.pictures import road

_FILE = "timeline.md"
_DRAWN = 24


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened: when (aware UTC), of which sort, what, and by whom that is told."""

    at: datetime
    sort: str
    what: str
    source: str


def happenings(gathered: Gathered) -> list[Happening]:
    """Everything of the release that has a time, oldest first."""
    found = [*_of_git(gathered), *_of_documents(gathered), *_of_cases(gathered), *_of_tickets(gathered)]
    return sorted((one for one in found if one), key=lambda one: (one.at, one.sort, one.what))


def page(gathered: Gathered) -> Page:
    """The page `timeline.md`, with its picture."""
    found = happenings(gathered)
    if not found:
        return Page(_FILE, "Timeline", "unknown", "Nothing with a time was found.")
    span = _span(found[-1].at - found[0].at)
    rows = [(one.at.isoformat()[:16].replace("T", " "), one.sort, one.what, one.source) for one in found]
    blocks = (section("Longest waits", _waits(found)), section("Everything (UTC)", table(("when", "sort", "what", "source"), _ends(rows))))
    drawn = [(at, sort, what) for at, sort, what, _ in _telling(rows)]
    picture = Picture("timeline.svg", "The road of the release", road("The road of the release (UTC)", drawn))
    return Page(_FILE, "Timeline", "good", f"{counted(len(found), 'event')} in {span}; {gathered.history.span.chosen}.", blocks, (picture,))


def _of_git(gathered: Gathered) -> Iterator[Happening | None]:
    released = {commit.id for commit in gathered.history.released}
    for commit in gathered.history.released:
        sort = "reverted" if commit.reverts else "merged" if len(commit.parents) > 1 else "fixed" if commit.mends else "commit"
        yield _happened(commit.at, sort, f"{commit.subject} ({commit.author})", f"commit {commit.id[:12]}")
    for name, id in gathered.history.tags.items():
        commit = gathered.history.commit(id) if id in released or id == gathered.history.span.base else None
        if commit:
            yield _happened(commit.at, "tagged", name, f"tag on {id[:12]}")


def _of_documents(gathered: Gathered) -> Iterator[Happening | None]:
    for artifact in gathered.artifacts:
        path = (gathered.run / artifact.name).relative_to(gathered.root).as_posix()
        for commit in gathered.repository.log(gathered.head, path, limit=1) if path in gathered.paths else ():
            yield _happened(commit.at, "document", f"{path} as it is", f"commit {commit.id[:12]}")


def _of_cases(gathered: Gathered) -> Iterator[Happening | None]:
    for case in gathered.told.cases:
        for event in map(mapping, listing(case.get("history"))):
            yield _happened(text(event.get("at")), text(event.get("kind")), text(case.get("title")), text(case.get("id")))


def _of_tickets(gathered: Gathered) -> Iterator[Happening | None]:
    for ticket in gathered.told.tickets:
        yield _happened(
            text(ticket.get("updated_at")), f"ticket {text(ticket.get('status'))}", text(ticket.get("title")), text(ticket.get("id"))
        )


def _happened(at: str, sort: str, what: str, source: str) -> Happening | None:
    try:
        moment = datetime.fromisoformat(at)
        return Happening((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC), sort, what, source)
    except (ValueError, OverflowError):
        return None


def _waits(found: Sequence[Happening]) -> str:
    pairs = sorted(pairwise(found), key=lambda pair: pair[0].at - pair[1].at)[:3]
    rows = [(_span(two.at - one.at), f"{one.sort}: {one.what}", f"{two.sort}: {two.what}") for one, two in pairs if two.at > one.at]
    return table(("wait", "from", "to"), rows)


def _ends(rows: Sequence[tuple[str, ...]], most: int = 60) -> list[tuple[str, ...]]:
    """The rows, or their first and last where there are too many."""
    if len(rows) <= most:
        return list(rows)
    half = (most - 1) // 2
    return [*rows[:half], ("…", "", f"{len(rows) - 2 * half} more", ""), *rows[-half:]]


def _telling(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those that a picture has room for: what is no plain commit first."""
    special = [row for row in rows if row[1] != "commit"]
    return _ends(special if len(rows) > _DRAWN and special else rows, _DRAWN)


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours = minutes // 1440, minutes % 1440 // 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
