"""From a draft to a proposal to a certificate: what may be proposed, and what a machine has to see before a person is asked."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from mcp_servers.fixes.certificate import Attempt, certify, try_tests
from mcp_servers.fixes.edits.making import make
from mcp_servers.fixes.edits.workspace import Workspace
from mcp_servers.fixes.jail import Jail
from mcp_servers.fixes.model import Finding, Proposal
from mcp_servers.fixes.places.searching import Search, search
from mcp_servers.fixes.policy import is_test, judge, strange, texts_of, version
from mcp_servers.fixes.toolchains import LANGUAGES
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import ABSENT, GITLINK, FileChange, Repository
from mcp_servers.kit.policy import SHIPPED, Policy
from mcp_servers.kit.project import Project
from mcp_servers.kit.redaction import clean
from mcp_servers.kit.stack import Failure, StackTrace

RUNS = 3
_TOLD = ("cause", "reasoning", "risk", "pros", "cons", "recipe", "guard")


def propose(
    repository: Repository,
    project: Project,
    case: str,
    draft: Mapping[str, Any],
    evidence: Mapping[str, Any] | None = None,
    policy: Policy = SHIPPED,
) -> Proposal:
    """The proposal (no id yet) that a draft makes on the project's branch; raises `Refusal` for an edit that cannot or may not be made."""
    target = f"refs/heads/{project.branch}"
    base = repository.head(target)
    test = _test_of(repository, base, draft)
    tree = _tree(repository, base, draft["edits"], test)
    findings = judged(repository, base, tree, test["path"], evidence, policy)
    return Proposal(
        id="",
        case=case,
        title=str(clean(" ".join(str(draft["title"]).split())))[:200],
        repository=repository.identity(base),
        target=target,
        base=base,
        tree=tree,
        policy=version(policy),
        proposed="",
        test_path=test["path"],
        test=test["content"],
        draft={key: clean(draft[key]) for key in _TOLD if draft.get(key)},
        findings=tuple(findings),
        plan={
            **asdict(project.tests),
            "paths": list(project.tests.paths),
            "command": list(project.tests.command),
            "test": test["path"],
            "runs": RUNS,
        },
    )


def _tree(repository: Repository, base: str, edits: Sequence[Mapping[str, Any]], test: Mapping[str, str]) -> str:
    work = Workspace(repository, base)
    make(work, edits)
    if work.holds(test["path"]):
        raise Refusal(f"The edits write {test['path']}, which is the reproduction; give it in the test field alone.", code="test_edited")
    make(work, [{"kind": "write", "path": test["path"], "content": test["content"], "based_on": ""}])
    return work.tree()


def judged(
    repository: Repository,
    base: str,
    tree: str,
    test_path: str,
    evidence: Mapping[str, Any] | None = None,
    policy: Policy = SHIPPED,
) -> list[Finding]:
    """What the policy holds against the difference; raises `Refusal` with every reason when it rejects."""
    changes = repository.changes(base, tree)
    contents = repository.blobs(sorted({id for change in changes for id in _blob_ids(change)}))
    files, told = repository.files(tree), list(texts_of(evidence or {}))
    findings = judge(changes, files, contents.__getitem__, test_path=test_path, evidence=told, policy=policy)
    if any(finding.code == "tainted" for finding in findings):  # not by what the program says itself
        told = strange(told, repository.known_lines(base, told), frozenset(repository.files(base)))
        findings = judge(changes, files, contents.__getitem__, test_path=test_path, evidence=told, policy=policy)
    rejected = [finding for finding in findings if finding.verdict == "reject"]
    if rejected:
        reasons = " ".join(f"{finding.place or 'the change'} [{finding.code}]: {finding.text}" for finding in rejected[:5])
        raise Refusal(f"The policy rejects this fix. {reasons}", code=rejected[0].code)
    return findings


def certified(
    repository: Repository,
    project: Project,
    proposal: Proposal,
    failure: Failure,
    jail: Jail,
    scratch: Path,
    now: datetime,
    suites: MutableMapping[str, frozenset[str]] | None = None,
    shown: bool = False,
) -> Proposal:
    """The proposal with what the sandbox saw of it, passed or refuted. `suites` remembers what passed in which tree; `shown`: its test was
    seen to fail as production did, which saves time and proves nothing."""
    with exported(repository, scratch, base=proposal.base, result=proposal.tree) as folder:
        certificate = certify(
            base=folder / "base",
            result=folder / "result",
            test_path=proposal.test_path,
            test=proposal.test,
            failure=failure,
            tests=project.tests,
            jail=jail,
            now=now,
            runs=RUNS,
            root=project.root,
            known_suite=suites,
            shown=shown,
        )
    return proposal.certified(replace(certificate, base=proposal.base, result=proposal.tree))


def attempts(
    repository: Repository, project: Project, base: str, candidates: Sequence[tuple[str, str]], failure: Failure, jail: Jail, scratch: Path
) -> list[Attempt]:
    """What each candidate test does on the base commit, in the jail; raises `Refusal` for a path that is no place for a test."""
    commit = repository.head(base)
    for path, _ in candidates:
        _place_for_a_test(repository, commit, path)
    with exported(repository, scratch, base=commit) as folder:
        return try_tests(base=folder / "base", candidates=candidates, failure=failure, tests=project.tests, jail=jail, root=project.root)


def searched(
    repository: Repository, project: Project, base: str, check: tuple[str, str], trace: StackTrace, jail: Jail, scratch: Path
) -> Search:
    """Where a check that failed on the base commit leads, by one more run of it and of the tests beside it, in the jail."""
    with exported(repository, scratch, base=repository.head(base)) as folder:
        return search(jail, folder / "base", check, trace, tests=project.tests, root=project.root)


def _test_of(repository: Repository, base: str, draft: Mapping[str, Any]) -> Mapping[str, str]:
    test: Mapping[str, str] = draft.get("test") or {}
    if not test.get("path") or not test.get("content"):
        raise Refusal("A fix needs a test that reproduces the failure: give test.path and test.content.", code="no_test")
    _place_for_a_test(repository, base, test["path"])
    return test


def _place_for_a_test(repository: Repository, commit: str, path: str) -> None:
    if not is_test(path) or PurePosixPath(path).suffix not in LANGUAGES or path.rpartition("/")[2] == "conftest.py":
        raise Refusal(f"{path!r} is no place for a test; write for example tests/test_reproduces_ab12cd.py.", code="test_path")
    if repository.entry(commit, path):
        raise Refusal(f"{path} exists already; a reproduction is a new file, so choose another name.", code="test_exists")


def _blob_ids(change: FileChange) -> list[str]:
    sides = ((change.old_mode, change.old_id), (change.new_mode, change.new_id))
    return [id for mode, id in sides if mode not in {ABSENT, GITLINK}]


@contextmanager
def exported(repository: Repository, scratch: Path, **trees: str) -> Generator[Path]:
    """A folder of ours with these trees in it, each under its name; it is gone afterwards."""
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trees-", dir=scratch) as name:
        for under, tree in trees.items():
            folder = Path(name) / under
            folder.mkdir()
            repository.export(tree, folder)
        yield Path(name)
