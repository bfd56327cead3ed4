"""Generated histories with a known culprit: a small project that grows, is reformatted, commented, renamed, moved, reverted and configured, and breaks once."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcp_servers.kit.git import Repository
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

NOUNS = ("order", "invoice", "customer", "basket", "parcel", "ledger", "ticket", "quote", "voucher", "stock")
VERBS = ("total", "load", "check", "merge", "label", "route", "count", "price", "close", "split")
BATCH = 30


@dataclass
class Function:
    """One function: its name, its statements, and how it is laid out just now."""

    name: str
    lines: list[str]
    wrapped: bool = False
    notes: dict[int, str] = field(default_factory=dict[int, str])

    def text(self) -> list[str]:
        shown = [f"def {self.name}(items, settings):"]
        for at, line in enumerate(self.lines):
            if note := self.notes.get(at):
                shown.append(f"    # {note}")
            shown += [f"    {part}" for part in (_wrapped(line) if self.wrapped else [line])]
        return shown


@dataclass
class Project:
    """The state of all files at one moment."""

    modules: dict[str, list[Function]]
    settings: dict[str, int]

    def files(self) -> dict[str, str]:
        made = {path: "\n\n\n".join("\n".join(f.text()) for f in functions) + "\n" for path, functions in self.modules.items()}
        return made | {"settings.toml": "[shop]\n" + "".join(f"{key} = {value}\n" for key, value in self.settings.items())}

    def where(self, name: str) -> tuple[str, Function]:
        return next((path, f) for path, functions in self.modules.items() for f in functions if f.name == name)


@dataclass(frozen=True)
class History:
    """One generated repository: the place that fails, the commit that broke it, and the last commits, newest first, with the files of each."""

    repository: Repository
    kind: str
    trace: StackTrace
    culprit: str
    batch: tuple[str, ...]
    touched: Mapping[str, frozenset[str]]


def history(folder: Path, seed: int, length: int = 60) -> History:
    """The history of a seed: `length` commits, the culprit among the last thirty (released as r2, what was before as r1)."""
    draw = random.Random(seed)
    project = _begun(draw)
    kind = draw.choices(list(_BREAKS), [5, 2, 1, 1])[0]
    broken = length - 1 - draw.randrange(BATCH)
    target = draw.choice([f.name for functions in project.modules.values() for f in functions])
    states, subjects = [project.files()], ["begin"]
    mark, undo = "", []
    for number in range(1, length):
        if number == broken:
            mark = _BREAKS[kind](project, target, draw)
            subjects.append(f"work on {target}")
        else:
            subjects.append(_step(project, target, mark, number > broken, draw, undo))
        states.append(project.files())
    commits = _imported(folder, states, subjects, length - BATCH - 1)
    path, _ = project.where(target)
    lines = project.files()[path].split("\n")
    start = lines.index(f"def {target}(items, settings):")
    at = next((n for n in range(start, len(lines)) if mark and mark in lines[n]), start + 1) + 1
    trace = StackTrace("python", (ExceptionInfo("ValueError", "wrong", (Frame(f"/srv/app/{path}", at, target),)),))
    touched = {id: frozenset(_differ(states[n - 1], states[n])) for n, id in enumerate(commits) if n}
    return History(Repository.at(folder), kind, trace, commits[broken], tuple(reversed(commits[-BATCH:])), touched)


def _begun(draw: random.Random) -> Project:
    paths = [f"shop/{noun}s.py" for noun in draw.sample(NOUNS, 6)]
    settings = {f"{verb}_limit": draw.randrange(5, 50) for verb in draw.sample(VERBS, 6)}
    project = Project({path: [] for path in paths}, settings)
    for path in paths:
        for verb in draw.sample(VERBS, 4):
            project.modules[path].append(_function(f"{verb}_{path[5:-4]}", project, draw))
    return project


def _function(name: str, project: Project, draw: random.Random) -> Function:
    lines = ["result = []", f"limit = settings['{draw.choice(list(project.settings))}']"]
    for _ in range(draw.randint(3, 9)):
        number, word = draw.randrange(2, 90), draw.choice(NOUNS)
        lines.append(draw.choice([
            f"result += [item for item in items if item.{word} > {number}]",
            f"result = combine(result, items, '{word}', {number}, limit)",
            f"items = sorted(items, key=lambda item: item.{word} * {number})",
            f"check(items, {number}, '{word}_{number}')",
        ]))  # fmt: skip
    return Function(name, [*lines, "return result"])


# --- how it breaks: each returns a part of the line that fails ---


def _wrong_line(project: Project, target: str, draw: random.Random) -> str:
    _, function = project.where(target)
    at = draw.randrange(2, len(function.lines) - 1)
    mark = f"{draw.choice(NOUNS)}_{draw.randrange(1000, 9999)}"
    function.lines[at] = f"result = combine(result, items, '{mark}', {draw.randrange(9)}, limit)"
    return mark


def _dropped_line(project: Project, target: str, draw: random.Random) -> str:
    """A guard is gone; what fails is the line after it, which nobody touched."""
    _, function = project.where(target)
    at = draw.randrange(2, len(function.lines) - 2)
    del function.lines[at]
    return function.lines[at]


def _new_code(project: Project, target: str, draw: random.Random) -> str:
    _, function = project.where(target)
    mark = f"fresh_{draw.randrange(1000, 9999)}"
    function.lines[-1:-1] = [f"extra = find(items, '{mark}')", "result += extra"]
    return mark


def _setting(project: Project, target: str, draw: random.Random) -> str:
    """The value of a setting that the function reads."""
    _, function = project.where(target)
    key = function.lines[1].split("'")[1]
    project.settings[key] += draw.randrange(100, 900)
    return function.lines[1]


_BREAKS: Mapping[str, Callable[[Project, str, random.Random], str]] = {
    "line": _wrong_line, "dropped": _dropped_line, "new": _new_code, "setting": _setting,
}  # fmt: skip


# --- what else happens ---


def _step(project: Project, target: str, mark: str, after: bool, draw: random.Random, undo: list[tuple[str, list[str], list[str]]]) -> str:
    kinds = ["edit", "edit", "edit", "add", "comment", "reformat", "rename", "move", "config", "revert"]
    kind = draw.choice(kinds)
    path = draw.choice(list(project.modules))
    if draw.random() < 0.25:
        path = project.where(target)[0]
    functions = project.modules[path]
    chosen = draw.choice(functions) if functions else None
    if kind == "config":
        key = draw.choice(list(project.settings))
        if not after or key not in "".join(project.where(target)[1].lines):
            project.settings[key] += 1
            return f"tune {key}"
    if kind == "rename" and draw.random() < 0.5:
        new = path.replace(".py", f"_{draw.randrange(99)}.py")
        project.modules[new] = project.modules.pop(path)
        return f"rename {path}"
    if kind == "add" or chosen is None:
        functions.append(_function(f"{draw.choice(VERBS)}_{draw.randrange(10**6)}", project, draw))
        return "add a function"
    return _changed(project, kind, path, chosen, mark, draw, undo)


def _changed(
    project: Project, kind: str, path: str, chosen: Function, mark: str, draw: random.Random, undo: list[tuple[str, list[str], list[str]]]
) -> str:
    at = draw.randrange(len(chosen.lines))
    if kind == "comment":
        chosen.notes[at] = f"see note {draw.randrange(999)}"
        return f"explain {chosen.name}"
    if kind == "reformat":
        for function in project.modules[path]:
            function.wrapped = not function.wrapped
        return f"format {path}"
    if kind == "move" and len(project.modules[path]) > 1:
        other = draw.choice(list(project.modules))
        project.modules[path].remove(chosen)
        project.modules[other].append(chosen)
        return f"move {chosen.name}"
    if kind == "revert" and undo:
        name, before, now = undo.pop()
        function = next((f for functions in project.modules.values() for f in functions if f.name == name), None)
        if function and function.lines == now:
            function.lines = list(before)
            return f'Revert "work on {name}"'
    keep = mark and mark in chosen.lines[at]
    if not keep and 1 < at < len(chosen.lines) - 1:
        before = list(chosen.lines)
        chosen.lines[at] = f"check(items, {draw.randrange(2, 90)}, '{draw.choice(NOUNS)}_{draw.randrange(99)}')"
        undo.append((chosen.name, before, list(chosen.lines)))
        return f"work on {chosen.name}"
    chosen.notes[at] = f"remember {draw.randrange(999)}"
    return f"note in {chosen.name}"


def _wrapped(line: str) -> list[str]:
    """The same statement over several lines."""
    head, bracket, rest = line.partition("(")
    if not bracket or not rest.endswith(")") or "lambda" in line:
        return [line]
    return [f"{head}(", f"    {rest[:-1]}", ")"]


def _differ(one: Mapping[str, str], two: Mapping[str, str]) -> set[str]:
    return {path for path in one.keys() | two.keys() if one.get(path) != two.get(path)}


def _imported(folder: Path, states: list[dict[str, str]], subjects: list[str], released: int) -> list[str]:
    """Writes the history in one process; the ids of its commits, oldest first. Tags r1 and r2 stand on `released` and on the last."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    parts: list[bytes] = []
    before: dict[str, str] = {}
    for number, (state, subject) in enumerate(zip(states, subjects, strict=True)):
        stamp = f"Ada <ada@example.com> {1_700_000_000 + number * 3600} +0000"
        parts.append(f"commit refs/heads/main\nmark :{number + 1}\ncommitter {stamp}\ndata {len(subject.encode())}\n{subject}\n".encode())
        parts += [f"D {path}\n".encode() for path in before.keys() - state.keys()]
        for path in sorted(_differ(before, state) & state.keys()):
            content = state[path].encode()
            parts.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
        before = state
    parts.append(f"reset refs/tags/r1\nfrom :{released + 1}\n\nreset refs/tags/r2\nfrom :{len(states)}\n\n".encode())
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=b"".join(parts), check=True)
    listing = subprocess.run(["git", "rev-list", "--reverse", "main"], cwd=folder, capture_output=True, text=True, check=True)
    return listing.stdout.split()
