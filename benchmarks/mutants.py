"""Mutations of installed pure-Python packages, each with the check of its public doors that fails on it, and what ran meanwhile. Seeded, made at run time."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_servers.fixes.places import Spectrum, Spot
from mcp_servers.fixes.places.spectra import RECORDER, parse
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

USAGES = Path(__file__).with_name("usages")
PACKAGES = tuple(sorted(path.stem for path in USAGES.glob("*.py") if path.stem != "__init__"))
WORKER = Path(__file__).with_name("mutant_worker.py")
_NOT_CODE = {"__pycache__", "tests", "testing", "zoneinfo", "vendor"}


@dataclass(frozen=True)
class Mutant:
    """One mistake: the function it is in, the trace of the check that failed, the coverage of all checks, and the text of every file."""

    package: str
    truth: Spot
    kind: str
    depth: int
    trace: StackTrace
    spectrum: Spectrum
    files: Mapping[str, str]

    @property
    def raised(self) -> bool:
        """Whether the exception came from the package itself, not from the check."""
        return any(frame.file in self.files and not frame.file.startswith("tests/") for frame in self.trace.root.frames)


@dataclass(frozen=True)
class Shape:
    """What the failing checks are like: how often the mistake sits how many calls below what the checks call, and which failing check is told:
    the first, or the one that runs the fewest functions, as a unit test does."""

    name: str
    levels: tuple[float, ...]
    smallest: bool = False

    def told(self, failed: Sequence[str], spectrum: Spectrum) -> str:
        return min(failed, key=lambda test: len(spectrum.ran(test))) if self.smallest else failed[0]


DEEP = Shape("checks of public doors", (1, 0.5, 0.25, 0.125, 0.0625))
UNIT = Shape("unit checks", (0.75, 0.15, 0.06, 0.03, 0.01), smallest=True)
"""Of real fixes with their tests, three in four touch a function of the trace or one that the check calls itself."""


def mutants(package: str, count: int, seed: int = 1, *, tries: int = 8, shape: Shape = DEEP) -> list[Mutant]:
    """So many mutations of one package (or fewer), each of which some but not most of the checks notice; a third raise inside the package."""
    draw = random.Random(f"{package} {seed}")
    wanted = {True: count // 3, False: count - count // 3}
    found: list[Mutant] = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        files = _laid_out(package, work)
        with _Worker(work, f"tests/test_{package}.py") as worker:
            clean = worker.run({})
            for site, depth in _drawn(files, parse(clean["spectrum"]), draw, count * tries, shape):
                changed = {site.file: site.change(files[site.file])}
                made = _mutant(package, site, depth, worker.run(changed), {**files, **changed}, clean, shape)
                if made and wanted[made.raised]:
                    wanted[made.raised] -= 1
                    found.append(made)
                if len(found) == count:
                    break
    return found


def _drawn(files: Mapping[str, str], clean: Spectrum, draw: random.Random, most: int, shape: Shape) -> Iterator[tuple[_Site, int]]:
    depths = _depths(clean)
    sites = [site for file, text in files.items() if not file.startswith("tests/") for site in _sites(file, text)]
    levels = {level: [site for site in sites if depths.get(site.spot) == level] for level in range(5)}
    for _ in range(most):
        level = draw.choices(range(5), [shape.levels[level] if levels[level] else 0 for level in range(5)])[0]
        if levels[level]:
            yield levels[level].pop(draw.randrange(len(levels[level]))), level


def _depths(clean: Spectrum) -> dict[Spot, int]:
    """How many calls each function is below the checks."""
    wave = {caller for caller, _ in clean.edges if caller.file.startswith("tests/")}
    depths: dict[Spot, int] = dict.fromkeys(wave, -1)
    for level in range(40):
        wave = {target for caller, target in clean.edges if caller in wave and target not in depths}
        depths.update(dict.fromkeys(wave, level))
    return depths


def _laid_out(package: str, work: Path) -> dict[str, str]:
    """The package and its checks as a project in `work`: the text of each Python file."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return {}
    home = Path(spec.origin).parent
    shutil.copytree(home, work / package, ignore=lambda _, names: [name for name in names if name in _NOT_CODE - {"testing"}])
    (work / "tests").mkdir()
    shutil.copy(USAGES / f"{package}.py", work / "tests" / f"test_{package}.py")
    return {path.relative_to(work).as_posix(): path.read_text("utf-8") for path in sorted(work.rglob("*.py"))}


class _Worker:
    """A process of its own that forks for each mutation, so that each begins with nothing imported."""

    def __init__(self, work: Path, test: str) -> None:
        self._command = [sys.executable, "-I", str(WORKER), str(RECORDER), str(work), test]

    def __enter__(self) -> _Worker:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, changed: Mapping[str, str]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(changed) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _mutant(
    package: str, site: _Site, depth: int, seen: Mapping[str, Any], files: Mapping[str, str], clean: Mapping[str, Any], shape: Shape
) -> Mutant | None:
    failed = [name for name in seen.get("traces", {}) if name not in clean["traces"]]
    if not failed or len(failed) > 0.4 * len(clean["spectrum"]["tests"]):
        return None
    spectrum = parse(seen["spectrum"])
    chosen = shape.told(failed, spectrum)
    return Mutant(package, site.spot, site.kind, depth, _trace(seen["traces"][chosen]), spectrum, files)


