"""The tools of lessons: what earlier cases taught, and one more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from anyio.to_thread import run_sync

from mcp_servers.kit.budget import DEFAULT_BUDGET, fit
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.kit.gate import Write
from mcp_servers.knowledge import ask
from mcp_servers.knowledge.ask import fingerprint_of, question_of, recipe_of, text, told
from mcp_servers.knowledge.lessons.answers import (
    TEST,
    LessonRecorded,
    LessonsFound,
    LessonWhole,
    lesson_found,
    lesson_recorded,
    lesson_whole,
)
from mcp_servers.knowledge.lessons.model import EARNED_TRUST, Lesson, lesson_id
from mcp_servers.knowledge.lessons.store import LessonStore
from mcp_servers.knowledge.lessons.trust import heard, trust_now
from mcp_servers.knowledge.model import LOGS_KEPT, Fingerprint
from mcp_servers.knowledge.recall import NOTHING, Aspects, recall, threshold_of

if TYPE_CHECKING:
    from mcp_servers.kit.tool import Toolbox

ROOM = DEFAULT_BUDGET - 500
ASPECTS: Aspects[Lesson] = Aspects(text=lambda lesson: lesson.symptom, at=lambda lesson: lesson.held_at or lesson.learned_at)

Compile = Callable[[Mapping[str, str], Mapping[str, str], str], dict[str, Any] | None]
"""Makes a guard of files before and after a fix, with the message it shall say; None when the change proves none."""

Teach = Callable[[Lesson, Sequence[Mapping[str, str]], str], str]
"""Makes a recipe of a verified lesson, the changes of its fix and the fix's id; says what came of it."""


def register(tools: Toolbox, deps: Deps, store: LessonStore, compile: Compile, teach: Teach) -> None:
    """Mounts the tools of lessons; `compile` and `teach` make what executes."""
    _register_search(tools, deps, store)
    _register_record(tools, deps, store, compile, teach)

    @tools.resource("lesson://{lesson_id}", title="A lesson")
    async def lesson(lesson_id: str) -> LessonWhole:
        """One lesson whole: symptom, cause, fix, recipe, guard and how far to trust it today."""
        found = await run_sync(store.get, lesson_id)
        if found is None:
            raise Refusal(f"There is no lesson {lesson_id[:64]!r}; search_lessons finds those there are.", code="unknown_lesson")
        return lesson_whole(found, deps.clock())


def _register_search(tools: Toolbox, deps: Deps, store: LessonStore) -> None:
    @tools.read(title="Search lessons")
    async def search_lessons(
        fingerprint: ask.Fingerprint = "",
        template: ask.Template = "",
        text: ask.Text = "",
        repository: ask.InRepository = "",
        limit: ask.Limit = 5,
    ) -> LessonsFound:
        """Lessons of earlier cases: cause, fix, how far to trust it today, recipe and guard."""
        question = question_of(fingerprint, template, text)
        now = deps.clock()
        found = [await run_sync(partial(store.about, question, repository, told=told)) for told in (False, True)]
        recalled = [match for part in found for match in recall(question, part, ASPECTS, now, threshold_of(deps.present()))]
        matches = heard(recalled, now)
        shown, _ = fit([lesson_found(match, now) for match in matches[:limit]], ROOM)
        answer = LessonsFound(returned=len(shown), total=len(matches), omitted=len(matches) - len(shown), lessons=shown)
        return answer if shown else {**answer, "note": NOTHING}


def _register_record(tools: Toolbox, deps: Deps, store: LessonStore, compile: Compile, teach: Teach) -> None:
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
        """Records what a case taught, once. A guard is made of changes, if it flags before and not after."""
        write = Write("record_lesson", actor, case_id)
        await run_sync(deps.gate.admit, write)
        identity, shape = fingerprint_of(fingerprint), text(template)[:LOGS_KEPT]
        if provenance == "verified":
            identity, shape = own_identity(await run_sync(deps.gate.evidence, case_id), identity, case_id)
        lesson = Lesson(
            lesson_id(repository, case_id), case_id, text(repository), deps.clock(), told(symptom), told(cause), told(fix),
            text(f"{fix_id} {evidence}"), provenance, EARNED_TRUST[provenance], identity, shape, recipe_of(recipe),
        )  # fmt: skip
        lesson, note = await run_sync(_with_guard, lesson, changes or [], compile)
        learned = {"lesson": lesson.id, "guard": lesson.guard_id}
        record = partial(deps.gate.record, write, "learned", learned)
        stored, created = await run_sync(partial(store.record, lesson, confirms=confirms, contradicts=contradicts, on_verified=record))
        given = [{"path": change["path"], "before": change["before"], "after": change["after"]} for change in changes or []]
        taught = await run_sync(teach, stored, given, fix_id) if provenance == "verified" else ""
        test = next((one["path"] for one in given if not one["before"] and TEST.search(one["path"])), "")
        return lesson_recorded(stored, created, trust_now(stored, deps.clock()), note, taught, test)


def own_identity(evidence: Mapping[str, Any], given: Fingerprint, case: str) -> tuple[Fingerprint, str]:
    """The fingerprint and the template of what production told of the case: a verified lesson can be about nothing else.

    Raises `Refusal` when another fingerprint is given.
    """
    found, template = (cast(Mapping[str, Any], evidence.get(name) or {}) for name in ("fingerprint", "template"))
    own = Fingerprint(*(str(found.get(part) or "") for part in ("coarse", "fine", "former")))
    ours = given.coarse in {own.coarse, own.former} if given.coarse else given.fine == own.fine
    if given and own and not ours:
        raise Refusal(
            f"{case} is about the error {own.coarse}, not {given.coarse or given.fine}; leave the fingerprint out, or record the lesson for its own case.",
            code="another_error",
        )
    return own or given, text(str(template.get("text") or ""))[:LOGS_KEPT]


def _with_guard(lesson: Lesson, changes: list[ask.Change], compile: Compile) -> tuple[Lesson, str]:
    """The lesson with the guard that its change proves, or as it was with the reason."""
    if not changes:
        return lesson, ""
    before, after = ({change["path"]: change[side] for change in changes} for side in ("before", "after"))
    message = f"{lesson.cause.splitlines()[0][:200].rstrip('.')}. Instead: {lesson.fix.splitlines()[0][:200]}"
    try:
        guard = compile(before, after, message)
    except (Misconfigured, Unavailable) as error:
        return lesson, f"No guard was made: {error}"
    if guard is None:
        return lesson, "No guard: no rule made from this change flags the code before it and is silent after it."
    return replace(lesson, guard_id=guard["id"], guard=json.dumps(guard, ensure_ascii=False)), ""
