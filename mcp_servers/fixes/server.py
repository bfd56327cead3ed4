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
from mcp_servers.kit.schema import UNSAID, Actor, an_object, objects
from mcp_servers.kit.stack import StackTrace, handed_on
from mcp_servers.kit.tool import Toolbox
from mcp_servers.kit.work import stoppable

if TYPE_CHECKING:
    from mcp_servers.fixes.desk import Desk

FixId = Annotated[str, Field(max_length=40)]
CaseId = Annotated[str, Field(max_length=60)]
_ANSWER_BUDGET = 6_000


_EDITS = objects(
    "{kind: replace, path, search (once in the file), replace}, {kind: config, path, key (dotted), value}, {kind: unset, path, key}, "
    "{kind: write, path, content, based_on (blob id)}, {kind: diff, diff (unified or SEARCH/REPLACE)} or {kind: revert, commit}."
)
_TEST = an_object("{path: new, content}: fails on the base as production did, passes with the edits.")


class Edit(BaseModel):
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
    path: str = Field(max_length=400)
    content: str = Field(max_length=100_000)


class Draft(BaseModel):
    model_config = ConfigDict(extra="ignore")
    title: str = Field(min_length=3, max_length=200)
    cause: str = Field("", max_length=2_000)
    reasoning: str = Field("", max_length=8_000)
    risk: Literal["low", "medium", "high"] = "medium"
    pros: list[str] = Field(default_factory=list, max_length=20)
    cons: list[str] = Field(default_factory=list, max_length=20)
    recipe: str = Field("", max_length=100)
    edits: Annotated[list[Edit], Field(min_length=1, max_length=50), _EDITS]
    test: Annotated[Reproduction, _TEST]


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
        trace: Annotated[dict[str, Any] | None, Field(description="Of the anomaly.")] = None,
        onset: datetime | None = None,
        releases: Annotated[list[str] | None, Field(max_length=50)] = None,
        keys: Annotated[dict[str, str] | None, an_object("Suspected settings: {file: dotted key}")] = None,
    ) -> answers.SuspectList:
        """At most three commits that may have caused a failure, best first, by blame of its trace. None is a result."""
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
        """One proposal whole: diff, certificate, and what approval it needs."""
        return answers.detail(*await run_sync(desk().shown, fix_id))

    @tools.read(title="List fixes")
    async def list_fixes(
        case_id: Annotated[str, Field(max_length=60)] = "",
        limit: Annotated[int, Field(ge=1, le=100), UNSAID] = 20,
    ) -> answers.FixList:
        """Proposals, newest first."""
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
        tests: Annotated[list[Reproduction], Field(min_length=1, max_length=20), objects("{path: new, content}")],
        base: Annotated[str, Field(description="Commit or branch.", max_length=200)] = "",
        places: bool = False,
        actor: Actor = "agent",
    ) -> answers.AttemptList:
        """Runs tests in the sandbox on the code as it is: which fails as production did? With places, the functions it leads to, by what ran."""
        write = Write("try_reproduction", actor, case_id)
        candidates = [(test.path, test.content) for test in tests]
        tried, found = await stoppable(lambda: desk().attempts(write, base, candidates, ranked=places))
        lines = [answers.attempt(one) for one in tried]
        kept, omitted = fit(lines, _ANSWER_BUDGET)
        answer = answers.AttemptList(attempts=kept, returned=len(kept), total=len(lines), omitted=omitted, next=answers.next_of(tried))
        if found:
            answer["places"], answer["ranked"] = [answers.place(one) for one in found.places], found.how
        return answer

    @tools.write(title="Propose a fix")
    async def propose_fix(case_id: CaseId, draft: Draft, actor: Actor = "agent") -> answers.Proposed:
        """Makes the tree of a draft on the project's branch, touching nobody's files. Exact or refused."""
        write = Write("propose_fix", actor, case_id)
        return answers.proposed(*await run_sync(lambda: desk().propose(write, _plain(draft))))

    @tools.write(title="Prove a fix in the sandbox", long=True)
    async def certify_fix(fix_id: FixId, actor: Actor = "agent") -> answers.Certified:
        """Runs the reproduction on the base (must fail as in production) and the fix (must pass), and all tests.
        Answers the digest that a person approves."""
        proposal, seen = await stoppable(lambda: desk().certify(Write("certify_fix", actor), fix_id))
        return answers.certified(proposal, seen)


def _register_acts(tools: Toolbox, desk: Callable[[], Desk]) -> None:
    @tools.write(title="Apply an approved fix")
    async def apply_fix(fix_id: FixId, actor: Actor = "agent") -> answers.Applied:
        """Makes branch and pull request of an approved fix: exactly that tree. Safe to repeat."""
        applied = await run_sync(lambda: desk().apply(Write("apply_fix", actor), fix_id))
        return answers.Applied(
            id=applied.id, branch=applied.branch, commit=applied.commit, next="A person merges the pull request; then verify_fix."
        )

    @tools.write(title="Open the pull request of a fix")
    async def open_pull_request(fix_id: FixId, actor: Actor = "agent") -> answers.PullRequestAnswer:
        """Of an applied fix; finds the one there is."""
        return answers.pull_request(await run_sync(lambda: desk().open_pull_request(Write("open_pull_request", actor), fix_id)))

    @tools.write(title="Roll back a fix", destructive=True)
    async def rollback_fix(fix_id: FixId, actor: Actor = "agent") -> answers.RolledBack:
        """Takes a fix back: before the merge our branch goes; after it a revert is proposed."""
        return answers.rolled_back(await run_sync(lambda: desk().rollback(Write("rollback_fix", actor), fix_id)))


_NO_SUSPECT = "No suspect: no frame of this failure lies in the repository, or nothing there changed before the onset. Give the trace, or keys for a setting."


def _trace(value: Mapping[str, Any] | None) -> StackTrace | None:
    return None if value is None else handed_on(value)


def _plain(draft: Draft) -> dict[str, Any]:
    """The draft as a value. What an edit does not say is left out, so that a value of null stays one."""
    return {**draft.model_dump(), "edits": [edit.model_dump(exclude_unset=True) for edit in draft.edits]}
