"""Lessons as pages in git, out and in: a team's knowledge has pull requests too.

A page is text from strangers. Whatever it claims, an imported lesson was only told: it is shown as such, decides nothing, and what
executes (its recipe, its guard) stays out until it is proven here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mcp_servers.kit.database import Database
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.exchange.markdown import MOST, Page, parse, render
from mcp_servers.knowledge.exchange.store import ClaimStore
from mcp_servers.knowledge.lessons import EARNED_TRUST, Lesson, LessonStore

__all__ = ["MOST", "Imported", "export_pages", "import_pages"]

_SAID = ("symptom", "cause", "fix", "evidence")
_CLAIMED = ("provenance", "recipe", "guard_id", "guard")


@dataclass(frozen=True, slots=True)
class Imported:
    """The ids of lessons that are new, that say something else than before, and that are as they were."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def export_pages(database: Database, repository: str = "") -> dict[str, str]:
    """The page of each lesson by its file name, in the order of the names; an imported lesson as its page came."""
    lessons = [lesson for lesson in LessonStore(database).all() if not repository or lesson.repository == repository]
    claims = ClaimStore(database).of([lesson.id for lesson in lessons if lesson.provenance == "reported"])
    return {f"{lesson.id}.md": render(_as_claimed(lesson, claims.get(lesson.id, {}))) for lesson in lessons}


def import_pages(database: Database, pages: Iterable[tuple[str, str]], now: datetime) -> Imported:
    """Takes (path, text) pages in, all or none; raises `Refusal` with path, line and a sentence for one that may not be."""
    store = LessonStore(database)
    known = {lesson.id: lesson for lesson in store.all()}
    taken: dict[str, Page] = {}
    for path, text in pages:
        page = parse(text, path)
        page = replace(page, lesson=_cleaned(page.lesson))
        if page.lesson.id in taken:
            raise page.refuse("id", f"{taken[page.lesson.id].path} holds the same lesson; keep one of the two files.")
        _check(page, known.get(page.lesson.id))
        taken[page.lesson.id] = page
    told = {id: _told(page.lesson, now) for id, page in taken.items() if id not in known or known[id].provenance == "reported"}
    new = [id for id in told if id not in known]
    changed = [
        id for id, lesson in told.items() if id in known and any(getattr(lesson, part) != getattr(known[id], part) for part in _SAID)
    ]
    store.take([told[id] for id in (*new, *changed)])
    ClaimStore(database).put({id: _claims(taken[id].lesson) for id in told})
    return Imported(tuple(new), tuple(changed), tuple(id for id in taken if id not in (*new, *changed)))


def _check(page: Page, known: Lesson | None) -> None:
    """Raises `Refusal` when the page would change what earned more than a page can."""
    if known is None or known.provenance == "reported":
        return
    for part in _SAID:
        if getattr(page.lesson, part) != getattr(known, part):
            raise page.refuse(
                part.capitalize(),
                f"{known.id} was {known.provenance} here, and a page does not change it; take the edit back, or record a new lesson.",
            )


def _cleaned(lesson: Lesson) -> Lesson:
    said: Mapping[str, str] = {part: clean(getattr(lesson, part)).strip() for part in (*_SAID, "template", "repository")}
    return replace(lesson, **said)


def _told(lesson: Lesson, now: datetime) -> Lesson:
    """The lesson as far as a page is believed."""
    nothing = dict.fromkeys(("recipe", "guard_id", "guard"), "")
    return replace(lesson, provenance="reported", trust=EARNED_TRUST["reported"], learned_at=min(lesson.learned_at, now), **nothing)


def _claims(lesson: Lesson) -> dict[str, str]:
    return {name: str(getattr(lesson, name)) for name in _CLAIMED} | {"learned_at": lesson.learned_at.isoformat()}


def _as_claimed(lesson: Lesson, claims: Mapping[str, str]) -> Lesson:
    if not claims:
        return lesson
    return replace(lesson, **{name: claims[name] for name in _CLAIMED}, learned_at=datetime.fromisoformat(claims["learned_at"]))
