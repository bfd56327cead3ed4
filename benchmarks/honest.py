"""Honest fixes to certify: functions of installed packages broken by one mutation, reproduced from what the function does, mended by the original."""

from __future__ import annotations

import ast
import copy
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mcp_servers.kit.stack import Failure

TEST_PATH = "tests/test_reproduces_ab12cd.py"
TRIES = 40

CALLS: Mapping[str, tuple[str, ...]] = {
    "packaging": (
        "import packaging.version as v; str(v.Version('1.0.post2'))",
        "import packaging.version as v; v.Version('1.0rc1') < v.Version('1.0')",
        "import packaging.specifiers as s; '1.4.2' in s.SpecifierSet('>=1.2,<2')",
        "import packaging.utils as u; u.canonicalize_name('Foo._-bar')",
        "import packaging.requirements as r; sorted(r.Requirement('x[a,b]>=1').extras)",
        "import packaging.markers as m; m.Marker('python_version > \"3\"').evaluate()",
    ),
    "click": (
        "import click.formatting as f; f.wrap_text('one two three four', 10)",
        "import click.parser as p; p.split_arg_string(\"a 'b c' d\")",
        "import click.types as t; t.IntRange(0, 5).convert('3', None, None)",
        "import click.utils as u; u.make_default_short_help('Does a thing. And more of it.')",
        "import click; [p.name for p in click.Command('x', params=[click.Option(['--dry-run'])]).params]",
        "import click.formatting as f; list(f.iter_rows([('a', 'b'), ('c',)], 2))",
    ),
    "tomlkit": (
        "import tomlkit; tomlkit.parse('[a]\\nb = 1\\n')['a']['b']",
        "import tomlkit; tomlkit.dumps({'a': {'b': [1, 2]}})",
        "import tomlkit; str(tomlkit.parse('d = 2020-01-02\\n')['d'])",
        "import tomlkit; tomlkit.item('a\"b').as_string()",
    ),
    "platformdirs": (
        "import platformdirs.unix as u; u.Unix('shop', 'me', '1.2').user_data_dir.endswith('shop/1.2')",
        "import platformdirs.windows as w; w.Windows('shop', 'me').appname",
        "import platformdirs.macos as m; m.MacOS('shop').user_cache_dir.endswith('Caches/shop')",
    ),
    "yaml": (
        "import yaml; yaml.safe_load('a: [1, 2]\\nb: {c: x}')",
        "import yaml; yaml.safe_dump({'a': [1, {'b': None}]})",
        "import yaml; yaml.safe_load('t: 2001-12-14 21:59:43')['t'].year",
        "import yaml; [type(e).__name__ for e in yaml.parse('a: b')][:3]",
    ),
    "idna": ("import idna; idna.encode('königsgäßchen')", "import idna; idna.decode('xn--bcher-kva.example')"),
    "iniconfig": ("import iniconfig; iniconfig.IniConfig('x', '[a]\\nb = 1\\n')['a']['b']",),
    "pluggy": ("import pluggy; pluggy.HookspecMarker('x').project_name", "import pluggy; pluggy.PluginManager('x').register(object()) is not None"),
    "markdown_it": ("import markdown_it; markdown_it.MarkdownIt().render('# a\\n\\n*b* `c`')",),
}  # fmt: skip


@dataclass(frozen=True)
class Honest:
    """A broken project, the original that mends it, and the test that shows the difference."""

    name: str
    base: Mapping[str, str]
    fix: Mapping[str, str]
    test: str
    failure: Failure
    test_path: str = TEST_PATH


def mutants(folder: Path, seed: int) -> Iterator[Honest]:
    """One mutation for each call that shows in it, if there is one within forty tries. `folder` is worked in."""
    chance = random.Random(seed)
    for package, calls in CALLS.items():
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        sources = {
            f"{package}/{p.relative_to(home).as_posix()}": p.read_text("utf-8")
            for home in [Path(spec.submodule_search_locations[0])]
            for p in home.rglob("*.py")
        }
        write(folder / package, sources)
        for number, call in enumerate(calls):
            if found := _mutant(folder / package, sources, call, chance, f"{package} {number}"):
                yield found


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


