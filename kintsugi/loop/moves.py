"""What comes next for a case: a pure reading of the ledger. A crash loses nothing, because nothing is remembered elsewhere."""

from __future__ import annotations

from enum import StrEnum

from mcp_servers.cases.model import Case, State


class Move(StrEnum):
    DIAGNOSE = "diagnose"
    TICKET = "ticket"
    PROPOSE = "propose"
    CERTIFY = "certify"
    ASK = "ask"
    APPLY = "apply"
    DEPLOY = "deploy"
    VERIFY = "verify"
    LEARN = "learn"


def next_move(case: Case) -> Move | None:
    """The next legal move of the driver, or None when the case rests: settled, given up, or waiting for a person."""
    match case.state:
        case State.OPEN | State.REGRESSED:
            return Move.DIAGNOSE
        case State.DIAGNOSED:
            return Move.PROPOSE if case.ticket else Move.TICKET
        case State.INCONCLUSIVE:
            return None if case.ticket else Move.TICKET
        case State.PROPOSED:
            return _after_proposal(case)
        case State.APPROVED:
            return Move.APPLY
        case State.APPLIED:
            return Move.DEPLOY
        case State.DEPLOYED:
            return Move.VERIFY
        case State.VERIFIED:
            return None if case.lesson else Move.LEARN
        case _:
            return None


def _after_proposal(case: Case) -> Move | None:
    fix = case.fix
    if fix is None or (fix.certificate and not fix.certified):
        return Move.PROPOSE
    if not fix.certificate:
        return Move.CERTIFY
    return None if case.asked == fix.digest else Move.ASK


def refuted(case: Case) -> list[str]:
    """Why a certificate refuted proposals of this case, oldest first; how many there are is the number of the option to try next."""
    return [str(fix.certificate.get("reason", "")) for fix in case.fixes if fix.certificate and not fix.certified and not fix.takes_back]
