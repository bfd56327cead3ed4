"""What disproves a fix before anything runs: it edits the tests, changes nothing, hides the error, meddles with its judge, or proves something else.

Pure reading of two folders and a test's text; nothing here is imported or run.
"""

from __future__ import annotations

import ast
from pathlib import Path

from mcp_servers.fixes.disproofs.edits import added_tests, changes_nothing, edits_tests, proves_another
from mcp_servers.fixes.disproofs.hardcoded import answers_the_test, steers, variants
from mcp_servers.fixes.disproofs.hiding import hides, is_gutted
from mcp_servers.fixes.disproofs.machinery import asked_variables, reaches, uncertain
from mcp_servers.fixes.disproofs.reading import CHECK, Reading, contents, declared_check, language, parsed, require_inside
from mcp_servers.kit import syntax
from mcp_servers.kit.stack import Failure, bare_function

__all__ = [
    "CHECK", "Reading", "added_tests", "asked_variables", "contents", "declared_check", "first_disproof", "language", "only_takes_away", "read",
    "require_inside", "steers", "still_there", "uncertain", "variants",
]  # fmt: skip


def read(base: Path, result: Path, test_path: str, test: str, failure: Failure) -> Reading:
    """The fix as it can be read. Raises `Refusal` for a test path that leaves the project."""
    require_inside(test_path)
    return Reading(contents(base), contents(result), test_path, test, failure)


def first_disproof(reading: Reading) -> str:
    """A sentence when the fix is disproved by reading alone, else the empty string."""
    return (
        _unreadable(reading)
        or edits_tests(reading)
        or changes_nothing(reading)
        or proves_another(reading)
        or hides(reading)
        or reaches(reading)
        or answers_the_test(reading)
        or _guts(reading)
    )


def only_takes_away(reading: Reading) -> bool:
    """Whether the fix only removes code: nothing new stands in any file of the program."""
    changed = [module for module in reading.modules if module.removed or module.added]
    return (
        bool(changed) and not any(_statements(module.added) for module in changed) and all(name.endswith(".py") for name in reading.program)
    )


def still_there(reading: Reading, file: str, function: str) -> bool:
    """Whether a function of a file of the base is still defined in the result."""
    tree = parsed(reading.after.get(file, b""))
    defined = (node.name for node in ast.walk(tree or ast.Module([], [])) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return bare_function(function) in defined


def _statements(nodes: tuple[ast.AST, ...]) -> bool:
    """Whether something is said here that was not said before; what merely holds the rest together does not count."""
    holders = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Pass)
    return any(isinstance(node, ast.stmt) and not isinstance(node, holders) for node in nodes)


def _unreadable(reading: Reading) -> str:
    if language(reading.test_path) != "python":
        return ""
    try:
        syntax.parse(reading.test)
    except (SyntaxError, ValueError) as error:
        return f"The test {reading.test_path} is not valid Python: {error}."
    return ""


def _guts(reading: Reading) -> str:
    function = bare_function(reading.failure.function)
    gutted = next((module.path for module in reading.modules if function and is_gutted(module, function)), "")
    return (
        f"The fix takes out what {function} did instead of mending it: in {gutted} it now answers the same to everything." if gutted else ""
    )
