"""What kind of work a text asks for, how large it is, what it is worth, and its parts. Pure: words in, values out."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_servers.kit.errors import Refusal
from mcp_servers.tickets.classification import parts
from mcp_servers.tickets.classification.sizes import EFFORT, Size, size_of
from mcp_servers.tickets.classification.subtasks import Subtask, subtasks_of
from mcp_servers.tickets.classification.text import Request
from mcp_servers.tickets.classification.types import type_of
from mcp_servers.tickets.model import TicketType

__all__ = ["Breakdown", "Classification", "Request", "break_down", "classify", "priority_score"]


@dataclass(frozen=True, slots=True)
class Classification:
    """What is known of a request. `confidence` is that of the type, 0 to 1; a size claims none."""

    type: TicketType
    confidence: float
    reasons: tuple[str, ...]
    size: Size
    size_reasons: tuple[str, ...]
    labels: tuple[str, ...]
    components: tuple[str, ...]
    dependencies: tuple[str, ...]
    acceptance_criteria: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A request and its parts; without parts, `source` says why."""

    whole: Classification
    subtasks: tuple[Subtask, ...]
    source: str


def classify(request: Request) -> Classification:
    """Type and size of a request with the evidence for each; raises `Refusal` for one without words."""
    if not request.title.strip():
        raise Refusal("There is nothing to classify: give a title, and the description where there is one.", code="no_title")
    verdict = type_of(request)
    sizing = size_of(request, verdict.type)
    return Classification(
        verdict.type, verdict.confidence, verdict.reasons, sizing.size, sizing.reasons,
        parts.labels(request, verdict.type), parts.components(request), parts.dependencies(request), parts.acceptance_criteria(request),
    )  # fmt: skip


def break_down(request: Request) -> Breakdown:
    """The parts of a request that is L or XL; smaller ones stay whole. Raises as `classify`."""
    whole = classify(request)
    if whole.size not in ("L", "XL"):
        return Breakdown(whole, (), f"It is {whole.size}: small enough to be done as one.")
    subtasks, source = subtasks_of(request, whole.type)
    return Breakdown(whole, subtasks, f"Parts from {source}.")


def priority_score(impact: int, risk: int, effort: int, size: Size) -> float:
    """(impact × 2 − risk) / effort, each from 1 to 10; effort 0 takes what the size stands for. Raises `Refusal` for other numbers."""
    for name, value, least in (("impact", impact, 1), ("risk", risk, 1), ("effort", effort, 0)):
        if not least <= value <= 10:
            raise Refusal(
                f"{name} is {value}; a priority needs impact and risk from 1 to 10, and effort where the size is not enough.",
                code="bad_score",
            )
    return round((impact * 2 - risk) / (effort or EFFORT[size]), 2)
