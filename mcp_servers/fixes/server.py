"""The tools of fixes. Reading finds suspects and shows proposals; writing proposes, proves, and applies what a person approved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field

from mcp_servers.fixes import answers
from mcp_servers.kit.budget import fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.kit.schema import Actor
from mcp_servers.kit.stack import StackTrace
from mcp_servers.kit.tool import Toolbox
from mcp_servers.kit.work import stoppable

if TYPE_CHECKING:
    from mcp_servers.fixes.desk import Desk

FixId = Annotated[str, Field(description="fix_YYYYMMDD_HHMMSS.", max_length=40)]
CaseId = Annotated[str, Field(description="Like case_1f3a9c02.", max_length=60)]
_ANSWER_BUDGET = 6_000


class Edit(BaseModel):
    """One change. `replace` needs search (once in the file) and replace; `config` a dotted key and a value; `unset` a key; `write` the
    content and the blob id that it was based on; `diff` a unified diff or SEARCH/REPLACE blocks; `revert` a commit to take back."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["replace", "config", "unset", "write", "diff", "revert"]
    path: str = Field("", max_length=400)
    search: str | None = None
    replace: str | None = None
    key: str | None = None
    value: Any = None
    content: str | None = None
    based_on: str = ""
    diff: str | None = None
    commit: str | None = None


class Reproduction(BaseModel):
    path: str = Field(max_length=400, description="New, like tests/test_reproduces_ab12cd.py.")
    content: str = Field(max_length=100_000)


class Draft(BaseModel):
    """A fix and the test that reproduces the failure: fails on the base as production did, passes with the edits."""

    model_config = ConfigDict(extra="ignore")
    title: str = Field(min_length=3, max_length=200)
    cause: str = Field("", max_length=2_000, description="One sentence.")
    reasoning: str = Field("", max_length=8_000)
    risk: Literal["low", "medium", "high"] = "medium"
    pros: list[str] = Field(default_factory=list, max_length=20)
    cons: list[str] = Field(default_factory=list, max_length=20)
    recipe: str = Field("", max_length=100)
    edits: list[Edit] = Field(min_length=1, max_length=50)
    test: Reproduction


def register(tools: Toolbox, deps: Deps) -> None:
    @cache
    def desk() -> Desk:
        from mcp_servers.fixes.desk import Desk  # everything that mends, which most sessions only read about

        return Desk(deps)

    _register_reads(tools, desk)
    _register_proofs(tools, desk)
    _register_acts(tools, desk)


