"""The tools of the ledger. There is no approve tool: a person decides, through a channel that a model cannot use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from mcp_servers.cases import answers, asking, closing, measuring, monitoring
from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.model import State
from mcp_servers.kit.budget import fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.kit.schema import UNSAID, Actor, an_object, objects
from mcp_servers.kit.stack import handed_on
from mcp_servers.kit.tool import Toolbox

AnyState = Annotated[State, WithJsonSchema({"type": "string"})]
"""A state; which there are is said in every case, and in the sentence for a wrong one."""
_ANSWER_BUDGET = 6_000


class FingerprintArgument(BaseModel):
    model_config = ConfigDict(extra="allow")
    coarse: str = Field(min_length=4, max_length=64, pattern=r"^[0-9a-zA-Z_-]+$")
    fine: str = ""


class AnomalyArgument(BaseModel):
    """An anomaly as find_anomalies returned it; handed on as it is."""

    model_config = ConfigDict(extra="allow")
    title: str = Field(min_length=1, max_length=500)
    fingerprint: FingerprintArgument
    service: str = ""
    severity: str = "MEDIUM"
    count: int = Field(1, ge=0)
    first_seen: str = ""
    last_seen: str = ""
    releases: dict[str, Any] | None = None
    trace: dict[str, Any] | None = None


def register(tools: Toolbox, deps: Deps) -> None:
    ledger = Ledger(deps.database, deps.clock)
    approvals = Approvals(ledger, deps.policy)
    _register_reads(tools, deps, ledger, approvals)
    _register_opening(tools, deps, ledger)
    _register_diagnosis(tools, deps, ledger)
    asking.register(tools, approvals, ledger, deps.gate)
    closing.register(tools, ledger, deps.gate)
    monitoring.register(tools, deps)
    measuring.register(tools, ledger, deps)
    _register_pause(tools, ledger)


def _register_reads(tools: Toolbox, deps: Deps, ledger: Ledger, approvals: Approvals) -> None:
    @tools.read(title="List cases")
    async def list_cases(
        state: list[AnyState] | None = None,
        limit: Annotated[int, Field(ge=1, le=200), UNSAID] = 50,
    ) -> answers.CaseList:
        """Cases, newest first: what broke, its state, fix and ticket."""
        project = await run_sync(deps.present)
        await run_sync(approvals.sweep)
        cases = await run_sync(lambda: ledger.cases(project.name if project else "", state or ()))
        lines, omitted = fit([answers.line(case) for case in cases[:limit]], _ANSWER_BUDGET)
        answer = answers.CaseList(cases=lines, returned=len(lines), total=len(cases), omitted=omitted + max(0, len(cases) - limit))
        if not cases:
            answer["hint"] = "No case in these states. find_anomalies looks for problems in the logs; open_case opens a case for one."
        return answer

    @tools.read(title="Show a case")
    @tools.resource("case://{case_id}", title="A case")
    async def get_case(case_id: str) -> answers.CaseDetail:
        """One case whole: evidence, diagnosis, proposals, verdict, history."""
        await run_sync(approvals.sweep)
        case = await run_sync(ledger.case, case_id)
        return answers.detail(case, await run_sync(ledger.events, case_id))

    @tools.read(title="List what waits for a person")
    async def list_approvals(limit: Annotated[int, Field(ge=1, le=100), UNSAID] = 20) -> answers.WaitingList:
        """What waits for a person, oldest first, and how the person decides."""
        requests = await run_sync(approvals.waiting)
        lines = [answers.waiting(request) for request in requests[:limit]]
        answer = answers.WaitingList(approvals=lines, returned=len(lines), total=len(requests), omitted=len(requests) - len(lines))
        if not requests:
            answer["hint"] = "Nothing waits for a person. request_approval asks about a certified fix."
        return answer


def _register_opening(tools: Toolbox, deps: Deps, ledger: Ledger) -> None:
    @tools.write(title="Open a case")
    async def open_case(
        anomaly: Annotated[AnomalyArgument, an_object("Unchanged: {title, fingerprint, …}")],
        actor: Actor = "agent",
    ) -> answers.Opened:
        """Opens the case of an anomaly, or finds that of its fingerprint: one error, one case."""
        write = Write("open_case", actor)
        deps.gate.admit(write)
        data = {**anomaly.model_dump(mode="json", exclude_unset=True), "fingerprint": anomaly.fingerprint.model_dump(mode="json")}
        if anomaly.trace:
            handed_on(anomaly.trace)
        case, created = await run_sync(lambda: ledger.open_case(deps.watched().name, data, actor=actor))
        return answers.opened(case, created)


def _register_diagnosis(tools: Toolbox, deps: Deps, ledger: Ledger) -> None:
    @tools.write(title="Record a diagnosis")
    async def record_diagnosis(
        case_id: str,
        status: Literal["confirmed", "likely", "inconclusive"],
        cause: Annotated[str, Field(max_length=2000)] = "",
        file: Annotated[str, Field(max_length=500)] = "",
        line: Annotated[int, Field(ge=0)] = 0,
        function: Annotated[str, Field(max_length=200)] = "",
        suspect_commit: Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]*$")] = "",
        claims: Annotated[list[dict[str, Any]] | None, Field(max_length=20), objects("{text, evidence: a handle}")] = None,
        reason: Annotated[str, Field(max_length=1000, description="Why inconclusive.")] = "",
        recipe: Annotated[str, Field(max_length=100)] = "",
        actor: Actor = "agent",
    ) -> answers.Recorded:
        """Records what caused a case, or that it could not be shown."""
        write = Write("record_diagnosis", actor, case_id)
        deps.gate.admit(write)
        if status != "inconclusive" and not cause:
            raise Refusal(
                "A confirmed or likely diagnosis needs a cause; give it, or record the status inconclusive with a reason.", code="no_cause"
            )
        kind = "inconclusive" if status == "inconclusive" else "diagnosed"
        data = {
            "status": status, "cause": cause, "file": file, "line": line, "function": function,
            "suspect_commit": suspect_commit, "claims": claims or [], "reason": reason, "recipe": recipe,
        }  # fmt: skip
        case = await run_sync(lambda: ledger.append(case_id, kind, data, actor=actor))
        return answers.recorded(case)


def _register_pause(tools: Toolbox, ledger: Ledger) -> None:
    @tools.write(title="Pause all healing")
    async def pause_healing(reason: Annotated[str, Field(min_length=3, max_length=500)], actor: Actor = "agent") -> answers.Paused:
        """Stops every write of every driver until a person runs `kintsugi resume`."""
        await run_sync(lambda: ledger.pause(True, actor=actor, reason=reason))
        return answers.Paused(paused=True, resume="a person runs: kintsugi resume")
