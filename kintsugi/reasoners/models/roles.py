"""A reasoner of three roles: the diagnoser, the fixer and the verifier of fixes, each in a conversation of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from kintsugi.reasoners import CandidateTest, Diagnosis, Draft, Given, Review, Tree
from kintsugi.reasoners.models import answers, briefs
from kintsugi.reasoners.models.conversation import Conversation
from kintsugi.reasoners.models.hands import Hands, Take
from kintsugi.reasoners.models.messages import Json, Model
from kintsugi.reasoners.models.purse import Purse
from kintsugi.reasoners.models.settings import Settings
from kintsugi.reasoners.models.transcripts import Transcript
from kintsugi.roles import role
from mcp_servers.kit.errors import Refusal

DIAGNOSER, FIXER, VERIFIER = "diagnoser", "fixer", "fix-verifier"
_KNOWN = ("status", "cause", "file", "line", "function", "reason")


class Roles:
    """Asks `model`. Root cause, fix and verification never share a conversation."""

    def __init__(self, given: Given, model: Model, settings: Settings) -> None:
        self.name = model.name
        self._given = given
        self._model = model
        self._settings = settings
        self._folder = given.deps.scratch.parent / "transcripts"

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[CandidateTest]:
        """None: before a cause is known the free reasoners' tests are enough."""
        return ()

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis:
        """The cause as far as its claims can be shown; `inconclusive` with the reason otherwise."""

        async def take(arguments: Mapping[str, Any]) -> Json:
            return answers.formed(answers.DiagnosisForm, arguments).model_dump()

        told = {**briefs.evidence(case), "suspects": list(suspects)[:3]}
        try:
            said, transcript = await self._converse(
                DIAGNOSER, case, tree, "Find the cause of this case.", told, answers.DiagnosisForm, take
            )
        except Refusal as refusal:
            return Diagnosis("inconclusive", reason=str(refusal))
        return answers.diagnosis(answers.DiagnosisForm(**said), tree, reproduced=_reproduced(transcript))

    async def propose(
        self, case: Mapping[str, Any], diagnosis: Diagnosis, tree: Tree, suspects: Sequence[Mapping[str, Any]]
    ) -> Sequence[Draft]:
        """Drafts whose edits can be made and whose test failed as production did; none for a cause that is not known."""
        if diagnosis.status == "inconclusive":
            return ()
        refuted: Sequence[str] = case.get("refuted") or ()

        async def take(arguments: Mapping[str, Any]) -> Json:
            form = answers.formed(answers.FixForm, arguments)
            answers.drafts(form, tree, 0)
            await self._reproduce(str(case["id"]), form)
            return form.model_dump()

        known = {key: getattr(diagnosis, key) for key in _KNOWN}
        told = {**briefs.evidence(case), "diagnosis": known, "suspects": list(suspects)[:1], "refuted": list(refuted)}
        said, _ = await self._converse(FIXER, case, tree, "Mend this case.", told, answers.FixForm, take)
        form = answers.FixForm(**said)
        if not form.drafts:
            raise Refusal(f"{self.name} proposes no fix: {form.reason or 'without a reason'}", code="no_draft")
        return answers.drafts(form, tree, len(refuted))

    async def review(self, case: Mapping[str, Any], fix: Mapping[str, Any], tree: Tree) -> Review | None:
        """The verifier's word on a fix that this reasoner drafted."""
        if not any((self._folder / str(case["id"])).glob(f"{FIXER}-*.jsonl")):
            return None

        async def take(arguments: Mapping[str, Any]) -> Json:
            return answers.formed(answers.ReviewForm, arguments).model_dump()

        shown = {key: fix[key] for key in ("id", "diff", "test", "files", "certificate") if key in fix}
        told = {**briefs.evidence(case), "fix": shown}
        try:
            said, _ = await self._converse(VERIFIER, case, tree, "Try to refute this fix.", told, answers.ReviewForm, take)
        except Refusal as refusal:
            return Review("inconclusive", (str(refusal),))
        return answers.review(answers.ReviewForm(**said))

    async def _converse(
        self, name: str, case: Mapping[str, Any], tree: Tree, task: str, data: Mapping[str, Any], form: type[BaseModel], take: Take
    ) -> tuple[Json, Transcript]:
        case_id, who = str(case["id"]), role(name)
        hands = Hands(self._given.tools, tree, case_id, who, _schema(form), take)
        prompt = briefs.prompt(who, await hands.definitions(), task, data)
        purse = Purse(self._given.ledger, self._given.deps.policy.budgets, self._settings, case_id, f"{self.name}/{name}")
        transcript = Transcript(self._folder, case_id, prompt)
        conversation = Conversation(self._model, prompt, hands, purse, transcript, self._settings)
        return await conversation.run(), transcript

    async def _reproduce(self, case: str, form: answers.FixForm) -> None:
        """Raises `Refusal` for a draft none of whose tests fails as production did."""
        for number, tests in answers.reproductions(form):
            tried = await self._given.tools.call("try_reproduction", case_id=case, tests=tests)
            if not any(one["matches"] for one in tried["attempts"]):
                seen = "; ".join(f"{one['path']}: {one['outcome']} {one.get('seen', '')}".strip() for one in tried["attempts"])
                raise Refusal(f"No test of draft {number} fails as production did ({seen[:600]}). Change the test.", code="not_reproduced")


def _reproduced(transcript: Transcript) -> bool:
    """Whether a reproduction that was tried in the conversation failed as production did."""
    tried = {use["id"] for message in transcript.messages for use in message.uses if use["name"] == "try_reproduction"}
    results = [result["content"] for result in transcript.results if result.get("tool_use_id") in tried and not result.get("is_error")]
    return any(attempt.get("matches") for text in results for attempt in _attempts(text))


def _attempts(text: str) -> list[Json]:
    try:
        return json.loads(text)["attempts"]
    except (ValueError, KeyError):
        return []


def _schema(form: type[BaseModel]) -> Json:
    """The form's JSON schema without the titles that nobody reads."""
    return _untitled(form.model_json_schema())


def _untitled(value: Any) -> Any:
    walk: Callable[[Any], Any] = _untitled
    if isinstance(value, dict):
        return {key: walk(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))}  # pyright: ignore[reportUnknownVariableType]
    return [walk(item) for item in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