def _register_reads(tools: Toolbox, desk: Callable[[], Desk]) -> None:
    @tools.read(title="Find the commits that may have caused a failure")
    async def find_suspect_commits(
        case_id: Annotated[str, Field(max_length=60)] = "",
        trace: Annotated[dict[str, Any] | None, Field(description="Of an anomaly, unchanged; better than the case, it has lines.")] = None,
        onset: Annotated[datetime | None, Field(description="When the failure began; later commits are out.")] = None,
        releases: Annotated[list[str] | None, Field(description="Releases seen failing.", max_length=50)] = None,
        keys: Annotated[dict[str, str] | None, Field(description="Suspected settings: file → dotted key.")] = None,
    ) -> answers.SuspectList:
        """At most three commits that may have caused a failure, best first, each with its reasons, by blame of the lines in the trace.
        No suspect is a result: then nothing in the trace leads to a commit."""
        if not (case_id or trace or keys):
            raise Refusal("Give a case_id, a trace or keys; without one there is nothing to look for.", code="nothing_to_look_for")
        found = await run_sync(lambda: desk().suspects(case_id, _trace(trace), onset, releases or (), keys or {}))
        answer = answers.SuspectList(suspects=[answers.suspect(one) for one in found], returned=len(found), total=len(found), omitted=0)
        acquitted = await run_sync(desk().acquitted, releases or (), found)
        answer["note"] = acquitted or ("Suspects, not culprits: read the commit before naming it." if found else _NO_SUSPECT)
        if looked := await run_sync(desk().places, _trace(trace)):
            answer["places"] = [answers.place(one) for one in looked]
        return answer

    @tools.read(title="Show a fix")
    async def get_fix(fix_id: FixId) -> answers.FixDetail:
        """One proposal whole: its diff made anew from the trees, its certificate, and what approval it needs."""
        return answers.detail(*await run_sync(desk().shown, fix_id))

    @tools.read(title="List fixes")
    async def list_fixes(
        case_id: Annotated[str, Field(max_length=60)] = "",
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> answers.FixList:
        """Proposals of the watched repository, newest first."""
        found = await run_sync(lambda: desk().store.proposals(repository=desk().identity(), case=case_id))
        lines, _ = fit([answers.line(proposal) for proposal in found[:limit]], _ANSWER_BUDGET)
        answer = answers.FixList(fixes=lines, returned=len(lines), total=len(found), omitted=len(found) - len(lines))
        if not found:
            answer["hint"] = "No fix was proposed here. propose_fix makes one for a diagnosed case."
        return answer


def _register_proofs(tools: Toolbox, desk: Callable[[], Desk]) -> None:
    @tools.write(title="Try candidate reproductions", long=True)
    async def try_reproduction(
        case_id: CaseId,
        tests: Annotated[list[Reproduction], Field(min_length=1, max_length=20)],
        base: Annotated[str, Field(description="Commit or branch; empty: the project's.", max_length=200)] = "",
        actor: Actor = "agent",
    ) -> answers.AttemptList:
        """Runs candidate tests in the sandbox on the code as it is, and says which one fails with the failure of production."""
        write = Write("try_reproduction", actor, case_id)
        tried = await stoppable(lambda: desk().attempts(write, base, [(test.path, test.content) for test in tests]))
        lines = [answers.attempt(one) for one in tried]
        kept, omitted = fit(lines, _ANSWER_BUDGET)
        return answers.AttemptList(attempts=kept, returned=len(kept), total=len(lines), omitted=omitted, next=answers.next_of(tried))

    @tools.write(title="Propose a fix")
    async def propose_fix(case_id: CaseId, draft: Draft, actor: Actor = "agent") -> answers.Proposed:
        """Makes the result tree of a draft on the head of the project's branch, without touching anybody's files. Exact or refused."""
        write = Write("propose_fix", actor, case_id)
        return answers.proposed(*await run_sync(lambda: desk().propose(write, _plain(draft))))

    @tools.write(title="Prove a fix in the sandbox", long=True)
    async def certify_fix(fix_id: FixId, actor: Actor = "agent") -> answers.Certified:
        """Runs the reproduction on the base (it must fail as production did) and on the fix (it must pass), and the project's own tests.
        The digest that a person approves is the one in this answer."""
        proposal, seen = await stoppable(lambda: desk().certify(Write("certify_fix", actor), fix_id))
        return answers.certified(proposal, seen)


def _register_acts(tools: Toolbox, desk: Callable[[], Desk]) -> None:
    @tools.write(title="Apply an approved fix")
    async def apply_fix(fix_id: FixId, actor: Actor = "agent") -> answers.Applied:
        """Makes the branch and the pull request of a fix that a person approved: exactly the approved tree. Safe to repeat."""
        applied = await run_sync(lambda: desk().apply(Write("apply_fix", actor), fix_id))
        return answers.Applied(
            id=applied.id, branch=applied.branch, commit=applied.commit, next="A person merges the pull request; then verify_fix."
        )

    @tools.write(title="Open the pull request of a fix")
    async def open_pull_request(fix_id: FixId, actor: Actor = "agent") -> answers.PullRequestAnswer:
        """Opens the pull request of an applied fix, or shows the one there is."""
        return answers.pull_request(await run_sync(lambda: desk().open_pull_request(Write("open_pull_request", actor), fix_id)))

    @tools.write(title="Roll back a fix", destructive=True)
    async def rollback_fix(fix_id: FixId, actor: Actor = "agent") -> answers.RolledBack:
        """Takes an applied fix back: before the merge our branch goes; after it a revert is proposed, to be proven and approved as any fix."""
        return answers.rolled_back(await run_sync(lambda: desk().rollback(Write("rollback_fix", actor), fix_id)))


_NO_SUSPECT = "No suspect: no frame of this failure lies in the repository, or nothing there changed before the onset. Give the trace, or keys for a setting."


def _trace(value: Mapping[str, Any] | None) -> StackTrace | None:
    if value is None:
        return None
    try:
        return StackTrace.from_json(dict(value))
    except (KeyError, TypeError) as error:
        raise Refusal(f"The trace is not one of find_anomalies ({error}); hand it on unchanged.", code="bad_trace") from error


def _plain(draft: Draft) -> dict[str, Any]:
    """The draft as a value. What an edit does not say is left out, so that a value of null stays one."""
    return {**draft.model_dump(), "edits": [edit.model_dump(exclude_unset=True) for edit in draft.edits]}
