"""What the knowledge tools are asked: their parameters as schemas, and how a parameter becomes a value of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.redaction import clean
from mcp_servers.kit.schema import UNSAID, objects
from mcp_servers.kit.schema import Actor as Actor
from mcp_servers.knowledge import model
from mcp_servers.knowledge.recall import Question


class Change(TypedDict):
    path: Annotated[str, Field(max_length=500)]
    before: Annotated[str, Field(max_length=200_000)]
    after: Annotated[str, Field(max_length=200_000)]


class File(TypedDict):
    path: Annotated[str, Field(max_length=500)]
    content: Annotated[str, Field(max_length=500_000)]


_ID = re.compile(r"[A-Za-z][\w.:-]{0,99}")

Files = Annotated[list[File], Field(max_length=500), objects("{path, content}")]
Fingerprint = str | dict[str, Any]
Template = Annotated[str, Field(max_length=4000)]
Text = Annotated[str, Field(max_length=4000)]
InRepository = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, Field(ge=1, le=50), UNSAID]
Repository = Annotated[str, Field(min_length=1, max_length=200)]
Case = Annotated[str, Field(max_length=60)]
Prose = Annotated[str, Field(max_length=4000)]
Told = Annotated[str, Field(min_length=1, max_length=4000)]

ServiceType = Annotated[str, Field(max_length=100)]
Severity = Annotated[str, Field(description="critical … low.", max_length=20)]
LogSnippet = Annotated[str, Field(min_length=1, max_length=20_000)]
Pattern = Annotated[str, Field(max_length=200)]
Ticket = Annotated[str, Field(max_length=300)]

LessonCase = Annotated[str, Field(min_length=1, max_length=60)]
Source = model.Provenance
Recipe = Annotated[str, Field(max_length=20_000)]
FixId = Annotated[str, Field(max_length=60)]
Changes = Annotated[list[Change] | None, Field(max_length=20), objects("{path, before, after}: files or functions.")]
Confirms = Annotated[str, Field(description="Lesson whose fix helped.", max_length=64)]
Contradicts = Annotated[str, Field(description="Whose did not.", max_length=64)]


def text(given: str) -> str:
    """The text as it may be stored: visible and without credentials."""
    cleaned: str = clean(given)
    return cleaned.strip()


def told(given: str) -> str:
    """As `text`; raises `Refusal` when nothing is left of it."""
    cleaned = text(given)
    if not cleaned:
        raise Refusal("A lesson says its symptom, its cause and its fix; one of them holds nothing that can be read.", code="empty_lesson")
    return cleaned


def fingerprint_of(given: str | Mapping[str, Any]) -> model.Fingerprint:
    """The fingerprint; raises `Refusal` for an object that is none."""
    if isinstance(given, str):
        return model.Fingerprint(given[:64])
    coarse, fine, former = given.get("coarse"), given.get("fine", ""), given.get("former", "")
    if not all(isinstance(one, str) and len(one) <= 64 for one in (coarse, fine, former)):
        raise Refusal(
            "The fingerprint is not one of find_anomalies; hand it on unchanged, or give its coarse part.", code="bad_fingerprint"
        )
    return model.Fingerprint(str(coarse), str(fine), str(former))


def question_of(fingerprint: str | Mapping[str, Any], template: str, words: str) -> Question:
    """The question; raises `Refusal` for an empty one."""
    question = Question(fingerprint_of(fingerprint), text(template)[: model.LOGS_KEPT], words.strip())
    if not question:
        raise Refusal("Nothing was asked; give a fingerprint, a template or some text.", code="empty_question")
    return question


def recipe_of(given: str) -> str:
    """The text if it is empty, an id or a JSON object; raises `Refusal` otherwise."""
    try:
        if not given or _ID.fullmatch(given) or isinstance(json.loads(given), dict):
            return given
    except (ValueError, RecursionError):
        pass
    raise Refusal('The recipe is neither an id nor a JSON object; give one like {"id": "…"}, or leave it empty.', code="bad_recipe")
