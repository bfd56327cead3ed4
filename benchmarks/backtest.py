"""What a backtest is worth: pasts with planted mistakes and other changes in everyday words; who broke what and who mended it is known.

The words of the messages were written down before the miner saw them, but for two: `[FIX] …` and `Workaround for a crash …` were missed, and the miner
learned to hear them. None is one of its tests.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, Say, met
from benchmarks.histories import history
from kintsugi.backtest import asking, labels, mining
from kintsugi.backtest.model import Incident
from kintsugi.backtest.scene import Scene
from mcp_servers.cases.track import wilson
from mcp_servers.kit.git import Blob, Repository

HISTORIES = 60
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_MENDING = (
    "fix: wrong combination in {name}",
    "fix({name})!: say what was combined",
    "Fixed #{number}: {name} gave too much",
    "[FIX] {name} for empty settings",
    "{name}: fix a regression of the last release",
    "SHOP-{number}: fix exception in {name}",
    "BUGFIX: {name}",
    "Do not fail in {name} when nothing is there",
    "Avoid an IndexError in {name}",
    "Stop {name} from leaking handles",
    "\U0001f691 {name}",
    "Correctly combine in {name}",
    "{name} counts again\n\nResolves: #{number}\nFixes #{number}\n",
    "Repair {name} after the move",
    "Workaround for a crash in {name}",
    "Hot fix for {name}",
    "{name} is right again (fixes #{number})",
    "Resolve deadlock of {name} and its lock",
)
_OTHER = (
    "feat: a second way to {name}",
    "Add {name} to the public names",
    "refactor({name}): fix the order of arguments",
    "chore: fix up names",
    "Improve {name}",
    "perf: {name} is faster",
    "Prefix what {name} gives",
    "WIP {name}",
    "Update {name} (#{number})",
    "Address review comments",
    "Handle more kinds in {name}",
    "Simplify {name}\n\nCloses #{number}\n",
    "Bump limits of {name}",
    "Make {name} fixed-point",
    "style: fix formatting",
    "Support null handling as an option of {name}",
)
_PROSE = ("Fix typo", "Fix a broken link in the readme", "docs: fix wording", "fix readme")


@dataclass
class Tally:
    """Hits of tries, by what was tried."""

    hits: dict[str, int] = field(default_factory=dict[str, int])
    tries: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, name: str, hit: bool) -> None:
        self.hits[name] = self.hits.get(name, 0) + hit
        self.tries[name] = self.tries.get(name, 0) + 1

    def share(self, name: str) -> float:
        return self.hits.get(name, 0) / max(self.tries.get(name, 0), 1)

    def told(self, name: str) -> str:
        hits, tries = self.hits.get(name, 0), self.tries.get(name, 0)
        return f"{hits} of {tries}, {wilson(hits, tries):.1%} to {1 - wilson(tries - hits, tries):.1%}"


def run(say: Say) -> list[Figure]:
    tally = Tally()
    for seed in range(HISTORIES):
        say(f"past {seed + 1} of {HISTORIES}")
        with TemporaryDirectory(prefix="kintsugi-past-") as folder:
            _measured(Path(folder) / "past", seed, tally)
    return [
        Figure("mined commits that mended something", tally.told("precision"), reach=">= 90 %", beyond=">= 97 %", met=met(tally.share("precision"), 0.9, 0.97)),
        Figure("fixes and reverts that were mined", tally.told("recall"), reach=">= 85 %", beyond=">= 95 %", met=met(tally.share("recall"), 0.85, 0.95)),
        Figure("labels that name the commit that broke it", tally.told("label"), peer=f"git blame: {tally.told('plain blame')}", reach=">= 80 %", beyond=">= 95 %", met=met(tally.share("label"), 0.8, 0.95)),
        Figure("first suspect broke it, asked with the function alone", tally.told("first")),
        Figure("one of three suspects broke it, likewise", tally.told("three"), reach=">= 80 %", beyond=">= 95 %", met=met(tally.share("three"), 0.8, 0.95)),
    ]  # fmt: skip


def _measured(folder: Path, seed: int, tally: Tally) -> None:
    draw = random.Random(f"backtest {seed}")
    past = history(folder, seed)
    grown = _Growing(past.repository, draw)
    frame = past.trace.root.frames[0]
    path = frame.file.removeprefix("/srv/app/")
    fixed = grown.mended(path, frame.line, past.kind)
    commits = mining.history(past.repository, "main", _BEGIN)
    wanted = {fixed, *grown.reverts, *(one.id for one in commits if one.subject.startswith("Revert"))}
    found = mining.mine(past.repository, mining.claims(commits))
    for one in found:
        tally.add("precision", one.commit.id in wanted)
    for id in wanted:
        tally.add("recall", id in {one.commit.id for one in found})
    incident = next((one for one in found if one.commit.id == fixed), None)
    if incident:
        _judged(past.repository, incident, past.culprit, tally)


def _judged(repository: Repository, incident: Incident, culprit: str, tally: Tally) -> None:
    scene = Scene(repository, incident)
    label = labels.culprits(scene)
    if label:
        tally.add("label", next(iter(label)) == culprit)
        path, lines = next(iter(scene.removed.items()))
        tally.add("plain blame", culprit in repository.blame(scene.base, path, lines[0]).values())
    suspects = asking.blamed(scene, {culprit: 1}, None)
    tally.add("first", suspects.rank == 1)
    tally.add("three", bool(suspects.hit))


class _Growing:
    """Puts commits on top of a generated past."""

    def __init__(self, repository: Repository, draw: random.Random) -> None:
        self._repository, self._draw = repository, draw
        self._at = datetime.fromisoformat(repository.log("main", limit=1)[0].at)
        self.reverts: list[str] = []

    def mended(self, path: str, line: int, kind: str) -> str:
        """Mends the mistake among other changes, some of which are taken back without a word; the commit that mended it."""
        self._other()
        files = self._settings(path, line) if kind == "setting" else self._lines(path, line, kind)
        fixed = self._commit(self._draw.choice(_MENDING), files)
        self._other()
        self._commit(self._draw.choice(_PROSE), {"README.md": f"{self._draw.random()}\n"})
        before = self._repository.text("main", path)
        self._commit(self._draw.choice(_OTHER), {path: before + "\n\ndef fresh(items):\n    return items\n"})
        self.reverts.append(self._commit("As it was", {path: before}))
        return fixed

    def _other(self) -> None:
        for path in self._draw.sample([path for path in self._repository.files("main") if path.endswith(".py")], 2):
            text = self._repository.text("main", path)
            name = f"part_{self._draw.randrange(10**6)}"
            self._commit(self._draw.choice(_OTHER), {path: f"{text}\n\ndef {name}(items):\n    return len(items)\n"})

    def _lines(self, path: str, line: int, kind: str) -> dict[str, str]:
        lines = self._repository.text("main", path).split("\n")
        now = f"    result = mended(items, {self._draw.randrange(10**6)})"
        lines[line - 1 : line if kind != "dropped" else line - 1] = [now]
        return {path: "\n".join(lines)}

    def _settings(self, path: str, line: int) -> dict[str, str]:
        key = self._repository.text("main", path).split("\n")[line - 1].split("'")[1]
        lines = self._repository.text("main", "settings.toml").split("\n")
        return {"settings.toml": "\n".join(f"{key} = 7" if one.startswith(f"{key} =") else one for one in lines)}

    def _commit(self, message: str, files: Mapping[str, str]) -> str:
        head = self._repository.head("main")
        self._at += timedelta(hours=1)
        tree = self._repository.write_tree_from(head, {path: Blob(text.encode()) for path, text in files.items()})
        said = message.format(name=f"step{self._draw.randrange(99)}", number=self._draw.randrange(1, 999))
        made = self._repository.commit_tree(tree, [head], said, self._at)
        self._repository.update_ref("refs/heads/main", made, head)
        return made
