"""A backtest from end to end: mine, label, ask every part, count. It reads the repository and writes nothing but work files of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from kintsugi.backtest import asking, counting, detecting, labels, mining, preventing
from kintsugi.backtest.failing import Bench
from kintsugi.backtest.model import STAGES, Answer, Failure, Past, Report, Told
from kintsugi.backtest.preventing import Alarm, Taught
from kintsugi.backtest.remembering import Memory
from kintsugi.backtest.scene import Scene
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the past. `logs` is a project with the stored logs, `bench` runs tests; None: not asked. `most` 0: no limit."""

    repository: Repository
    since: datetime
    until: datetime
    ref: str = "HEAD"
    most: int = 200
    seconds: float = 900.0
    logs: Project | None = None
    bench: Bench | None = None


def run(question: Question, tell: Tell) -> tuple[Report, tuple[Scene, ...]]:
    """What the loop would have made of the past, and the scenes of the incidents that were judged. `tell` hears how far it is."""
    tell("reading the history")
    pasts = mining.history(question.repository, question.ref, question.since)
    claimed = mining.claims(pasts)
    mined = mining.mine(question.repository, claimed, question.most, tell)
    notes = [f"Only the latest {question.most} incidents were looked for (--limit)."] if len(mined) == question.most else []
    cases = _cases(question, tell)
    judge = _Judge(question, cases, time.monotonic() + question.seconds)
    scenes = [Scene(question.repository, incident) for incident in mined]
    told = [one for number, scene in enumerate(scenes, start=1) if (one := judge.told(scene, f"{number} of {len(scenes)}", tell))]
    if judge.late:
        notes.append(f"{judge.late} incidents were left out when the time was over (--minutes).")
    tell("checking every commit with the guards of earlier fixes")
    raised = preventing.alarms(question.repository, pasts, judge.taught) if judge.taught else []
    told = _prevented(told, pasts, judge.taught, raised)
    counted = counting.shares(told, [one.commit for one in raised], sum(one.trace is not None for one in cases))
    return Report(question.since, len(pasts), len(claimed), tuple(told), counted, (*notes, *judge.notes)), tuple(scenes)


def _cases(question: Question, tell: Tell) -> list[detecting.Seen]:
    if question.logs is None:
        return []
    with TemporaryDirectory(prefix="kintsugi-backtest-") as home:
        return detecting.seen(question.logs, question.since, question.until, Path(home), tell)


class _Judge:
    """Asks one incident after the other, the oldest first: what one teaches, the next may use."""

    def __init__(self, question: Question, cases: Sequence[detecting.Seen], deadline: float) -> None:
        self._question, self._cases, self._deadline = question, cases, deadline
        self._begins = min((one.at for one in cases), default=None)
        self._memory = Memory()
        self.taught: list[Taught] = []
        self.late = 0
        self.notes: list[str] = []

    def told(self, scene: Scene, number: str, tell: Tell) -> Told | None:
        """Everything but what later commits say; None when the time is over, or git cannot show the incident."""
        if time.monotonic() > self._deadline:
            self.late += 1
            return None
        tell(f"incident {number}: {scene.incident.commit.subject[:60]}")
        try:
            return self._told(scene)
        except KintsugiError as error:
            self.notes.append(f"{scene.incident.commit.id[:12]} was left out: {error}")
            return None

    def _told(self, scene: Scene) -> Told:
        culprits = labels.culprits(scene)
        detected, failure = self._detected(scene)
        why = ""
        if self._question.bench and failure is None:
            failure, why = self._question.bench.failure(scene)
        blamed = asking.blamed(scene, culprits, failure)
        placed, proposed = asking.placed(scene, failure), self._proposed(scene, failure, blamed)
        answers = {"detected": detected, "blamed": blamed, "placed": placed, "proposed": proposed, "prevented": Answer(None)}
        if why:
            answers |= {stage: replace(answers[stage], why=why) for stage in ("placed", "proposed")}
        guard = preventing.compiled(scene)
        if guard:
            self.taught.append(Taught(guard, scene.incident.commit.id, scene.incident.commit.at))
        return Told(scene.incident, culprits, {stage: answers[stage] for stage in STAGES}, guard, failure)

    def _detected(self, scene: Scene) -> tuple[Answer, Failure | None]:
        if self._question.logs is None:
            return Answer(None, "no logs were given (--logs)"), None
        return detecting.detected(scene, self._cases, self._begins)

    def _proposed(self, scene: Scene, failure: Failure | None, blamed: Answer) -> Answer:
        shipped = asking.proposed(scene, failure, blamed)
        if failure is None:
            return shipped
        remembered = self._memory.proposed(scene, failure)
        self._memory.learn(scene, failure)
        made = [one for one in (shipped, remembered) if one.why.endswith("change")]
        return next((one for one in made if one.hit), made[0] if made else shipped)


def _prevented(told: Sequence[Told], pasts: Sequence[Past], taught: Sequence[Taught], raised: Sequence[Alarm]) -> list[Told]:
    first = min((one.since for one in taught), default=None)
    known = {past.id: past for past in pasts}
    answers = [preventing.prevented(one, first, known, raised) for one in told]
    return [replace(one, answers={**one.answers, "prevented": answer}) for one, answer in zip(told, answers, strict=True)]
