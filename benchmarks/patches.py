"""Damaged but honest patches: applied to exactly the intended bytes, wrongly changed, rightly refused; beside git apply and patch."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.changes import CHANGES
from benchmarks.damages import Case, cases
from benchmarks.figures import Figure, Say, met
from benchmarks.mutations import sweep
from mcp_servers.fixes.edits.diffs import parse
from mcp_servers.fixes.edits.intake import freed
from mcp_servers.fixes.edits.making import result_tree
from mcp_servers.fixes.edits.placing import patched
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Blob, Repository

_SEEDS = (1, 2)
_SWEPT = 3_000
_GIT = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
_PEERS = {
    "git apply": ["git", "apply", "-"],
    "git apply --3way": ["git", "apply", "--3way", "-"],
    "patch -F3": ["patch", "-p1", "-F3", "--force", "--no-backup-if-mismatch", "--reject-file=-"],
}

Apply = Callable[[Case], dict[str, bytes] | None]
"""What became of the files, or None where the applier refused."""


def all_cases() -> list[Case]:
    """Every kind of damage on every change, drawn three times where it is drawn."""
    drawn = [case for seed in _SEEDS for change in CHANGES for case in cases(change, random.Random(f"{seed}{change.name}"))]
    return list(dict.fromkeys(drawn))


def judged(case: Case, files: dict[str, bytes] | None) -> str:
    """exact, refused, or wrong: any other result, and any result where nothing was to be changed."""
    if files is None:
        return "refused"
    return "exact" if case.after is not None and files == {case.path: case.after.encode("utf-8")} else "wrong"


class Bench:
    """One repository per file state, made once and shared by all cases that begin from it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str], Path] = {}
        self._repository = Repository.at(repository_of(folder / "ours", _OTHERS))
        self._empty = self._repository.tree(self._repository.head())

    def ours(self, case: Case) -> dict[str, bytes] | None:
        """Onto a tree of the case's own, in one repository: no worktree is needed."""
        repository = self._repository
        base = repository.write_tree_from(self._empty, {case.path: Blob(case.before.encode("utf-8"))})
        try:
            tree = result_tree(repository, base, [{"kind": "diff", "diff": case.text}])
        except Refusal:
            return None
        return {change.path: b"" if change.deleted else repository.read(tree, change.path) for change in repository.changes(base, tree)}

    def peer(self, words: Sequence[str]) -> Apply:
        def apply(case: Case) -> dict[str, bytes] | None:
            root = self.worktree(case)
            if "--3way" in words:  # it compares the index first, which knows the file from before the others wrote it
                subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=root, env=_GIT, check=True)
            done = subprocess.run(words, cwd=root, input=case.text.encode("utf-8"), env=_GIT, capture_output=True, check=False)
            held = (root / case.path).read_bytes() if (root / case.path).exists() else b""
            changed = held != case.before.encode("utf-8")
            (root / case.path).write_bytes(case.before.encode("utf-8"))
            if "--3way" in words:
                subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=root, env=_GIT, check=True)
            return {case.path: held} if changed or done.returncode == 0 else None

        return apply

    def worktree(self, case: Case) -> Path:
        key = case.path, case.before
        if key not in self._made:
            self._made[key] = repository_of(self._folder / str(len(self._made)), {case.path: case.before, **_OTHERS})
        return self._made[key]


_OTHERS = {"docs/notes.md": "# notes\n\nnothing here\n", "tests/test_it.py": "def test_it():\n    assert True\n"}


def repository_of(root: Path, files: dict[str, str]) -> Path:
    """A repository with one commit of these files."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode("utf-8"))
    people = {f"GIT_{role}_{key}": "bench@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run(["git", *words], cwd=root, env=_GIT | people, check=True, capture_output=True)
    return root


def run(say: Say) -> list[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="kintsugi-patches-"))
    try:
        return _figures(Bench(folder), say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _figures(bench: Bench, say: Say) -> list[Figure]:
    drawn = all_cases()
    appliers: dict[str, Apply] = {
        "ours": bench.ours,
        **{name: bench.peer(words) for name, words in _PEERS.items() if shutil.which(words[0])},
    }
    mutated = Counter(judged(case, _onto(case)) for case in sweep(_SWEPT))
    tables: dict[str, Counter[str]] = {}
    for name, apply in appliers.items():
        say(f"{name} on {len(drawn)} damaged patches")
        tables[name] = Counter(f"{_group(case)} {judged(case, apply(case))}" for case in drawn)
    ours = tables.pop("ours")
    peers = {name: f"{_share(table):.2f} right, {_wrong(table)} wrong" for name, table in tables.items()}
    kinds = len({case.kind for case in drawn})
    told = "; ".join(f"{name}: {words}" for name, words in peers.items())
    share, wrong = _share(ours), _wrong(ours)
    return [
        Figure(f"damaged patches applied exactly ({kinds} kinds, {_total(ours, 'unique')})", f"{share:.3f}", told, "", "", ">= 0.95", ">= 0.99", met(share, 0.95, 0.99)),
        Figure(f"wrongly changed (of {len(drawn)})", str(wrong), "", "", "", "0", "0", met(wrong, 0, 0)),
        Figure("without one place, rightly refused", f"{ours['none refused']} of {_total(ours, 'none')}", "", "", "", "all", "", "beyond" if not ours["none wrong"] else ""),
        Figure(f"wrong trees after random damage ({_SWEPT} patches)", str(mutated["wrong"]), f"{mutated['exact']} exact, {mutated['refused']} refused", "", "", "0", "0", met(mutated["wrong"], 0, 0)),
    ]  # fmt: skip


def _onto(case: Case) -> dict[str, bytes] | None:
    """A mutated patch on its one file, without a repository."""
    try:
        body, closed = freed(case.text)
        text = case.before
        for patch in parse(body, case.path, closed=closed):
            text = patched(case.path, text, patch.hunks)
    except Refusal:
        return None
    return {case.path: text.encode("utf-8")}


def _group(case: Case) -> str:
    return "none" if case.after is None else "unique" if case.sure else "open"


def _total(table: Counter[str], group: str) -> int:
    return sum(count for key, count in table.items() if key.startswith(group))


def _share(table: Counter[str]) -> float:
    return table["unique exact"] / max(1, _total(table, "unique"))


def _wrong(table: Counter[str]) -> int:
    return sum(count for key, count in table.items() if key.endswith("wrong"))
