"""A reasoner of three roles: the diagnoser, the fixer and the verifier of fixes, each in a conversation of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kintsugi.reasoners import CandidateTest, Diagnosis, Draft, Given, Review, Tree
from kintsugi.reasoners.models import answers, briefs
from kintsugi.reasoners.models.host import Host, Work
from kintsugi.reasoners.models.messages import Json
from mcp_servers.kit.errors import Refusal

DIAGNOSER, FIXER, VERIFIER = "diagnoser", "fixer", "fix-verifier"
_KNOWN = ("status", "cause", "file", "line", "function", "reason")


class Roles:
    """Asks `host`. Root cause, fix and verification never share a conversation."""

    def __init__(self, given: Given, host: Host) -> None:
        self.name = host.name
        self._given = given
        self._host = host

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[CandidateTest]:
        """None: before a cause is known the free reasoners' tests are enough."""
        return ()

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis:
        """The cause as far as its claims can be shown; `inconclusive` with the reason otherwise."""

        async def take(arguments: Mapping[str, Any]) -> Json:
            return answers.formed(answers.DiagnosisForm, arguments).model_dump()

        case_id, told = str(case["id"]), {**briefs.evidence(case), "suspects": list(suspects)[:3]}
        try:
            done = await self._host.work(Work(DIAGNOSER, case_id, tree, "Find the cause of this case.", told, answers.DiagnosisForm, take))
        except Refusal as refusal:
            return Diagnosis("inconclusive", reason=str(refusal))
        return answers.diagnosis(answers.DiagnosisForm(**done.answer), tree, reproduced=done.reproduced)

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
        done = await self._host.work(Work(FIXER, str(case["id"]), tree, "Mend this case.", told, answers.FixForm, take))
        form = answers.FixForm(**done.answer)
        if not form.drafts:
            raise Refusal(f"{self.name} proposes no fix: {form.reason or 'without a reason'}", code="no_draft")
        return answers.drafts(form, tree, len(refuted))

    async def review(self, case: Mapping[str, Any], fix: Mapping[str, Any], tree: Tree) -> Review | None:
        """The verifier's word on a fix that this reasoner drafted."""
        case_id = str(case["id"])
        if not self._host.has_worked(case_id, FIXER):
            return None

        async def take(arguments: Mapping[str, Any]) -> Json:
            return answers.formed(answers.ReviewForm, arguments).model_dump()

        shown = {key: fix[key] for key in ("id", "diff", "test", "files", "certificate") if key in fix}
        told = {**briefs.evidence(case), "fix": shown}
        try:
            done = await self._host.work(Work(VERIFIER, case_id, tree, "Try to refute this fix.", told, answers.ReviewForm, take))
        except Refusal as refusal:
            return Review("inconclusive", (str(refusal),))
        return answers.review(answers.ReviewForm(**done.answer))

    async def _reproduce(self, case: str, form: answers.FixForm) -> None:
        """Raises `Refusal` for a draft none of whose tests fails as production did."""
        for number, tests in answers.reproductions(form):
            tried = await self._given.tools.call("try_reproduction", case_id=case, tests=tests)
            if not any(one["matches"] for one in tried["attempts"]):
                seen = "; ".join(f"{one['path']}: {one['outcome']} {one.get('seen', '')}".strip() for one in tried["attempts"])
                raise Refusal(f"No test of draft {number} fails as production did ({seen[:600]}). Change the test.", code="not_reproduced")
