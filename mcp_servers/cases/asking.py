"""The tool that asks: it puts a certified proposal before a person, and takes the answer where the client can ask and the risk is low.

Annotations here are values, not text: the resolver of one is made inside the function. The protocol seals what travels between the rounds of
a question; the question names this one request, so that an answer to an earlier one is none to it; and a request is decided once.
"""

import getpass
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from pydantic import BaseModel, Field

from mcp_servers.cases import answers
from mcp_servers.cases.approvals import Approvals, Request, short
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import Case
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.gate import Gate, Write
from mcp_servers.kit.inert import plain
from mcp_servers.kit.schema import Actor
from mcp_servers.kit.tool import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve, Toolbox

PERSON_PRESENT = {"anthropic/requiresUserInteraction": True}
"""Tells a host not to call the tool where nobody sits."""


class Decision(BaseModel):
    """What a person answers: the digest is a yes to exactly this fix, a reason is a no, and neither leaves it waiting."""

    digest: str = Field(default="", title="To approve", description="the eight characters shown above", max_length=80)
    reason: str = Field(default="", title="To reject", description="why; the next proposal has to answer it", max_length=1000)


def register(tools: Toolbox, approvals: Approvals, ledger: Ledger, gate: Gate) -> None:
    def ask(fix_id: str, risk: str, actor: str, ctx: Context) -> Decision | Elicit[Decision]:
        able = ctx.client_capabilities
        if able is None or able.elicitation is None:
            return Decision()
        try:
            gate.admit(Write("request_approval", actor))
            request = approvals.request(fix_id, risk=risk, actor=actor)
        except KintsugiError:
            return Decision()  # the tool itself says why
        if request.decided or request.risk != "low":
            return Decision()
        return Elicit(_question(request, ledger.case_of_fix(fix_id)), Decision)

    @tools.write(title="Ask a person to approve", meta=PERSON_PRESENT)
    async def request_approval(
        fix_id: str,
        answer: Annotated[ElicitationResult[Decision], Resolve(ask)],
        risk: Annotated[Literal["low", "medium", "high"], Field()] = "medium",
        actor: Actor = "agent",
    ) -> answers.Waiting:
        """Puts a certified proposal before a person, who alone decides."""
        gate.admit(Write("request_approval", actor))
        request = await run_sync(lambda: approvals.request(fix_id, risk=risk, actor=actor))
        if isinstance(answer, AcceptedElicitation) and not request.decided:
            return await run_sync(lambda: _answered(approvals, request, answer.data))
        return answers.waiting(request)

    del request_approval


def _question(request: Request, case: Case) -> str:
    """What must be read stands first: a client may show the first lines alone."""
    fix = next(fix for fix in case.fixes if fix.id == request.fix)
    return (
        f"Approve {fix.id} of {case.id}? Type {short(request.digest)} to approve exactly this, or why you reject it; Escape leaves it waiting. "
        f"Its author says: {plain(fix.title, 120)}. See the change: kintsugi fix show {fix.id}. "
        f"It is about: {plain(case.title, 120)}. Its certificate: {plain(str(fix.certificate.get('reason', 'passed')), 300)} "
        f"(request {request.nonce})"
    )


def _answered(approvals: Approvals, request: Request, said: Decision) -> answers.Waiting:
    digest, reason, person = said.digest.strip().lower(), said.reason.strip(), getpass.getuser()
    undecided = ""
    if digest and reason:
        undecided = "the person gave a digest and a reason, a yes and a no: nothing was decided"
    elif reason:
        approvals.reject(request.digest, person=person, channel="elicitation", reason=reason)
    elif digest == short(request.digest):
        approvals.approve(request.digest, person=person, channel="elicitation", nonce=request.nonce)
    elif digest:
        undecided = "what the person typed is not its digest: nothing was approved"
    return answers.waiting(approvals.asked(request.digest) or request, undecided)