def _mutant(folder: Path, sources: Mapping[str, str], call: str, chance: random.Random, name: str) -> Honest | None:
    before, *_ = _seen(folder, call)
    reached = [each for each in _seen(folder, call, trace=True)[2] if each[0] in sources]
    for _ in range(TRIES if before is not None else 0):
        file, function = chance.choice(reached)
        broken = _broken(sources[file], function, chance)
        if not broken or broken == sources[file]:
            continue
        (folder / file).write_text(broken, "utf-8")
        after, failure, _reached = _seen(folder, call)
        (folder / file).write_text(sources[file], "utf-8")
        if after == before or (failure is None and after is None) or (failure and not failure.function.isidentifier()):
            continue
        check = "" if failure else "KINTSUGI_CHECK = 'test_it'\n\n\n"
        statement, _, expression = call.rpartition("; ")
        test = f"{statement}\n\n{check}def test_it():\n    assert repr({expression}) == {before!r}\n"
        return Honest(name, {**sources, file: broken}, {file: sources[file]}, test, failure or Failure(""))
    return None


_PROBE = """
import json, sys, os, traceback
sys.path.insert(0, os.getcwd()); reached = {}
def hear(frame, event, arg):
    if event == "call" and frame.f_code.co_filename.startswith(os.getcwd()):
        reached[(os.path.relpath(frame.f_code.co_filename), frame.f_code.co_name)] = 1
statement, _, expression = sys.argv[1].rpartition("; ")
try:
    exec(statement)
    if sys.argv[2]: sys.setprofile(hear)
    told = {"value": repr(eval(expression))}
except Exception as error:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(os.getcwd())]
    last = frames[-1] if frames else None
    told = {"error": type(error).__name__, "file": os.path.relpath(last.filename) if last else "", "function": last.name if last else "", "text": str(error)}
sys.setprofile(None)
print(json.dumps({**told, "reached": list(reached)}))
"""


def _seen(folder: Path, call: str, trace: bool = False) -> tuple[str | None, Failure | None, list[tuple[str, str]]]:
    try:
        run = subprocess.run(
            [sys.executable, "-B", "-c", _PROBE, call, "1" if trace else ""], cwd=folder, capture_output=True, text=True, timeout=5
        )
        told = json.loads(run.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        return None, None, []
    failure = Failure(told["error"], told["file"], told["function"], told["text"]) if "error" in told else None
    return told.get("value"), failure, [(file, function) for file, function in told["reached"]]


def _broken(source: str, function: str, chance: random.Random) -> str:
    """The source with one operator, condition or constant of the function changed."""
    tree = ast.parse(source)
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
    places = [
        node
        for body in bodies
        for node in ast.walk(body)
        if isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp | ast.UnaryOp | ast.Constant | ast.Return | ast.If)
    ]
    if not places:
        return ""
    node = chance.choice(places)
    before = copy.deepcopy(node)
    if isinstance(node, ast.Compare):
        swaps = {
            ast.Is: ast.IsNot,
            ast.IsNot: ast.Is,
            ast.Eq: ast.NotEq,
            ast.NotEq: ast.Eq,
            ast.Lt: ast.GtE,
            ast.Gt: ast.LtE,
            ast.In: ast.NotIn,
            ast.NotIn: ast.In,
        }
        node.ops[0] = swaps.get(type(node.ops[0]), ast.Eq)()
    elif isinstance(node, ast.BinOp):
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.If):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | str):
        node.value = None if isinstance(node.value, str) else node.value + 1
    if ast.dump(before) == ast.dump(node):
        return ""
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except ValueError:  # a part of a text with holes cannot be nothing
        return ""
