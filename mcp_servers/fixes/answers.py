"""What the tools of fixes answer: facts first, then the handle for the next call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NotRequired

from typing_extensions import TypedDict

from mcp_servers.fixes.model import Certificate, Finding, Proposal, PullRequest, State, Suspect

if TYPE_CHECKING:  # a server that only lists its tools needs none of it
    from mcp_servers.fixes.certificate import Attempt
    from mcp_servers.fixes.places import Place
    from mcp_servers.fixes.rollback import Undone

MAX_DIFF = 12_000
MAX_LOG = 1_500
MAX_POINTS, MAX_POINT = 5, 160
MAX_WHY = 600


class SuspectAnswer(TypedDict):
    commit: str
    author: str
    at: str
    subject: str
    score: float
    reasons: list[str]
    file: NotRequired[str]
    line: NotRequired[int]


class PlaceAnswer(TypedDict):
    file: str
    line: int
    function: str
    score: float
    reasons: list[str]


class SuspectList(TypedDict):
    suspects: list[SuspectAnswer]
    places: NotRequired[list[PlaceAnswer]]
    returned: int
    total: int
    omitted: int
    note: NotRequired[str]


class FindingAnswer(TypedDict):
    code: str
    path: str
    text: str
    line: NotRequired[int]


class CertificateAnswer(TypedDict):
    passed: bool
    red_on_base: bool
    same_fingerprint: bool
    green_on_patch: bool
    red_without_fix: bool
    suite: str
    runs: int
    jail: str
    reason: str
    seconds: float
    sweep: NotRequired[str]
    log: NotRequired[str]


class FixLine(TypedDict):
    id: str
    case: str
    title: str
    state: str
    digest: str
    base: str
    proposed: str
    branch: NotRequired[str]
    risk: NotRequired[str]
    pros: NotRequired[list[str]]
    cons: NotRequired[list[str]]
    proof: NotRequired[str]
    takes_back: NotRequired[str]
    no_way_back: NotRequired[str]


class FixList(TypedDict):
    fixes: list[FixLine]
    returned: int
    total: int
    omitted: int
    hint: NotRequired[str]


class FixDetail(FixLine):
    tree: str
    target: str
    files: list[str]
    added: int
    removed: int
    test: str
    approval: str
    diff: str
    cause: NotRequired[str]
    reasoning: NotRequired[str]
    findings: NotRequired[list[FindingAnswer]]
    certificate: NotRequired[CertificateAnswer]
    commit: NotRequired[str]
    diff_omitted: NotRequired[int]


class Proposed(TypedDict):
    id: str
    digest: str
    base: str
    tree: str
    files: list[str]
    approval: str
    findings: list[FindingAnswer]
    option: NotRequired[str]
    no_way_back: NotRequired[str]
    next: str


class Certified(TypedDict):
    id: str
    digest: str
    certificate: CertificateAnswer
    next: str


class Applied(TypedDict):
    id: str
    branch: str
    commit: str
    next: str


class PullRequestAnswer(TypedDict):
    id: str
    url: str
    state: str
    branch: str
    target: str
    waits_for: NotRequired[list[str]]


class RolledBack(TypedDict):
    id: str
    how: str
    summary: str
    revert: NotRequired[str]
    next: NotRequired[str]


class AttemptAnswer(TypedDict):
    path: str
    outcome: str
    matches: bool
    seen: NotRequired[str]
    log: NotRequired[str]


class AttemptList(TypedDict):
    attempts: list[AttemptAnswer]
    places: NotRequired[list[PlaceAnswer]]
    ranked: NotRequired[str]
    returned: int
    total: int
    omitted: int
    next: str


def suspect(found: Suspect) -> SuspectAnswer:
    answer = SuspectAnswer(
        commit=found.commit,
        author=found.author,
        at=found.at,
        subject=found.subject[:200],
        score=found.score,
        reasons=list(found.reasons),
    )
    if found.file:
        answer["file"] = found.file
    if found.line:
        answer["line"] = found.line
    return answer


def place(found: Place) -> PlaceAnswer:
    return PlaceAnswer(file=found.file, line=found.line, function=found.function, score=found.score, reasons=list(found.reasons))


def line(proposal: Proposal) -> FixLine:
    answer = FixLine(
        id=proposal.id,
        case=proposal.case,
        title=proposal.title,
        state=str(proposal.state),
        digest=proposal.digest,
        base=proposal.base,
        proposed=proposal.proposed,
    )
    if proposal.branch:
        answer["branch"] = proposal.branch
    if proposal.draft.get("risk"):
        answer["risk"] = str(proposal.draft["risk"])[:20]
    if pros := _points(proposal, "pros"):
        answer["pros"] = pros
    if cons := _points(proposal, "cons"):
        answer["cons"] = cons
    if seen := proposal.certificate:
        answer["proof"] = "proven" if seen.passed else f"refuted: {seen.reason[:MAX_POINT]}"
    if proposal.draft.get("takes_back"):
        answer["takes_back"] = str(proposal.draft["takes_back"])[:40]
    if proposal.draft.get("no_way_back"):
        answer["no_way_back"] = str(proposal.draft["no_way_back"])[:MAX_WHY]
    return answer


def _points(proposal: Proposal, key: str) -> list[str]:
    """What speaks for a fix, or against it, in short: options of one case stand side by side in a list."""
    return [" ".join(str(point).split())[:MAX_POINT] for point in list(proposal.draft.get(key) or ())[:MAX_POINTS]]


def detail(proposal: Proposal, files: list[str], diff: str) -> FixDetail:
    """One proposal whole. The diff is made from the trees; what does not fit is counted, never silently cut."""
    added, removed = _size(diff)
    answer = FixDetail(
        **line(proposal),
        tree=proposal.tree,
        target=_branch(proposal.target),
        files=files,
        added=added,
        removed=removed,
        test=proposal.test_path,
        approval=approval(proposal),
        diff=diff[:MAX_DIFF],
    )
    if len(diff) > MAX_DIFF:
        answer["diff_omitted"] = len(diff) - MAX_DIFF
    for key in ("cause", "reasoning"):
        if proposal.draft.get(key):
            answer[key] = str(proposal.draft[key])[:2_000]
    if proposal.findings:
        answer["findings"] = [finding(one) for one in proposal.findings]
    if proposal.certificate:
        answer["certificate"] = certificate(proposal.certificate)
    if proposal.commit:
        answer["commit"] = proposal.commit
    return answer


def _size(diff: str) -> tuple[int, int]:
    """How many lines a diff adds and removes; the heads of its files are no lines."""
    counts, inside = {"+": 0, "-": 0}, False
    for line in diff.split("\n"):
        inside = line.startswith("@@") or (inside and not line.startswith("diff --git "))
        if inside and line[:1] in counts:
            counts[line[:1]] += 1
    return counts["+"], counts["-"]


def proposed(proposal: Proposal, files: list[str], option: Proposal | None) -> Proposed:
    """What was proposed, and the option that stands beside it."""
    answer = Proposed(
        id=proposal.id,
        digest=proposal.digest,
        base=proposal.base,
        tree=proposal.tree,
        files=files,
        approval=approval(proposal),
        findings=[finding(found) for found in proposal.findings],
        next="certify_fix proves it in the sandbox.",
    )
    if option is not None and option.id != proposal.id:
        answer["option"] = f"{option.id}: {option.title}"
    if why := line(proposal).get("no_way_back"):
        answer["no_way_back"] = why
    return answer


def approval(proposal: Proposal) -> str:
    """What strength of approval the proposal asks for."""
    return "elevated" if proposal.elevated else "ordinary"


def finding(found: Finding) -> FindingAnswer:
    answer = FindingAnswer(code=found.code, path=found.path, text=found.text)
    if found.line:
        answer["line"] = found.line
    return answer


def certificate(seen: Certificate) -> CertificateAnswer:
    answer = CertificateAnswer(
        passed=seen.passed,
        red_on_base=seen.red_on_base,
        same_fingerprint=seen.same_fingerprint,
        green_on_patch=seen.green_on_patch,
        red_without_fix=seen.red_without_fix,
        suite=seen.suite,
        runs=seen.runs,
        jail=seen.jail,
        reason=seen.reason[:1_000],
        seconds=seen.seconds,
    )
    if seen.sweep:
        answer["sweep"] = seen.sweep
    if not seen.passed and seen.log:
        answer["log"] = seen.log[-MAX_LOG:]
    return answer


def certified(proposal: Proposal, seen: Certificate) -> Certified:
    what = (
        "request_approval puts it before a person."
        if proposal.state is not State.REFUTED
        else "The certificate refutes this fix; read its reason and propose another one."
    )
    return Certified(id=proposal.id, digest=proposal.digest, certificate=certificate(seen), next=what)


def attempt(tried: Attempt) -> AttemptAnswer:
    answer = AttemptAnswer(path=tried.path, outcome=tried.outcome, matches=tried.matches)
    if tried.failure_seen:
        seen = tried.failure_seen
        answer["seen"] = f"{seen.exception} in {seen.function} ({seen.file}): {seen.message[:200]}"
    if not tried.matches and tried.log:
        answer["log"] = tried.log[-MAX_LOG:]
    return answer


def next_of(tried: Sequence[Attempt]) -> str:
    if any(one.matches for one in tried):
        return "propose_fix with the test that matches."
    return "No test failed as production did; read the logs and try another one."


def pull_request(opened: PullRequest) -> PullRequestAnswer:
    request = opened.request
    answer = PullRequestAnswer(id=opened.id, url=opened.url, state=opened.state, branch=request.branch, target=_branch(request.target))
    if opened.waits_for:
        answer["waits_for"] = list(opened.waits_for)
    return answer


def rolled_back(undone: Undone) -> RolledBack:
    answer = RolledBack(id=undone.proposal.id, how=undone.how, summary=undone.summary)
    if undone.revert:
        answer["revert"], answer["next"] = undone.revert.id, "certify_fix proves the revert in the sandbox."
    return answer


def _branch(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def event(seen: Certificate) -> dict[str, Any]:
    """The certificate as the ledger keeps it."""
    return {**certificate(seen), "id": seen.id, "base": seen.base, "result": seen.result, "test": seen.test}
