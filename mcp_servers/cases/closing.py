"""The tool that closes a case for good. That mutes an error, so a person says so: at the client that asks them, or with `kintsugi close`.

Annotations here are values, not text: the resolver of one is made inside the function.
"""

from typing import Annotated, Literal

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from mcp_servers.cases import answers
from mcp_servers.cases.asking import PERSON_PRESENT
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case, State
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.gate import Gate, Write
from mcp_servers.kit.inert import plain
from mcp_servers.kit.schema import Actor
from mcp_servers.kit.tool import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve, Toolbox


class Closing(BaseModel):
    """What a person answers."""

    decision: Literal["close", "keep"] = Field(default="keep", description="close keeps this error quiet from now on")


def register(tools: Toolbox, ledger: Ledger, gate: Gate) -> None:
    def ask(case_id: str, reason: str, actor: str, ctx: Context) -> Closing | Elicit[Closing]:
        able = ctx.client_capabilities
        if able is None or able.elicitation is None:
            return Closing()
        try:
            gate.admit(Write("close_case", actor, case_id))
            case = ledger.case(case_id)
        except KintsugiError:
            return Closing()  # the tool itself says why
        if case.state is State.FALSE_POSITIVE:
            return Closing()
        return Elicit(_question(case, reason), Closing)

    @tools.write(title="Close a case as a false positive", meta=PERSON_PRESENT)
    async def close_case(
        case_id: str,
        reason: Annotated[str, Field(min_length=3, max_length=1000)],
        answer: Annotated[ElicitationResult[Closing], Resolve(ask)],
        actor: Actor = "agent",
    ) -> answers.Recorded:
        """Closes a case that is no problem, and its fingerprint, once a person agrees."""
        gate.admit(Write("close_case", actor, case_id))
        case = await run_sync(ledger.case, case_id)
        if case.state is not State.FALSE_POSITIVE:
            if not (isinstance(answer, AcceptedElicitation) and answer.data.decision == "close"):
                raise Refusal(
                    f"{case_id} stays open: closing it would keep its error quiet for good, and no person agreed to that here. "
                    f"A person closes it with `kintsugi close {case_id}`.",
                    code="needs_a_person",
                )
            case = await run_sync(lambda: ledger.append(case_id, "closed", {"reason": reason}, actor=actor))
        return answers.recorded(case)

    del close_case


def _question(case: Case, reason: str) -> str:
    return (
        f"Close {case.id} ({plain(case.title, 120)}) as a false positive? The same error will open no case again. "
        f"The reason given, in the words of a model: {plain(reason, 200)}"
    )
