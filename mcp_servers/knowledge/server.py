"""The knowledge server: what went wrong before, what was learned from it, and the guards that keep it from coming back."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

from anyio.to_thread import run_sync

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Misconfigured, Unavailable
from mcp_servers.kit.gate import Write
from mcp_servers.kit.tool import Toolbox
from mcp_servers.knowledge import ask
from mcp_servers.knowledge.answers import (
    ChangesChecked,
    IssueRecorded,
    KnownIssues,
    LessonRecorded,
    LessonsFound,
    known_issue,
    lesson_found,
    lesson_recorded,
    objection,
)
from mcp_servers.knowledge.guards.checking import check_all
from mcp_servers.knowledge.guards.compiling import compile
from mcp_servers.knowledge.ask import fingerprint_of, question_of, recipe_of, text
from mcp_servers.knowledge.model import (
    EARNED_TRUST,
    LOGS_KEPT,
    IssueStatus,
    IssueType,
    Lesson,
    RuntimeIssue,
    issue_id,
    lesson_id,
    template_of,
)
from mcp_servers.knowledge.recall import recall_issues, recall_lessons, trust_now, trusted
from mcp_servers.knowledge.store import Store

ROOM = DEFAULT_BUDGET - 500
NOTHING = "Nothing known: no record has this fingerprint or template, and none shares enough words. This may be the first time."


def register(tools: Toolbox, deps: Deps) -> None:
    """Mounts the knowledge tools."""
    store = Store(deps.database)
    _register_reads(tools, deps, store)
    _register_check(tools, deps, store)
    _register_issue_write(tools, deps, store)
    _register_lesson_write(tools, deps, store)


def _register_reads(tools: Toolbox, deps: Deps, store: Store) -> None:
    @tools.read(title="Query known issues")
    async def query_known_issues(
        fingerprint: ask.Fingerprint = "",
        template: ask.Template = "",
        text: ask.Text = "",
        repository: ask.InRepository = "",
        limit: ask.Limit = 5,
    ) -> KnownIssues:
        """Finds issues that production had before: the same error first, then its log template, then related words; each with why."""
        question = question_of(fingerprint, template, text)
        candidates, total = await run_sync(store.issues, question, repository)
        matches = recall_issues(question, candidates, total)
        shown, _ = fit([known_issue(match) for match in matches[:limit]], ROOM)
        answer = KnownIssues(returned=len(shown), total=len(matches), omitted=len(matches) - len(shown), issues=shown)
        return answer if shown else {**answer, "note": NOTHING}

    @tools.read(title="Search lessons")
    async def search_lessons(
        fingerprint: ask.Fingerprint = "",
        template: ask.Template = "",
        text: ask.Text = "",
        repository: ask.InRepository = "",
        limit: ask.Limit = 5,
    ) -> LessonsFound:
        """Finds lessons of earlier cases: cause, fix, how far to trust it today, and its recipe and guard where it has them."""
        question = question_of(fingerprint, template, text)
        candidates, total = await run_sync(store.lessons, question, repository)
        now = deps.clock()
        matches = recall_lessons(question, candidates, total, now)
        shown, _ = fit([lesson_found(match, trust_now(match.known, now)) for match in matches[:limit]], ROOM)
        answer = LessonsFound(returned=len(shown), total=len(matches), omitted=len(matches) - len(shown), lessons=shown)
        return answer if shown else {**answer, "note": NOTHING}


def _register_check(tools: Toolbox, deps: Deps, store: Store) -> None:
    @tools.read(title="Check changes")
    async def check_changes(files: ask.Files) -> ChangesChecked:
        """Checks files against the guards of every lesson, from any repository: places that repeat a mistake production has paid for."""
        lessons = {lesson.guard_id: lesson for lesson in trusted(await run_sync(store.guarded), deps.clock())}
        rules = [json.loads(lesson.guard) for lesson in lessons.values()]
        texts = {file["path"]: file["content"] for file in files}
        found = await run_sync(check_all, rules, texts)
        shown, omitted = fit([objection(finding, lessons[finding.guard].id) for finding in found], ROOM)
        return ChangesChecked(guards=len(rules), returned=len(shown), total=len(found), omitted=omitted, findings=shown)


def _register_issue_write(tools: Toolbox, deps: Deps, store: Store) -> None:
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
        """Records a production problem. The same error of a repository, reported again, completes the same record: one id."""
        await run_sync(deps.gate.admit, Write("add_runtime_issue", actor, case_id))
        logs = text(log_snippet)[:LOGS_KEPT]
        identity, shape = fingerprint_of(fingerprint), text(template)[:LOGS_KEPT] or template_of(logs)
        report = RuntimeIssue(
            issue_id(repository, identity, shape), repository, deps.clock(), issue_type, severity.lower(), text(service_type), logs,
            root_cause=text(root_cause), fix=text(suggested_fix), pattern=text(pattern_reference), status=status,
            github_issue=text(ticket), fingerprint=identity, template=shape,
        )  # fmt: skip
        issue, created = await run_sync(store.add_issue, report)
        return IssueRecorded(success=True, issue_id=issue.id, created=created, status=issue.status)


def _register_lesson_write(tools: Toolbox, deps: Deps, store: Store) -> None:
    @tools.write(title="Record a lesson")
    async def record_lesson(
        case_id: ask.LessonCase,
        repository: ask.Repository,
        symptom: ask.Told,
        cause: ask.Told,
        fix: ask.Told,
        provenance: ask.Source = "verified",
        evidence: ask.Prose = "",
        fix_id: ask.FixId = "",
        fingerprint: ask.Fingerprint = "",
        template: ask.Template = "",
        recipe: ask.Recipe = "",
        changes: ask.Changes = None,
        confirms: ask.Confirms = "",
        contradicts: ask.Contradicts = "",
        actor: ask.Actor = "agent",
    ) -> LessonRecorded:
        """Records what a case taught, once per case. A guard is made from the changes if one flags the old code and not the new."""
        write = Write("record_lesson", actor, case_id)
        await run_sync(deps.gate.admit, write)
        lesson = Lesson(
            lesson_id(repository, case_id), case_id, repository, deps.clock(), text(symptom), text(cause), text(fix),
            text(f"{fix_id} {evidence}"), provenance, EARNED_TRUST[provenance], fingerprint_of(fingerprint), text(template)[:LOGS_KEPT], recipe_of(recipe),
        )  # fmt: skip
        lesson, note = await run_sync(_with_guard, lesson, changes or [])
        learned = {"lesson": lesson.id, "guard": lesson.guard_id}
        record = partial(deps.gate.record, write, "learned", learned)
        stored, created = await run_sync(
            partial(store.record_lesson, lesson, confirms=confirms, contradicts=contradicts, on_verified=record)
        )
        return lesson_recorded(stored, created, trust_now(stored, deps.clock()), note)


def _with_guard(lesson: Lesson, changes: list[ask.Change]) -> tuple[Lesson, str]:
    """The lesson with the guard that its change proves, or as it was with the reason."""
    if not changes:
        return lesson, ""
    before, after = ({change["path"]: change[side] for change in changes} for side in ("before", "after"))
    message = f"{lesson.cause.splitlines()[0][:200]} Instead: {lesson.fix.splitlines()[0][:200]}"
    try:
        guard = compile(before, after, message)
    except (Misconfigured, Unavailable) as error:
        return lesson, f"No guard was made: {error}"
    if guard is None:
        return lesson, "No guard: no rule made from this change flags the code before it and is silent after it."
    return replace(lesson, guard_id=guard["id"], guard=json.dumps(guard, ensure_ascii=False)), ""
