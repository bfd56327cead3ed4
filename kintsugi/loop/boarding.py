"""Whose turn it is, where cases go one at a time: each fix is certified on exactly the commit that it will be applied to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, State

BOARDING = timedelta(seconds=6)
_ABOARD = {State.DIAGNOSED, State.PROPOSED, State.APPROVED, State.APPLIED}


class Boarding:
    """Lets one case of this driver at a time go from its proposal to its deployment. `head` gives the commit of the project's branch."""

    def __init__(self, ledger: Ledger, head: Callable[[], str]) -> None:
        self._ledger = ledger
        self._head = head
        self._aboard = ""

    def admits(self, case: Case) -> bool:
        """Whether no other case is under way, and it is this one's turn among those that wait."""
        if self._aboard == case.id:
            return True
        waiting: list[Case] = []
        for other in self._ledger.cases(case.project):
            if other.id == self._aboard and other.state in _ABOARD and not self._arrived(other):
                return False
            if other.state is State.DIAGNOSED or (other.state is State.OPEN and self._ledger.now() - other.opened < BOARDING):
                waiting.append(other)
        if _first(waiting or [case]).id != case.id:
            return False
        self._aboard = case.id
        return True

    def at_rest(self) -> bool:
        """Whether the case under way is past its certificate: what is left of its road keeps no processor busy."""
        return bool(self._aboard) and self._ledger.case(self._aboard).state not in {State.DIAGNOSED, State.PROPOSED}

    def _arrived(self, case: Case) -> bool:
        """Whether the branch that production runs stands on the fix already, though its services may still restart."""
        return case.state is State.APPLIED and case.fix is not None and self._head() == case.fix.commit


def _first(waiting: Sequence[Case]) -> Case:
    """Whose turn it is: an error that makes half of all goes first, it hides the others; else the rarest, whose verdict takes longest."""
    loudest = max(waiting, key=lambda case: case.occurrences)
    if 2 * loudest.occurrences >= sum(case.occurrences for case in waiting):
        return loudest
    return min(waiting, key=lambda case: case.occurrences)
