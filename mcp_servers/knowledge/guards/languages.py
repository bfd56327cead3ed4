"""What guards know of each language: its file endings, and how its grammar calls a call, an option, a condition and a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript", ".cjs": "javascript",
    ".ts": "typescript", ".tsx": "tsx", ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin", ".rb": "ruby", ".php": "php",
    ".cs": "csharp", ".c": "c", ".cpp": "cpp", ".scala": "scala", ".swift": "swift", ".sh": "bash", ".lua": "lua",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grammar:
    """Names of node kinds. `calls` gives for each kind of call the fields of its head and the field (or kind) of its arguments;
    `uses` are the kinds that reach into a value, with the field of that value; `scopes` are functions; `said` are expressions that may
    be the mistake itself, `default` a parameter with a value of its own; `dropped` is a statement that is nothing but a call, where a result
    has to be looked at;
    `shapes` are arguments that tell something by how they are made, each as a regular expression of its text and a rule of its node."""

    calls: Mapping[str, tuple[tuple[str, ...], str]]
    uses: Mapping[str, str]
    conditions: tuple[str, ...] = ("if_statement",)
    wrappers: tuple[str, ...] = ("try_statement",)
    scopes: tuple[str, ...] = ()
    assignment: str = ""
    said: tuple[str, ...] = ()
    dropped: str = ""
    default: str = ""
    shapes: tuple[tuple[str, Mapping[str, Any]], ...] = ()


_SUM = r"[A-Za-z]{0,2}(?:\"[^\"]*\"|'[^']*')\s*[%+.](?!\w)"
"""Text that goes on after a sign which joins or fills texts."""


def _joined(kind: str, *texts: str) -> list[Mapping[str, Any]]:
    """Rules for an expression with two sides, one of which holds such a text."""
    return [{"kind": kind, "has": {"kind": text, "stopBy": "end"}} for text in texts]


_ECMA = Grammar(
    calls={"call_expression": (("function",), "arguments"), "new_expression": (("constructor",), "arguments")},
    uses={"member_expression": "object", "subscript_expression": "object"},
    conditions=("if_statement", "ternary_expression", "while_statement"),
    wrappers=("await_expression", "try_statement"),
    scopes=("function_declaration", "method_definition", "arrow_function", "function_expression"),
    assignment="variable_declarator",
    said=("binary_expression", "assignment_expression"),
    shapes=(
        (
            rf"`[\s\S]*\$\{{|{_SUM}",
            {"any": [{"kind": "template_string", "has": {"kind": "template_substitution"}}, *_joined("binary_expression", "string")]},
        ),
        (r"async\b", {"kind": "arrow_function", "regex": r"^async\b"}),
    ),
)
GRAMMARS: Mapping[str, Grammar] = {
    "python": Grammar(
        calls={"call": (("function",), "arguments")},
        uses={"attribute": "object", "subscript": "value", "binary_operator": "right"},
        conditions=("if_statement", "conditional_expression", "while_statement", "assert_statement", "boolean_operator"),
        wrappers=("await", "with_item", "try_statement"),
        scopes=("function_definition",),
        assignment="assignment",
        said=("comparison_operator", "binary_operator", "assignment"),
        default="default_parameter",
        shapes=(
            (
                rf"(?i:r?f)[\"'][\s\S]*\{{|{_SUM}",
                {"any": [{"kind": "string", "has": {"kind": "interpolation"}}, *_joined("binary_operator", "string")]},
            ),
        ),
    ),
    "javascript": _ECMA,
    "typescript": _ECMA,
    "tsx": _ECMA,
    "go": Grammar(
        calls={"call_expression": (("function",), "arguments"), "composite_literal": (("type",), "body")},
        uses={"selector_expression": "operand", "index_expression": "operand", "binary_expression": "right"},
        wrappers=("defer_statement",),
        scopes=("function_declaration", "method_declaration", "func_literal"),
        assignment="short_var_declaration",
        said=("binary_expression", "assignment_statement"),
        dropped="expression_statement",
        shapes=((_SUM, _joined("binary_expression", "interpreted_string_literal")[0]),),
    ),
    "php": Grammar(
        calls={
            "function_call_expression": (("function",), "arguments"),
            "member_call_expression": (("object", "name"), "arguments"),
            "scoped_call_expression": (("scope", "name"), "arguments"),
            "object_creation_expression": ((), "arguments"),
        },
        uses={"member_access_expression": "object", "member_call_expression": "object", "binary_expression": "right"},
        conditions=("if_statement", "conditional_expression", "while_statement"),
        scopes=("function_definition", "method_declaration", "anonymous_function"),
        assignment="assignment_expression",
        said=("binary_expression",),
        shapes=(
            (
                rf"\"[^\"]*\$|{_SUM}",
                {
                    "kind": "argument",
                    "any": [
                        {"has": {"kind": "encapsed_string", "has": {"kind": "variable_name", "stopBy": "end"}}},
                        *({"has": joined} for joined in _joined("binary_expression", "encapsed_string", "string")),
                    ],
                },
            ),
        ),
    ),
    "java": Grammar(
        calls={"method_invocation": (("object", "name"), "arguments"), "object_creation_expression": (("type",), "arguments")},
        uses={"field_access": "object", "method_invocation": "object"},
        conditions=("if_statement", "ternary_expression", "while_statement"),
        scopes=("method_declaration", "constructor_declaration"),
        assignment="variable_declarator",
        said=("binary_expression", "assignment_expression"),
        shapes=((_SUM, _joined("binary_expression", "string_literal")[0]),),
    ),
}


def language_of(path: str) -> str:
    """The ast-grep language of a file, or an empty string."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower(), "")


def endings_of(language: str) -> tuple[str, ...]:
    """The endings of the files of a language."""
    return tuple(ending for ending, named in LANGUAGES.items() if named == language)
