"""Which type of work is it? The types' evidence against each other; how sure is a probability, and undecided is said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from mcp_servers.tickets.classification.cues import cues
from mcp_servers.tickets.classification.text import Request
from mcp_servers.tickets.model import TicketType

TYPES: tuple[TicketType, ...] = get_args(TicketType)
_HONEST = 0.6
"""Cues of one text repeat each other; so scaled, the share that is right among confident answers comes near the confidence."""
UNDECIDED: TicketType = "Spike"
"""What nothing speaks for is a question to its author first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A type with its confidence (0 to 1, the share that its evidence has) and the reasons for it, the strongest first."""

    type: TicketType
    confidence: float
    reasons: tuple[str, ...]


def type_of(request: Request) -> Verdict:
    """The type of a request."""
    found = cues(request)
    scores = {type: sum(cue.weight for cue in found if cue.type == type) for type in TYPES}
    best = max(TYPES, key=lambda type: (scores[type], type == UNDECIDED))
    weights = {type: math.exp(_HONEST * score) for type, score in scores.items()}
    reasons = sorted((cue for cue in found if cue.type == best), key=lambda cue: -cue.weight)
    return Verdict(
        best,
        round(weights[best] / sum(weights.values()), 2),
        tuple(cue.reason for cue in reasons[:5]) or ("no word in it decides; ask its author what should be different afterwards",),
    )
