"""A share of nothing: a division whose divisor may be zero gets the value that stands for it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.idioms import sibling_default
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.nullness import Origin, callee, nodes_at, origin
from kintsugi.reasoners.places import Place
from kintsugi.reasoners.rewriting import over

_COUNTS = {"len", "sum"}
_STANDS_ALONE = ast.Assign | ast.AnnAssign | ast.Return | ast.keyword


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """One plan; raises `NotSure` when the line divides twice, or computes its divisor in a way that cannot be asked twice."""
    place, _ = facts.thrown_in
    divided = _division(place)
    source, divisor = place.source, place.source.segment(divided.right)
    default = _default(place, divided)
    text = f"{source.segment(divided)} if {divisor} else {default}"
    where, leaf = _empty(place, divided.right)
    return [
        Plan.at(
            place,
            [over(source, divided, text if _alone(place, divided) else f"({text})")],
            values={"divisor": divisor, "default": default},
            claims=(Claim(f"`{divisor}` may be zero, and the line divides by it", f"{source.path}:{place.line}"),),
            aim={"origin": where, "leaf": leaf},
        )
    ]


def _division(place: Place) -> ast.BinOp:
    found = [
        node
        for node in nodes_at(place)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod)
        and not isinstance(node.right, ast.Constant)
        and not (isinstance(node.left, ast.JoinedStr) or (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)))
    ]
    if len(found) != 1:
        raise NotSure(f"{place.path}:{place.line} divides {len(found)} times, and the trace does not say which")
    if not _repeats(found[0].right):
        raise NotSure(f"`{place.source.segment(found[0].right)}` is computed, so it cannot be asked twice")
    return found[0]


def _alone(place: Place, divided: ast.BinOp) -> bool:
    """Whether a condition may stand there without parentheses."""
    parent = place.source.parents.get(divided)
    return isinstance(parent, _STANDS_ALONE) or (isinstance(parent, ast.Call) and parent.args == [divided] and not parent.keywords)


def _repeats(node: ast.expr) -> bool:
    """Whether an expression may be evaluated twice: names, fields, and what counts them."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    unusual = (ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.GeneratorExp)
    return all(callee(each) in _COUNTS and isinstance(each.func, ast.Name) for each in calls) and not any(
        isinstance(each, unusual) for each in ast.walk(node)
    )


def _default(place: Place, divided: ast.BinOp) -> str:
    """What the module says elsewhere of the same divisor, else None where the function may return it, else zero."""
    assert place.node is not None
    named = sibling_default(place.source, divided.right, divided)
    if named:
        return named
    returns = ast.unparse(place.node.returns) if place.node.returns else ""
    if "None" in returns and isinstance(place.source.parents.get(divided), ast.Return):
        return "None"
    return "0" if isinstance(divided.op, ast.FloorDiv | ast.Mod) or returns == "int" else "0.0"


def _empty(place: Place, divisor: ast.expr) -> tuple[Origin | None, str]:
    """Where the zero comes from, and the value there that makes it: an empty list for what is counted."""
    assert place.node is not None
    where = origin(place.source, place.node, divisor)
    if where.root == "call" and isinstance(where.node, ast.Call) and callee(where.node) in _COUNTS and where.node.args and not where.steps:
        where = origin(place.source, place.node, _counted(where.node.args[0]))
        return (where, "[]") if where.root == "parameter" else (None, "")
    return (where, "0") if where.root == "parameter" else (None, "")


def _counted(node: ast.expr) -> ast.expr:
    return node.generators[0].iter if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp) else node
