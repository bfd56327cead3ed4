"""The tools that say what kind of work a text asks for."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.tool import Toolbox
from mcp_servers.tickets.classification import Classification, Request, break_down, classify, priority_score
from mcp_servers.tickets.classification.subtasks import Subtask

_ROOM = DEFAULT_BUDGET - 500
Title = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(max_length=20_000)]


class Classified(TypedDict):
    type: str
    confidence: float
    reasons: list[str]
    size: str
    size_reasons: list[str]
    labels: list[str]
    components: list[str]
    dependencies: list[str]
    acceptance_criteria: list[str]
    priority_score: NotRequired[float]
    questions: NotRequired[list[str]]


class Part(TypedDict):
    id: str
    title: str
    type: str
    size: str
    depends_on: list[str]
    labels: list[str]
    components: list[str]
    acceptance_criteria: list[str]


class BrokenDown(TypedDict):
    type: str
    size: str
    dependencies: list[str]
    subtasks: list[Part]
    returned: int
    total: int
    omitted: int
    note: str


def register(tools: Toolbox) -> None:
    """Mounts the tools of classification; they read nothing but their arguments."""

    @tools.read(title="Classify a task")
    async def classify_task(title: Title, description: Text = "", impact: int = 0, risk: int = 0, effort: int = 0) -> Classified:
        """Type (Epic, Story, Task, Bug, Spike), size and parts of a text, with reasons. impact and risk (1-10) add a priority_score."""
        found = classify(Request(title, description))
        answer = _classified(found)
        if impact or risk:
            answer["priority_score"] = priority_score(impact, risk, effort, found.size)
        return answer

    @tools.read(title="Break down a task")
    async def break_down_task(title: Title, description: Text = "") -> BrokenDown:
        """Subtasks of an L or XL text, in order, each at most M."""
        found = break_down(Request(title, description))
        parts, omitted = fit([_part(part) for part in found.subtasks], _ROOM)
        return BrokenDown(
            type=found.whole.type,
            size=found.whole.size,
            dependencies=list(found.whole.dependencies),
            subtasks=parts,
            returned=len(parts),
            total=len(found.subtasks),
            omitted=omitted,
            note=found.source,
        )


def _classified(found: Classification) -> Classified:
    answer = Classified(
        type=found.type,
        confidence=found.confidence,
        reasons=list(found.reasons),
        size=found.size,
        size_reasons=list(found.size_reasons),
        labels=list(found.labels),
        components=list(found.components),
        dependencies=list(found.dependencies),
        acceptance_criteria=list(found.acceptance_criteria),
    )
    if not found.acceptance_criteria:
        answer["questions"] = ["What must be true when it is done? The text names no acceptance criteria."]
    return answer


def _part(part: Subtask) -> Part:
    return Part(
        id=part.id,
        title=part.title,
        type=part.type,
        size=part.size,
        depends_on=list(part.depends_on),
        labels=list(part.labels),
        components=list(part.components),
        acceptance_criteria=list(part.acceptance_criteria),
    )
