"""The lattice: what a change may have been about, as rules, the most general of each kind first. Nothing is proven here."""

from __future__ import annotations

from mcp_servers.knowledge.guards.change import Candidate, Change
from mcp_servers.knowledge.guards.forms import callees, companions, options, removed, shapes, surroundings
from mcp_servers.knowledge.guards.languages import GRAMMARS

MOST = 60


def candidates(change: Change) -> list[Candidate]:
    """At most sixty rules that may flag the code before the change and not after, those first that say more about the mistake."""
    found: list[Candidate] = []
    if change.language in GRAMMARS:
        for form in (options.candidates, callees.candidates, surroundings.candidates, companions.candidates, shapes.candidates):
            found += form(change)
    found += removed.candidates(change)
    unique = {repr((one.rule, one.where)): one for one in reversed(found)}
    return list(reversed(unique.values()))[:MOST]