def _trace(told: Mapping[str, Any]) -> StackTrace:
    frames = tuple(Frame(file, line, name, in_app=not file.startswith("/")) for file, line, name in told["frames"])
    return StackTrace("python", (ExceptionInfo(told["type"], told["message"], frames),))


# --- the mistakes ---


@dataclass(frozen=True)
class _Site:
    """One place where one kind of mistake can be made."""

    file: str
    spot: Spot
    kind: str
    at: int

    def change(self, text: str) -> str:
        tree = ast.parse(text)
        node = list(ast.walk(tree))[self.at]
        old = ast.get_source_segment(text, node)
        made = _KINDS[self.kind](copy.deepcopy(node))
        assert made is not None
        assert old is not None
        new = ast.unparse(made)
        lines = text.encode().splitlines(keepends=True)
        start = sum(len(line) for line in lines[: node.lineno - 1]) + node.col_offset  # type: ignore[attr-defined]
        data = b"".join(lines)
        wrapped = f"({new})" if isinstance(node, ast.expr) and not isinstance(node, ast.Attribute | ast.Constant) else new
        return (data[:start] + wrapped.encode() + data[start + len(old.encode()) :]).decode()


def _sites(file: str, text: str) -> Iterator[_Site]:
    tree = ast.parse(text)
    inside: dict[ast.AST, str] = {}
    docs: set[ast.AST] = set()
    _name(tree, "", inside)
    for at, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs.add(node.value)
        if node in docs or not inside.get(node):
            continue
        for kind, make in _KINDS.items():
            if hasattr(node, "lineno") and make(copy.copy(node)) is not None:
                yield _Site(file, Spot(file, inside[node]), kind, at)


def _name(node: ast.AST, prefix: str, inside: dict[ast.AST, str]) -> None:
    """Which function each node of a body belongs to; signatures, decorators and annotations belong to none."""
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            dotted = f"{inside.get(node) or _class_name(node, inside)}.{child.name}".lstrip(".")
            for part in child.body:
                inside[part] = dotted
                _name(part, dotted, inside)
            continue
        if isinstance(child, ast.ClassDef):
            _CLASSES[child] = f"{inside.get(node) or _class_name(node, inside)}.{child.name}".lstrip(".")
            _name(child, "", inside)
            continue
        if isinstance(child, ast.JoinedStr):
            continue
        if name:
            inside[child] = name
        elif node in _CLASSES:
            _CLASSES.setdefault(child, _CLASSES[node])
        _name(child, name, inside)


_CLASSES: dict[ast.AST, str] = {}


def _class_name(node: ast.AST, _inside: Mapping[ast.AST, str]) -> str:
    return _CLASSES.get(node, "")


_SWAPPED: Sequence[tuple[type, type]] = (
    (ast.Lt, ast.LtE), (ast.LtE, ast.Lt), (ast.Gt, ast.GtE), (ast.GtE, ast.Gt), (ast.Eq, ast.NotEq), (ast.NotEq, ast.Eq),
    (ast.In, ast.NotIn), (ast.NotIn, ast.In), (ast.Is, ast.IsNot), (ast.IsNot, ast.Is),
)  # fmt: skip


def _compare(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Compare):
        return None
    node.ops = [dict(_SWAPPED)[type(node.ops[0])](), *node.ops[1:]]
    return node


def _arithmetic(node: ast.AST) -> ast.AST | None:
    swap = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Mod: ast.FloorDiv, ast.BitOr: ast.BitAnd}
    if not isinstance(node, ast.BinOp) or type(node.op) not in swap:
        return None
    node.op = swap[type(node.op)]()
    return node


def _logic(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.BoolOp):
        return None
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return node


def _number(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return None
    return ast.Constant(node.value + 1)


def _text(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not node.value or len(node.value) > 20:
        return None
    return ast.Constant(node.value + "x" if len(node.value) > 3 else "")


def _returned(node: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Return) or node.value is None or isinstance(node.value, ast.Constant):
        return None
    return ast.Return(ast.Constant(None))


def _negation(node: ast.AST) -> ast.AST | None:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None


def _condition(node: ast.AST) -> ast.AST | None:
    return ast.UnaryOp(ast.Not(), node.test) if isinstance(node, ast.IfExp) else None


def _argument(node: ast.AST) -> ast.AST | None:
    """The last argument is forgotten."""
    if not isinstance(node, ast.Call) or not (node.args or node.keywords):
        return None
    node.keywords, node.args = (node.keywords[:-1], node.args) if node.keywords else ([], node.args[:-1])
    return node


def _attribute(node: ast.AST) -> ast.AST | None:
    """A name is misspelt."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return None
    node.attr += "_"
    return node


def _statement(node: ast.AST) -> ast.AST | None:
    """A step is left out."""
    return ast.Pass() if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)) else None


def _missing(node: ast.AST) -> ast.AST | None:
    """A value is None that never was."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or isinstance(node.value, ast.Constant):
        return None
    return ast.Assign(node.targets, ast.Constant(None), lineno=node.lineno)


_KINDS: Mapping[str, Callable[[Any], ast.AST | None]] = {
    "comparison": _compare, "arithmetic": _arithmetic, "logic": _logic, "number": _number, "text": _text, "return": _returned,
    "negation": _negation, "condition": _condition, "argument": _argument, "attribute": _attribute, "statement": _statement, "none": _missing,
}  # fmt: skip
