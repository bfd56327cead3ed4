"""What disproves a fix before anything runs: it edits the tests, changes nothing, hides the error, or proves something else.

Pure reading of two folders and a test's text; nothing here is imported or run.
"""

from __future__ import annotations

import ast
import configparser
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mcp_servers.fixes.policy import is_test
from mcp_servers.kit import syntax
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.stack import Failure

CHECK = "KINTSUGI_CHECK"
_EVERYTHING = {"", "Exception", "BaseException"}
_MISTAKES = {"AttributeError", "TypeError", "NameError", "UnboundLocalError", "AssertionError", "NotImplementedError"}
_SETTINGS = {".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".env", ".properties"}


def first_disproof(base: Path, result: Path, test_path: str, test: str, failure: Failure) -> str:
    """A sentence when the fix is disproved by reading alone, else the empty string. Raises `Refusal` for a test path that leaves the project."""
    require_inside(test_path)
    before, after = contents(base), contents(result)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} - {test_path}
    return (
        _unreadable(test, test_path)
        or _test_edit(before, after, changed, test_path)
        or _changes_nothing(changed)
        or _other_proof(test, failure, changed)
        or next(_swallows(before, after, changed, failure), "")
    )


def require_inside(path: str) -> None:
    """Raises `Refusal` unless `path` is a plain relative path to a Python file."""
    parts = PurePosixPath(path).parts
    if not path.endswith(".py") or path.startswith("/") or "\\" in path or "\0" in path or {"..", ".git"} & set(parts):
        raise Refusal(f"{path!r} is no place for a test; give a path inside the project such as 'tests/test_reproduces.py'.")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by its relative path; a link counts as the text it points to, and git's own folder is left out."""
    found: dict[str, bytes] = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        for name in [*files, *(each for each in folders if (Path(parent) / each).is_symlink())]:
            path = Path(parent) / name
            found[path.relative_to(folder).as_posix()] = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


def declared_check(test: str) -> str:
    """The name in `KINTSUGI_CHECK = "…"` of a test that checks a bound instead of repeating an exception, else the empty string."""
    try:
        body = syntax.parse(test).body
    except (SyntaxError, ValueError):
        return ""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(check))) if name == CHECK:
                return check
            case _:
                continue
    return ""


def _unreadable(test: str, path: str) -> str:
    try:
        syntax.parse(test)
    except (SyntaxError, ValueError) as error:
        return f"The test {path} is not valid Python: {error}."
    return ""


def _test_edit(before: Mapping[str, bytes], after: Mapping[str, bytes], changed: set[str], test_path: str) -> str:
    if test_path in before:
        return f"{test_path} exists already; put the reproduction into a new file, because tests of the base stay as they are."
    for name in sorted(changed):
        if name in before and is_test(name):
            return f"The fix {'changes' if name in after else 'deletes'} {name}; a fix leaves the tests of the base as they are."
        if PurePosixPath(name).name in {"conftest.py", "pytest.ini", "tox.ini", ".pytest.ini"}:
            return f"The fix changes how tests run ({name}); leave that file out of the fix."
        if _pytest_settings(name, before.get(name)) != _pytest_settings(name, after.get(name)):
            return f"The fix changes the settings of pytest in {name}; leave them as they are."
    return ""


def _pytest_settings(name: str, content: bytes | None) -> Any:
    try:
        text = (content or b"").decode("utf-8")
        if name == "pyproject.toml":
            return tomllib.loads(text).get("tool", {}).get("pytest")
        if name == "setup.cfg":
            settings = configparser.ConfigParser(interpolation=None)
            settings.read_string(text)
            return dict(settings["tool:pytest"]) if "tool:pytest" in settings else None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error):
        return content
    return None


def _changes_nothing(changed: set[str]) -> str:
    return "" if any(not is_test(name) for name in changed) else "The fix changes no file of the program."


def _other_proof(test: str, failure: Failure, changed: set[str]) -> str:
    """A bound is a proof for settings, and for failures without an exception; an exception must be seen again."""
    check = declared_check(test)
    if not check or failure.exception.rpartition(".")[2] in {"", "AssertionError"}:
        return ""
    code = sorted(name for name in changed if not is_test(name) and not _is_setting(name))
    if not code:
        return ""
    return (
        f"The test only checks the bound {check!r}, but production failed with {failure.exception} and the fix changes {code[0]}; "
        "write a test that raises the same exception."
    )


def _is_setting(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in _SETTINGS or path.name.startswith(".env")


def _swallows(before: Mapping[str, bytes], after: Mapping[str, bytes], changed: set[str], failure: Failure) -> Iterator[str]:
    """New handlers that make the error invisible instead of impossible."""
    production = failure.exception.rpartition(".")[2]
    for name in sorted(changed):
        if name.endswith(".py") and name in after and not is_test(name):
            old = Counter(text for _, text in _hiding(before.get(name, b""), production))
            for line, text in _hiding(after[name], production):
                if old[text]:
                    old[text] -= 1
                else:
                    yield f"The fix hides the error instead of mending it: {name}:{line} catches {text} and carries on."


def _hiding(source: bytes, production: str) -> list[tuple[int, str]]:
    try:
        tree = syntax.parse(source)
    except (SyntaxError, ValueError):
        return []
    found = [(node, _hidden(node, production)) for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler | ast.Call)]
    return [(node.lineno, text) for node, text in found if text]


def _hidden(node: ast.ExceptHandler | ast.Call, production: str) -> str:
    """What a handler or a `suppress(…)` hides: everything, or production's own exception; else the empty string."""
    if isinstance(node, ast.ExceptHandler):
        caught = _names(node.type) if node.type else {""}
        silent = not any(isinstance(each, ast.Raise) for statement in node.body for each in ast.walk(statement))
        hides = silent and (caught & _EVERYTHING or (production in caught and (production in _MISTAKES or _does_nothing(node.body))))
        return (", ".join(sorted(caught)) or "every exception") if hides else ""
    if _last_name(node.func) == "suppress":
        caught = {name for argument in node.args for name in _names(argument)}
        return ", ".join(sorted(caught)) if caught & {*_EVERYTHING, production} else ""
    return ""


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(each, ast.Pass | ast.Continue | ast.Break)
        or (isinstance(each, ast.Return) and (each.value is None or (isinstance(each.value, ast.Constant) and each.value.value is None)))
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in body
    )


def _names(node: ast.expr) -> set[str]:
    return {name for each in (node.elts if isinstance(node, ast.Tuple) else [node]) if (name := _last_name(each))}


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
