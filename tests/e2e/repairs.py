"""Someone mends a service by hand, production proves it, and the same mistake comes back elsewhere: real failures, real proofs, one store."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from kintsugi.loop import intake
from kintsugi.loop.deployers import Merged
from kintsugi.loop.healer import Healer
from kintsugi.reasoners import FREE, REASONERS, Given
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from kintsugi.workspace import approvals_of, ledger_of
from mcp_servers.cases.model import Case
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble
from tests.e2e.strangers import git

_RUN = {"python": [sys.executable, "-c"], "javascript": ["node", "-e"]}
_STAMP = "2026-11-20 08:00:02,310 ERROR service.jobs the job failed\n"


@dataclass(frozen=True, slots=True)
class Defect:
    """A service that fails: its files, what makes it fail, and how its file is when it is mended (path and text), with the test of that."""

    files: Mapping[str, str]
    trigger: str
    path: str
    mended: str
    test_path: str = ""
    test: str = ""
    language: str = "python"

    def calling(self, **names: str) -> Defect:
        """The same mistake in other words: `old=new`, everywhere."""
        return replace(
            self,
            files={_said(path, names): _said(text, names) for path, text in self.files.items()},
            trigger=_said(self.trigger, names),
            path=_said(self.path, names),
            mended=_said(self.mended, names),
            test_path="",
            test="",
        )

    def build(self, folder: Path) -> Path:
        """The repository with one commit, and the log that its failure left."""
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        self.commit(folder, "A service")
        (folder / "logs").mkdir()
        (folder / "logs" / "service.log").write_text(_STAMP + self.traceback(folder), "utf-8")
        return folder

    def commit(self, folder: Path, message: str) -> None:
        """One commit in which the files are these."""
        for path, text in {".gitignore": "logs/\n__pycache__/\n", **self.files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(dedent(text).lstrip("\n"), "utf-8")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", message)

    def traceback(self, folder: Path) -> str:
        """What production printed: the real failure of a copy that lies somewhere else."""
        command = [*_RUN[self.language], dedent(self.trigger)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode, f"it does not fail: {done.stdout}"
        for cache in folder.rglob("__pycache__"):
            shutil.rmtree(cache)
        return done.stderr.replace(str(folder), "/srv/release")


def _said(text: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Workshop:
    """One service that is watched, with a store that others may share."""

    deps: Deps

    @classmethod
    def of(cls, defect: Defect, folder: Path, home: Path) -> Workshop:
        root = defect.build(folder)
        logs = Source("files", "files", {"paths": ["logs/*"]})
        return cls(assemble(Project(root, folder.name, sources=(logs,)), home=home))

    @property
    def root(self) -> Path:
        return self.deps.watched().root

    async def seen(self) -> Case:
        """The case of what the log shows."""
        looked = await intake.look(Tools(self.deps, writes=True), "")
        ledger = ledger_of(self.deps)
        return ledger.case(looked.opened[0]) if looked.opened else ledger.cases(self.deps.watched().name)[-1]

    async def driven(self, case: str, reasoners: Sequence[str] = FREE) -> Case:
        """The case as far as the unattended driver takes it, without a model."""
        tools, ledger, project = Tools(self.deps, writes=True), ledger_of(self.deps), self.deps.watched()
        repository = Repository.at(project.root)

        def head() -> tuple[str, CommitTree]:
            commit = repository.head(project.branch)
            return commit, CommitTree(repository, commit)

        given = Given(self.deps, tools, ledger)
        healer = Healer(tools, ledger, [REASONERS[name](given) for name in reasoners], head, Merged(lambda _: ""))
        while await healer.step(case):
            pass
        return ledger.case(case)

    async def mended(self, defect: Defect) -> tuple[Case, str]:
        """The case after a person proposed the fix of the defect, it was proven, approved, applied, deployed and verified, and taught its
        lesson; and what was said of its recipe."""
        tools, ledger = Tools(self.deps, writes=True), ledger_of(self.deps)
        case = await self.seen()
        await tools.call("record_diagnosis", case_id=case.id, status="confirmed", cause="it was not thought of", actor="ada")
        await tools.call("create_ticket", case_id=case.id, evidence=dict(case.evidence), diagnosis={"cause": "it was not thought of"})
        draft = {"title": "Think of it", "cause": "it was not thought of", "edits": [self.edit(defect)], "test": self.test(defect)}
        fix = (await tools.call("propose_fix", case_id=case.id, draft=draft, actor="ada"))["id"]
        proven = await tools.call("certify_fix", fix_id=fix, actor="ada")
        assert proven["certificate"]["passed"], proven["certificate"]
        await tools.call("request_approval", fix_id=fix, risk="medium", actor="ada")
        for request in approvals_of(self.deps).waiting():
            approvals_of(self.deps).approve(request.digest, person="grace", channel="terminal")
        applied = await tools.call("apply_fix", fix_id=fix, actor="ada")
        git(self.root, "reset", "-q", "--hard", applied["commit"])
        for kind, data in (("deployed", {"fix": fix, "release": "r2"}), ("verified", {"word": "verified"})):
            ledger.append(case.id, kind, data, actor="ada")
        case = ledger.case(case.id)
        return case, await self._taught(case, defect)

    async def _taught(self, case: Case, defect: Defect) -> str:
        assert case.fix is not None
        repository, fix = Repository.at(self.root), case.fix
        changes = [
            {"path": path, "before": before, "after": repository.text(fix.commit, path)}
            for path, before in ((defect.path, repository.text(fix.base, defect.path)), (defect.test_path, ""))
        ]
        lesson = {"case_id": case.id, "repository": case.project, "symptom": case.title, "cause": "it was not thought of", "fix": fix.title}
        fingerprint = dict(case.evidence["fingerprint"])
        tools = Tools(self.deps, writes=True)
        answer = await tools.call("record_lesson", **lesson, fix_id=fix.id, fingerprint=fingerprint, changes=changes)
        return str(answer["recipe_note"])

    async def again(self, defect: Defect) -> None:
        """The mistake comes back with a later commit, and production says so."""
        git(self.root, "rm", "-q", defect.test_path)
        defect.commit(self.root, "Tidy up")
        now = self.deps.clock().strftime("%Y-%m-%d %H:%M:%S,999")
        with (self.root / "logs" / "service.log").open("a", encoding="utf-8") as log:
            log.write(_STAMP.replace("2026-11-20 08:00:02,310", now) + defect.traceback(self.root))

    def reject(self, case: Case) -> None:
        assert case.fix is not None
        ledger_of(self.deps).append(case.id, "rejected", {"fix": case.fix.id, "reason": "no"}, actor="grace")

    def edit(self, defect: Defect) -> dict[str, Any]:
        entry = Repository.at(self.root).entry("main", defect.path)
        assert entry is not None
        return {"kind": "write", "path": defect.path, "content": _plain(defect.mended), "based_on": entry.id}

    def test(self, defect: Defect) -> dict[str, str]:
        return {"path": defect.test_path, "content": _plain(defect.test)}

    def proposed(self, case: Case, path: str) -> str:
        """The file as the case's last proposal would make it."""
        tree = [event.data["tree"] for event in ledger_of(self.deps).events(case.id) if event.kind == "proposed"][-1]
        return Repository.at(self.root).text(str(tree), path)


def _plain(text: str) -> str:
    return dedent(text).lstrip("\n")


def is_mended(workshop: Workshop, case: Case, defect: Defect) -> bool:
    """Whether a certified proposal makes exactly the file that the defect's own fix makes."""
    return bool(case.fix and case.fix.certified) and workshop.proposed(case, defect.path) == _plain(defect.mended)
