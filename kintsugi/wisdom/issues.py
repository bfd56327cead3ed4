"""Which issues, tickets and cases belong to what was released: by what commits name, by their case, or by the files that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.history import Commit
from kintsugi.wisdom.loose import mapping, text
from kintsugi.wisdom.page import Page, bullets, cell, counted, section, table

_FILE = "issue_correlation.md"
_WORDS = re.compile(r"[\w./-]{5,200}")


@dataclass(frozen=True, slots=True)
class Link:
    """An issue (of whatever tracker) and a commit of the release; `how` says what leads from one to the other."""

    issue: str
    title: str
    standing: str
    commit: Commit
    how: str


def links(gathered: Gathered) -> list[Link]:
    """Every issue that a commit of the release names, and every case whose suspect or file is of this release."""
    known = {text(one.get("id")): one for one in (*gathered.told.tickets, *gathered.told.cases)}
    named = [
        Link(issue, *_about(known.get(issue)), commit, "named in its message")
        for commit in gathered.history.released
        for issue in commit.references
    ]
    told = {(one.issue, one.commit.id) for one in named}
    return [*named, *(one for one in _by_diagnosis(gathered) if (one.issue, one.commit.id) not in told)]


def page(gathered: Gathered) -> Page:
    """The page `issue_correlation.md`."""
    found, told = links(gathered), gathered.told
    reached = {one.issue for one in found}
    without = [one for one in gathered.history.released if not one.references and len(one.parents) < 2]
    alone = [one for one in (*told.tickets, *told.cases) if text(one.get("id")) not in reached]
    rows = [(one.issue, one.title, one.standing, one.commit.id[:12], one.commit.subject, one.how) for one in found]
    blocks = (
        section("Issues of this release", table(("issue", "title", "standing", "commit", "subject", "how"), rows)),
        section("Known here, no commit of this release leads to them", table(("id", "title", "standing"), [_line(one) for one in alone])),
        section(
            "Commits that name no issue",
            table(("commit", "subject", "author"), [(one.id[:12], one.subject, one.author) for one in without]),
        ),
        section("Not answered", bullets(cell(one) for one in told.silent)),
    )
    commits = counted(len(gathered.history.released), "commit")
    summary = f"{counted(len(reached), 'issue')} named by {commits} of this release; {len(alone)} known here without one; {counted(len(without), 'commit')} without an issue."
    return Page(_FILE, "Issue correlation", "good" if found else "unknown", summary, blocks)


def _by_diagnosis(gathered: Gathered) -> Iterator[Link]:
    for case in gathered.told.cases:
        diagnosis = mapping(case.get("diagnosis"))
        suspect, file = text(diagnosis.get("suspect_commit")), text(diagnosis.get("file"))
        for commit in gathered.history.released:
            if suspect and commit.id.startswith(suspect):
                yield Link(text(case.get("id")), *_about(case), commit, "its diagnosis names this commit")
            elif file in commit.files:
                yield Link(text(case.get("id")), *_about(case), commit, f"possible: its diagnosis names {file}")
    for ticket in gathered.told.tickets:
        words = set(_WORDS.findall(text(ticket.get("title"))))
        for commit in gathered.history.released:
            if shared := sorted(words & set(commit.files)):
                yield Link(text(ticket.get("id")), *_about(ticket), commit, f"possible: it names {shared[0]}")


def _about(one: Mapping[str, Any] | None) -> tuple[str, str]:
    if one is None:
        return "unknown here", ""
    return text(one.get("title")), text(one.get("status")) or text(one.get("state"))


def _line(one: Mapping[str, Any]) -> tuple[str, ...]:
    return text(one.get("id")), *_about(one)
