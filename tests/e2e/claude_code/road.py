"""What a scripted model does in a session: roads, of which each answer of a tool decides the next step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kintsugi import roles
from tests.e2e.messages_api import Answer, Request, Result, Turn, Use
from tests.surface.story import CAUSE, DRAFT, FILE

WINDOW = {"since": "2026-11-20T07:00:00Z", "until": "2026-11-20T09:00:00Z"}
_ABSENT = "No such tool available"
_PATIENCE = 0.5
"""Seconds that the model thinks before it asks again for a server that still starts."""
Road = Generator[Sequence[Use], Sequence[Result], str]
Step = Generator[Sequence[Use], Sequence[Result], Any]


@dataclass
class Walker:
    """A model that takes the road whose words the question holds, and says `done` where none does and to requests of the host's own.

    `prefix` is what the host puts before the names of our tools; `told` is the last answer of each of them, by its bare name.
    """

    roads: Mapping[str, Callable[[str], Road]]
    prefix: str = roles.PLUGIN
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    _road: Road | None = None
    _asked: Sequence[Use] = ()

    def __call__(self, request: Request) -> Answer:
        if not request.tools or request.is_subagent:
            return "done"
        if self._asked and self._road and request.results:
            results, road = request.results, self._road
            self.told.update((use.name, _data(result.text)) for use, result in zip(self._asked, results, strict=False))
            starting = any(_ABSENT in result.text for result in results)
            return self._step(lambda: road.send(results), delay=_PATIENCE if starting else 0.0)
        begin = next((road for words, road in self.roads.items() if words in request.said), None)
        self._road = road = begin(request.said) if begin else None
        return self._step(lambda: next(road)) if road else "done"

    def _step(self, go: Callable[[], Sequence[Use]], delay: float = 0.0) -> Answer:
        try:
            self._asked = go()
        except StopIteration as end:
            self._asked = ()
            return str(end.value)
        except Exception as error:  # the host would ask again and again; the session tells it
            self._asked = ()
            return f"the script broke: {type(error).__name__}: {error}"
        return Turn([Use(self.prefix + use.name if use.name.islower() else use.name, use.arguments) for use in self._asked], delay=delay)


def use(name: str, **arguments: Any) -> Step:
    """One tool, and its result whatever it is; a server that still starts is asked again."""
    result = Result("", _ABSENT, True)
    for _ in range(60):
        if _ABSENT in result.text:
            (result,) = yield [Use(name, arguments)]
    return result


def call(name: str, **arguments: Any) -> Step:
    """What a tool of ours answers, collected by the same call again while it is still at work."""
    while True:
        result: Result = yield from use(name, **arguments)
        if "[unavailable:still_running]" not in result.text:
            assert not result.is_error, f"{name}: {result.text}"
            return json.loads(result.text)


def set_up(said: str) -> Road:
    """As the skill of setting up has it, with the command that it names, in a session that began without a project."""
    none: Result = yield from use("list_log_sources")
    assert "kintsugi init" in none.text, none.text
    command = re.search(r"`(UV_PROJECT_ENVIRONMENT=.*? kintsugi)`", said)
    assert command, said
    yield from use("Bash", command=f"{command[1]} init")
    return json.dumps((yield from call("list_log_sources")))


def healed(said: str) -> Road:
    """From the failing log to the request for an approval, as the skill of healing has it."""
    yield from use("Skill", skill="kintsugi:healing")
    reference: Result = yield from use("Read", file_path=f"{_folder(said).parent}/healing/references/detect.md")
    assert not reference.is_error, reference.text
    found = (yield from call("find_anomalies", **WINDOW, baseline="0m"))["anomalies"][0]
    case = (yield from call("open_case", anomaly=found))["id"]
    suspects = yield from call("find_suspect_commits", case_id=case, trace=found["trace"], onset=found["first_seen"])
    yield from call(
        "record_diagnosis",
        case_id=case, status="likely", cause=CAUSE, file=FILE, line=16, function="remark_line",
        suspect_commit=suspects["suspects"][0]["commit"], claims=[{"text": "remark is None by default", "evidence": f"{FILE}:7"}],
    )  # fmt: skip
    diagnosis = (yield from call("get_case", case_id=case))["diagnosis"]
    yield from call("create_ticket", case_id=case, evidence=found, diagnosis=diagnosis)
    fix = (yield from call("propose_fix", case_id=case, draft=DRAFT))["id"]
    yield from call("certify_fix", fix_id=fix)
    yield from use("request_approval", fix_id=fix, risk="low")
    return f"{case} waits for a person: kintsugi approve {fix}"


def looked(said: str) -> Road:
    """The three questions of the skill of the same name."""
    told: list[Any] = []
    for name in ("get_loop_metrics", "list_approvals", "list_cases"):
        told.append((yield from call(name)))
    return json.dumps(told)


def all_sent(said: str) -> Road:
    """Every role is sent, once the server has answered."""
    yield from call("list_cases")
    yield [
        Use("Agent", {"description": name, "prompt": "Look.", "subagent_type": f"kintsugi:{name}", "run_in_background": False})
        for name in roles.roles()
    ]
    return "All were there."


def _folder(said: str) -> Path:
    """Where the skill lies that the host has put into the question."""
    return Path(re.findall(r"Base directory for this skill: (.+)", said)[-1])


def _data(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
