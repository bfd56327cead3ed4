"""The form of each role's answer, and the machine that checks what can be checked: places, commits, edits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kintsugi.reasoners import CandidateTest, Claim, Diagnosis, Draft, Review, Tree
from kintsugi.reasoners.models.hands import FORMLESS
from mcp_servers.kit.errors import KintsugiError, Refusal

_PLACE = re.compile(r"(?P<path>[^\s:]+):(?P<line>\d+)(?:-\d+)?")
_COMMIT = re.compile(r"(?:commit )?(?P<id>[0-9a-f]{7,40})")
_SEEN = frozenset({"message", "request"})


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ClaimForm(_Form):
    text: str = Field(min_length=3, max_length=500)
    evidence: str = Field(max_length=300, description="path:line, a commit id, message or request.")


class DiagnosisForm(_Form):
    status: Literal["confirmed", "likely", "inconclusive"]
    cause: str = Field("", max_length=2000, description="One sentence.")
    file: str = Field("", max_length=500)
    line: int = Field(0, ge=0)
    function: str = Field("", max_length=200)
    claims: list[ClaimForm] = Field(default_factory=list[ClaimForm], max_length=12)
    reason: str = Field("", max_length=1000, description="Why inconclusive.")


class EditForm(_Form):
    """`search` stands exactly once in the file at `path`; it becomes `replace`."""

    path: str = Field(min_length=1, max_length=400)
    search: str = Field(min_length=1)
    replace: str


class TestForm(_Form):
    path: str = Field(min_length=1, max_length=400)
    content: str = Field(min_length=10, max_length=60_000)


class DraftForm(_Form):
    title: str = Field(min_length=3, max_length=200)
    cause: str = Field("", max_length=2000)
    reasoning: str = Field("", max_length=4000)
    risk: Literal["low", "medium", "high"] = "medium"
    pros: list[str] = Field(default_factory=list[str], max_length=6)
    cons: list[str] = Field(default_factory=list[str], max_length=6)
    edits: list[EditForm] = Field(min_length=1, max_length=20)
    tests: list[TestForm] = Field(min_length=1, max_length=4, description="New test files that fail today as production did.")


class FixForm(_Form):
    """Ways to mend the case, best first."""

    drafts: list[DraftForm] = Field(max_length=3)
    reason: str = Field("", max_length=1000, description="Why there is none.")


class ReviewForm(_Form):
    word: Literal["upheld", "refuted", "inconclusive"]
    reasons: list[str] = Field(default_factory=list[str], max_length=8)


Form = TypeVar("Form", bound=BaseModel)


def formed(form: type[Form], arguments: Any) -> Form:
    """The answer as a value of its form; raises `Refusal` with what does not fit."""
    try:
        return form.model_validate(arguments)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
        raise Refusal(f"{FORMLESS}: {told}. Answer once more.", code="formless") from None


def diagnosis(form: DiagnosisForm, tree: Tree, *, reproduced: bool) -> Diagnosis:
    """What is left of a diagnosis when each claim whose evidence is not there has gone; without any it is inconclusive.
    `confirmed` holds only where a reproduction failed as production did."""
    shown = tuple(Claim(claim.text, claim.evidence) for claim in form.claims if exists(claim.evidence, tree))
    if form.status == "inconclusive":
        return Diagnosis("inconclusive", claims=shown, reason=form.reason or "the model found no cause")
    if not form.cause or not any(claim.evidence not in _SEEN for claim in shown):
        return Diagnosis("inconclusive", claims=shown, reason=f"of {len(form.claims)} claims none names a place or a commit that is there")
    placed = exists(f"{form.file}:{form.line}", tree)
    return Diagnosis(
        "confirmed" if form.status == "confirmed" and reproduced else "likely",
        cause=form.cause,
        file=form.file if placed else "",
        line=form.line if placed else 0,
        function=form.function if placed else "",
        claims=shown,
    )


def drafts(form: FixForm, tree: Tree, after: int) -> list[Draft]:
    """The drafts; raises `Refusal` for an edit that cannot be made exactly, or a test that stands where a file is."""
    return [_draft(one, tree, after) for one in form.drafts]


def review(form: ReviewForm) -> Review:
    return Review(form.word, tuple(form.reasons))


def exists(evidence: str, tree: Tree) -> bool:
    """Whether what a claim points at is there: a line of a file, a commit, or what the case itself carries."""
    if evidence in _SEEN:
        return True
    if place := _PLACE.fullmatch(evidence):
        path = place["path"]
        return path in tree.files() and 0 < int(place["line"]) <= len(tree.read(path).splitlines())
    commit = _COMMIT.fullmatch(evidence)
    return commit is not None and _is_commit(commit["id"], tree)


def _is_commit(commit: str, tree: Tree) -> bool:
    subject = getattr(tree, "subject", None)
    try:
        return subject is not None and bool(subject(commit))
    except (KintsugiError, IndexError):
        return False


def _draft(form: DraftForm, tree: Tree, after: int) -> Draft:
    files = set(tree.files())
    for edit in form.edits:
        _check_edit(edit, tree, files)
    for test in form.tests:
        if test.path in files:
            raise Refusal(f"The test {test.path} exists already; write the reproduction into a new file.", code="not_new")
    return Draft(
        title=form.title,
        cause=form.cause,
        reasoning=form.reasoning,
        risk=form.risk,
        edits=tuple({"kind": "replace", **edit.model_dump()} for edit in form.edits),
        pros=tuple(form.pros),
        cons=tuple(form.cons),
        tests=tuple(CandidateTest(test.path, test.content, "model") for test in form.tests),
        after=after,
    )


def _check_edit(edit: EditForm, tree: Tree, files: set[str]) -> None:
    if edit.path not in files:
        raise Refusal(f"There is no file {edit.path[:200]!r} to edit; Glob shows the paths.", code="no_file")
    found = tree.read(edit.path).count(edit.search)
    if found != 1:
        raise Refusal(
            f"The search text of an edit stands {found} times in {edit.path}, it must be once; Read the file again.", code="not_exact"
        )


def reproductions(form: FixForm) -> Sequence[tuple[int, list[dict[str, str]]]]:
    """The tests of each draft, as `try_reproduction` takes them."""
    return [(number, [test.model_dump() for test in one.tests]) for number, one in enumerate(form.drafts, 1)]
