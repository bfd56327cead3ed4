"""The look back: gather once, write each page, let no page stop another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kintsugi.wisdom import audit, gaps, issues, regressions, summary, timeline, verifiers
from kintsugi.wisdom.artifacts import INPUTS, artifact
from kintsugi.wisdom.audit import Finding
from kintsugi.wisdom.gaps import Gap
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.history import History, history
from kintsugi.wisdom.learnings import learnings_page, playbook_page
from kintsugi.wisdom.measured import measure
from kintsugi.wisdom.page import Page, cell
from kintsugi.wisdom.paths import Paths
from kintsugi.wisdom.reading import walk
from kintsugi.wisdom.testing import coverage_page, test_page
from kintsugi.wisdom.told import Told
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class LookBack:
    """Everything that was found, and the missing tests in it; pages are made of it when the tickets are known."""

    gathered: Gathered
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    failed: Mapping[str, str]

    def pages(self, tickets: Mapping[str, str], told: Callable[[str], None] = lambda _: None) -> list[Page]:
        """All pages, the summary first; the verifiers come before the learnings. `tickets` are those of the gaps, by key."""
        one = self.gathered
        makers: list[tuple[str, str, Callable[[], Page]]] = [
            ("artifact_audit.md", "Artifact audit", lambda: audit.page(one, self.findings)),
            ("test_analysis.md", "Test analysis", lambda: test_page(one)),
            ("coverage_trend.md", "Coverage trend", lambda: coverage_page(one)),
            ("issue_correlation.md", "Issue correlation", lambda: issues.page(one)),
            ("regression_blame.md", "Regressions by blame", lambda: regressions.page(one)),
            ("timeline.md", "Timeline", lambda: timeline.page(one)),
            *((row.file, row.title, _verified(row, one, self.findings)) for row in verifiers.VERIFIERS),
            ("learnings.md", "Learnings", lambda: learnings_page(one)),
            ("playbook.md", "Playbook suggestions", lambda: playbook_page(one, self.gaps)),
            ("test_gaps.md", "Test gaps", lambda: gaps.page(self.gaps, tickets)),
        ]
        pages: list[Page] = []
        for file, title, make in makers:
            told(title)
            pages.append(_whole(file, title, make, self.failed.get(file, "")))
        return [summary.page(one, pages), *pages]


def look_back(
    root: Path, run: Path, project: Project, told: Callable[[History], Told], environ: Mapping[str, str], pull: int = 0
) -> LookBack:
    """What is found about the run in this folder of the repository; `told` asks the other rooms. Raises `Refusal` outside of a repository."""
    repository = Repository.at(root)
    found = history(repository, pull)
    head = found.span.head
    gathered = Gathered(
        repository,
        root,
        run,
        found,
        Paths(repository.files(head)),
        tuple(artifact(root, run, name) for name in INPUTS),
        measure(repository, root, run, head),
        told(found),
        project,
        environ,
    )
    failed: dict[str, str] = {}
    findings = _tried(lambda: audit.audit(gathered), "artifact_audit.md", failed)
    missing = _tried(lambda: gaps.gaps(gathered, findings), "test_gaps.md", failed)
    return LookBack(gathered, tuple(findings), tuple(missing), failed)


def run_folder(root: Path, repository: Repository) -> Path:
    """The folder whose documents are newest: by their commits where they are tracked, those that are not yet before all others; else the root."""
    found: dict[Path, tuple[int, str, str]] = {}
    for path in walk(root, lambda path: path.name in INPUTS):
        commits = repository.log("HEAD", path.relative_to(root).as_posix(), limit=1)
        age = (0, commits[0].at, path.parent.as_posix()) if commits else (1, "", path.parent.as_posix())
        found[path.parent] = max(age, found.get(path.parent, age))
    return max(found, key=lambda folder: found[folder]) if found else root


def inside(root: Path, run: Path) -> Path:
    """The run's folder, resolved; raises `Refusal` for one that is not there or not in the repository."""
    folder = run.resolve()
    if not folder.is_dir():
        raise Refusal(f"{run} is not a folder; name the folder of a run.", code="no_run")
    if not folder.is_relative_to(root):
        raise Refusal(f"{run} is not inside of {root}; name a folder of this repository.", code="outside")
    return folder


def _verified(row: verifiers.Verifier, gathered: Gathered, findings: Sequence[Finding]) -> Callable[[], Page]:
    return lambda: verifiers.page(row, gathered, findings)


def _whole(file: str, title: str, make: Callable[[], Page], failed: str) -> Page:
    try:
        if not failed:
            return make()
    except (KintsugiError, OSError) as error:
        failed = str(error)
    return Page(file, title, "unknown", f"unknown: this page could not be made. {cell(failed, 300)}")


def _tried(make: Callable[[], list[Value]], file: str, failed: dict[str, str]) -> list[Value]:
    try:
        return make()
    except (KintsugiError, OSError) as error:
        failed[file] = str(error)
        return []
