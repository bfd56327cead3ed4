"""The tools of issues: what production had before, and one more report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.gate import Write
from mcp_servers.knowledge import ask
from mcp_servers.knowledge.ask import fingerprint_of, question_of, text
from mcp_servers.knowledge.issues.answers import IssueRecorded, KnownIssues, known_issue
from mcp_servers.knowledge.issues.model import IssueStatus, IssueType, RuntimeIssue, issue_id
from mcp_servers.knowledge.issues.store import IssueStore
from mcp_servers.knowledge.model import LOGS_KEPT, template_of
from mcp_servers.knowledge.recall import NOTHING, Aspects, recall, threshold_of

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

ROOM = DEFAULT_BUDGET - 500
ASPECTS: Aspects[RuntimeIssue] = Aspects(text=lambda issue: issue.logs, at=lambda issue: issue.detected_at)


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the tools of issues."""
    store = IssueStore(deps.database)
    _register_query(tools, deps, store)
    _register_report(tools, deps, store)


def _register_query(tools: Toolbox, deps: Deps, store: IssueStore) -> None:
    @tools.read(title="Query known issues")
    async def query_known_issues(
        fingerprint: ask.Fingerprint = "",
        template: ask.Template = "",
        text: ask.Text = "",
        repository: ask.InRepository = "",
        limit: ask.Limit = 5,
    ) -> KnownIssues:
        """Issues of production: the same error, then its template, then related words; each with why."""
        question = question_of(fingerprint, template, text)
        matches = recall(question, await run_sync(store.about, question, repository), ASPECTS, deps.clock(), threshold_of(deps.present()))
        shown, _ = fit([known_issue(match) for match in matches[:limit]], ROOM)
        answer = KnownIssues(returned=len(shown), total=len(matches), omitted=len(matches) - len(shown), issues=shown)
        return answer if shown else {**answer, "note": NOTHING}


def _register_report(tools: Toolbox, deps: Deps, store: IssueStore) -> None:
    @tools.write(title="Add a runtime issue")
    async def add_runtime_issue(
        repository: ask.Repository,
        service_type: ask.ServiceType,
        issue_type: IssueType,
        severity: ask.Severity,
        log_snippet: ask.LogSnippet,
        root_cause: ask.Prose = "",
        suggested_fix: ask.Prose = "",
        pattern_reference: ask.Pattern = "",
        fingerprint: ask.Fingerprint = "",
        template: ask.Template = "",
        status: IssueStatus = "open",
        ticket: ask.Ticket = "",
        case_id: ask.Case = "",
        actor: ask.Actor = "agent",
    ) -> IssueRecorded:
        """Records a production problem. The same error, reported again, completes its record."""
        await run_sync(deps.gate.admit, Write("add_runtime_issue", actor, case_id))
        logs = text(log_snippet)[:LOGS_KEPT]
        identity, shape = fingerprint_of(fingerprint), text(template)[:LOGS_KEPT] or template_of(logs)
        report = RuntimeIssue(
            issue_id(repository, identity, shape), repository, deps.clock(), issue_type, severity.lower(), text(service_type), logs,
            root_cause=text(root_cause), fix=text(suggested_fix), pattern=text(pattern_reference), status=status,
            github_issue=text(ticket), fingerprint=identity, template=shape,
        )  # fmt: skip
        issue, created = await run_sync(store.add, report)
        return IssueRecorded(success=True, issue_id=issue.id, created=created, status=issue.status)
