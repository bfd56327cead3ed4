"""Where guards are made, judged and published: the lessons' guards, with what people and experience decided about each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.knowledge.guards import backtest, compiling, hits
from mcp_servers.knowledge.guards.hits import Tally
from mcp_servers.knowledge.guards.index import Index, save
from mcp_servers.knowledge.guards.model import KINDS, SPEAKING, Guard, State, guard_id
from mcp_servers.knowledge.guards.store import Decision, GuardStore
from mcp_servers.knowledge.lessons import Lesson, LessonStore, speaks, trusted

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Held:
    """A guard with its state, why it is in it, its record, and the lesson that carries it."""

    guard: Guard
    state: State
    reason: str
    tally: Tally
    lesson: Lesson

    @property
    def id(self) -> str:
        return str(self.guard["id"])

    @property
    def story(self) -> dict[str, str]:
        """Where the guard came from, and what its mistake did there."""
        lesson = self.lesson
        told = {
            "lesson": lesson.id,
            "case": lesson.case,
            "repository": lesson.repository,
            "symptom": lesson.symptom,
            "cost": lesson.evidence,
        }
        return {name: " ".join(text.split())[:300] for name, text in told.items() if text}

    @property
    def record(self) -> Guard:
        """The guard as the index has it."""
        return {**self.guard, "level": self.state, "story": self.story}


class Desk:
    """All that is done with guards; the lessons in the store of `deps` carry them."""

    def __init__(self, deps: Deps, lessons: LessonStore) -> None:
        self._deps, self._lessons = deps, lessons
        self._store = GuardStore(deps.database)

    @property
    def state_folder(self) -> Path:
        return self._deps.scratch.parent

    def compile(self, before: Mapping[str, str], after: Mapping[str, str], message: str) -> Guard | None:
        """The guard of a fix in the watched repository, back-tested there; None when its change proves none."""
        corpora: list[Callable[[], backtest.Corpus]] = [backtest.standard_library]
        if project := self._deps.present():
            with suppress(KintsugiError):  # a watched folder need not be a repository
                repository = Repository.at(project.root)
                corpora.insert(0, partial(backtest.history, repository, repository.head(project.branch), tuple(before)))
        return compiling.compile(before, after, message, backtest=backtest.backtested(corpora))

    def held(self) -> list[Held]:
        """Every guard once, by the oldest lesson that carries it and still counts, with its state."""
        lessons = self._lessons.guarded()
        now = self._deps.clock()
        counted = {lesson.id for lesson in trusted(lessons, now)}
        decisions, tallies = self._store.decisions(), self._store.tallies()
        found: dict[str, Held] = {}
        for lesson in sorted(lessons, key=lambda lesson: (not speaks(lesson, now), lesson.id not in counted)):
            if (guard := _guard(lesson)) and guard["id"] not in found:
                tally = tallies.get(guard["id"], Tally())
                state, reason = _state(
                    decisions.get(guard["id"]), tally, lesson.id in counted, speaks(lesson, now), self._deps.policy.block
                )
                found[guard["id"]] = Held(guard, state, reason, tally, lesson)
        return list(found.values())

    def get(self, guard: str) -> Held:
        """One guard; raises `Refusal` for an id that is none."""
        known = {held.id: held for held in self.held()}
        if guard not in known:
            raise Refusal(f"There is no guard {guard[:64]!r}; `kintsugi guard list` shows those there are.", code="unknown_guard")
        return known[guard]

    def speaking(self) -> list[Held]:
        """The guards that may warn or block now."""
        return [held for held in self.held() if held.state in SPEAKING]

    def decide(self, guard: str, state: State, *, actor: str, reason: str) -> Index:
        """Puts a guard into a state and publishes; raises `Refusal` for an unknown guard."""
        held = self.get(guard)
        self._store.decide(held.id, Decision(state, reason, actor, self._deps.clock()))
        return self.publish()

    def publishing(self, learn: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
        """The same, with the index written anew before; where the state folder cannot be written, hooks keep the one they have."""

        def learned(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
            with suppress(OSError):
                self.publish()
            return learn(*args, **kwargs)

        return learned

    def publish(self) -> Index:
        """Writes the index that hooks and checks read, after taking in what checks noted."""
        self._store.add_hits(hits.drain(self.state_folder))
        return save(self.state_folder, [held.record for held in self.speaking()])


def _guard(lesson: Lesson) -> Guard | None:
    """The guard of a lesson; None for one whose id is not the name of what it checks: it would speak under another one's decisions."""
    try:
        guard: Guard = json.loads(lesson.guard)
        return guard if guard["kind"] in KINDS and guard["id"] == guard_id(guard) and guard["message"] else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _state(decision: Decision | None, tally: Tally, counts: bool, verified: bool, block: str) -> tuple[State, str]:
    """A person's word goes first, but for a guard whose lesson lost its trust, or that was overruled too often since; only what production
    verified may block, and without a person's word only where the policy says so."""
    if not counts:
        return "candidate", "its lesson is not trusted (any longer)"
    if decision and decision.state == "muted":
        return "muted", f"{decision.reason} ({decision.actor})"
    if tally.demotes:
        return "demoted", tally.demotes
    if decision and decision.state == "blocking" and not verified:
        return "warning", "accepted, but production has not verified its lesson (or it failed since)"
    if decision:
        return decision.state, f"{decision.reason} ({decision.actor})"
    if verified and block == "verified":
        return "blocking", "production verified its lesson, and the policy lets such guards block"
    return "warning", "nobody accepted it as blocking yet"
