"""How a person's word reaches us, and how much each way proves."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.policy import RISKS, Policy


@dataclass(frozen=True, slots=True)
class Channel:
    """`proof`: 1 somebody who answers here, 2 a key that the agent cannot use. `most` is the gravest risk that the channel may decide."""

    proof: int
    most: str = "high"


CHANNELS: Mapping[str, Channel] = {
    "demo": Channel(1),
    "elicitation": Channel(1, "low"),
    "dashboard": Channel(1),
    "terminal": Channel(1),
    "signed": Channel(2),
}


def riskier(one: str, other: str) -> str:
    """The graver of two risks; a word that is none counts as high."""
    ranks = [RISKS.index(risk) if risk in RISKS else len(RISKS) - 1 for risk in (one or RISKS[0], other or RISKS[0])]
    return RISKS[max(ranks)]


def same_person(one: str, other: str) -> bool:
    return _name(one) == _name(other)


def proof_of(channel: str, person: str, risk: str, policy: Policy) -> int:
    """What this person's word on this channel proves; raises `Refusal` when it is not enough for the risk, or not theirs to give."""
    known = CHANNELS.get(channel)
    if known is None:
        raise Refusal(f"{channel!r} is no channel for a decision; known are {', '.join(CHANNELS)}.", code="unknown_channel")
    if not _name(person):
        raise Refusal("A decision needs the name of the person who takes it.", code="no_person")
    if policy.people and not any(same_person(person, allowed) for allowed in policy.people):
        raise Refusal(f"{person} is not among those whom the policy lets approve: {', '.join(policy.people)}.", code="not_allowed")
    needed, _ = policy.needed(risk)
    if RISKS.index(riskier(risk, "")) > RISKS.index(known.most):
        raise Refusal(f"A {risk} risk is not decided by {channel}; run `kintsugi approve` at a terminal.", code="wrong_channel")
    if known.proof < needed:
        raise Refusal(
            f"A {risk} risk needs a signed approval: run `kintsugi approve FIX --sign KEY` with a key that asks for you.",
            code="stronger_approval",
        )
    return known.proof


def _name(person: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", person).casefold().split())
