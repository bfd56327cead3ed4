"""A lesson as a page of Markdown: front matter for what machines read, a section for each thing that people say. Pure.

What `render` writes, `parse` reads back to the same lesson; a page that a person edited is accepted, or refused with its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.lessons import EARNED_TRUST, Lesson, lesson_id
from mcp_servers.knowledge.model import Fingerprint, Provenance

MOST = 64_000
_SECTIONS = ("Symptom", "Cause", "Fix", "Evidence")
_NEEDED = ("id", "case", "repository", "learned_at")
_KEYS = (*_NEEDED, "provenance", "coarse", "fine", "template", "recipe", "guard_id", "guard")
_HEADING = re.compile(r"## (\w+)\s*")
_ESCAPED = re.compile(rf"\\*## (?:{'|'.join(_SECTIONS)})\s*")
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read: the lesson as it says, and the line of each key and section, for errors."""

    lesson: Lesson
    path: str
    lines: Mapping[str, int]

    def refuse(self, part: str, why: str) -> Refusal:
        return Refusal(f"{self.path}:{self.lines.get(part, 1)}: {why}", code="bad_lesson")


def render(lesson: Lesson) -> str:
    """The page of a lesson: the same for the same lesson, whoever renders it."""
    front = [f"{key}: {_value(text)}" for key, text in _front(lesson) if text]
    title = lesson.symptom.partition("\n")[0][:100].strip()
    said = zip(_SECTIONS, (lesson.symptom, lesson.cause, lesson.fix, lesson.evidence), strict=True)
    sections = [f"## {name}\n\n{_escaped(text)}\n" for name, text in said if text]
    return "\n".join(["---", *front, "---", "", f"# {title}", "", *sections])


def parse(text: str, path: str) -> Page:
    """The lesson of a page; raises `Refusal` with path, line and a sentence."""
    if len(text) > MOST:
        raise Refusal(f"{path}:1: the page has {len(text)} characters, the limit is {MOST}; keep the lesson short.", code="bad_lesson")
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    front, end, at = _front_matter(lines, path)
    sections = _sections(lines, end, path, at)
    page = Page(_lesson(front, sections, path, at), path, at)
    if page.lesson.id != lesson_id(page.lesson.repository, page.lesson.case):
        raise page.refuse(
            "id", f"{page.lesson.id[:64]!r} is not the id of this repository and case; leave these three as they were exported."
        )
    return page


def _front(lesson: Lesson) -> Iterator[tuple[str, str]]:
    yield from (("id", lesson.id), ("case", lesson.case), ("repository", lesson.repository))
    yield from (("learned_at", lesson.learned_at.isoformat()), ("provenance", lesson.provenance))
    yield from (("coarse", lesson.fingerprint.coarse), ("fine", lesson.fingerprint.fine), ("template", lesson.template))
    yield from (("recipe", lesson.recipe), ("guard_id", lesson.guard_id), ("guard", lesson.guard))


def _value(text: str) -> str:
    plain = "\n" not in text and text.strip() == text and text[0] not in "\"'#&*!|>%@`-?" and ": " not in text and " #" not in text
    return text if plain else json.dumps(text, ensure_ascii=False)


def _escaped(text: str) -> str:
    return "\n".join("\\" + line if _ESCAPED.fullmatch(line) else line for line in text.split("\n"))


def _front_matter(lines: Sequence[str], path: str) -> tuple[dict[str, str], int, dict[str, int]]:
    if lines[0].rstrip() != "---":
        raise Refusal(f"{path}:1: a lesson begins with its front matter, a line of three dashes.", code="bad_lesson")
    front: dict[str, str] = {}
    at: dict[str, int] = {}
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() == "---":
            return front, number, at
        key, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or key not in _KEYS or key in front:
            why = "stands twice" if key in front else f"is none of {', '.join(_KEYS)}"
            raise Refusal(f"{path}:{number}: {key.strip()[:40]!r} {why}; take the line out.", code="bad_lesson")
        front[key], at[key] = _read(value.strip(), path, number), number
    raise Refusal(f"{path}:1: the front matter does not end; close it with a line of three dashes.", code="bad_lesson")


def _read(value: str, path: str, number: int) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError as error:
        raise Refusal(
            f"{path}:{number}: the quoted value cannot be read ({error}); write it as one JSON string.", code="bad_lesson"
        ) from None


def _sections(lines: Sequence[str], end: int, path: str, at: dict[str, int]) -> dict[str, str]:
    sections: dict[str, list[str]] = {}
    name = ""
    for number, line in enumerate(lines[end:], end + 1):
        heading = _HEADING.fullmatch(line)
        if heading and heading[1] in _SECTIONS:
            name = heading[1]
            if name in sections:
                raise Refusal(f"{path}:{number}: the section {name} stands twice; make one of the two.", code="bad_lesson")
            sections[name], at[name] = [], number
        elif name:
            sections[name].append(line.removeprefix("\\") if _ESCAPED.fullmatch(line) else line)
        elif line.strip() and not line.startswith("# "):
            raise Refusal(
                f"{path}:{number}: text stands before the first section; put it under one of {', '.join(_SECTIONS)}.", code="bad_lesson"
            )
    return {name: "\n".join(found).strip() for name, found in sections.items()}


def _lesson(front: Mapping[str, str], sections: Mapping[str, str], path: str, at: Mapping[str, int]) -> Lesson:
    for key in _NEEDED:
        if not front.get(key):
            raise Refusal(f"{path}:1: the front matter says no {key}; export the lesson again to see all keys.", code="bad_lesson")
    for name in _SECTIONS:
        said = sections.get(name, "")
        if (not said and name != "Evidence") or len(said) > _LONGEST:
            why = f"has {len(said)} characters, the limit is {_LONGEST}" if said else "is missing or empty"
            raise Refusal(f"{path}:{at.get(name, 1)}: the section {name} {why}.", code="bad_lesson")
    provenance = front.get("provenance", "reported")
    if provenance not in get_args(Provenance):
        raise Refusal(
            f"{path}:{at['provenance']}: {provenance[:40]!r} is no provenance; known are {', '.join(EARNED_TRUST)}.", code="bad_lesson"
        )
    symptom, cause, fix, evidence = (sections.get(name, "") for name in _SECTIONS)
    return Lesson(
        front["id"], front["case"], front["repository"], _moment(front["learned_at"], path, at["learned_at"]), symptom, cause, fix, evidence,
        provenance, EARNED_TRUST[provenance], Fingerprint(front.get("coarse", "")[:64], front.get("fine", "")[:64]),
        front.get("template", "")[:500], front.get("recipe", ""), front.get("guard_id", ""), front.get("guard", ""),
    )  # fmt: skip


def _moment(text: str, path: str, number: int) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refusal(f"{path}:{number}: {text[:40]!r} is no moment with its time zone, like 2026-11-20T10:00:00+00:00.", code="bad_lesson")
    return moment
