"""An optional value used as if it were always there: give it the empty value of the type that its use asks for."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.idioms import sibling_default
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.nullness import Emptiness, find, is_search
from kintsugi.reasoners.places import own_nodes
from kintsugi.reasoners.rewriting import Span, before, over, step

_INSIDE = (
    ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.Lambda
)


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """An inline default and, in a function that returns text, an early empty answer; the more fitting one first."""
    empty = find(facts)
    source, origin = empty.place.source, empty.origin
    if origin.is_miss and (origin.root == "lookup" or is_search(origin.node or empty.expression) or not origin.node):
        raise NotSure("the missing value is the result of a search, which no default can stand for")
    if origin.root in ("global", "unknown", "lookup"):
        raise NotSure(f"where `{source.segment(empty.expression)}` comes from could not be followed")
    named = sibling_default(source, empty.expression, empty.use)
    default = named if _same_type(named, empty.default) else empty.default
    plans: list[Plan] = []
    if default:
        wrapped = _inline(empty, default)
        plans.append(_plan(empty, [wrapped], default, "inline"))
    elif isinstance(_whole(empty), ast.Call) and _optional_result(empty):
        whole = _whole(empty)
        text = f"({source.segment(whole)} if {source.segment(empty.expression)} is not None else None)"
        plans.append(_plan(empty, [over(source, whole, text)], "None", "inline"))
    if early := _early(empty):
        plans.insert(0 if _early_reads_better(empty) else len(plans), early)
    if not plans:
        raise NotSure(f"no empty value is known that has what the line asks of `{source.segment(empty.expression)}`")
    return plans


def _inline(empty: Emptiness, default: str) -> Span:
    source, node = empty.place.source, empty.expression
    quoted = default.replace("'", '"') if "'" in default and '"' not in default else default
    text = source.segment(node)
    wrapped = f"({text})" if isinstance(node, ast.Await | ast.IfExp | ast.Lambda | ast.Compare) else text
    bare = isinstance(source.parents.get(node), ast.For | ast.AsyncFor) or (isinstance(empty.use, ast.Call) and node in empty.use.args)
    return over(source, node, f"{wrapped} or {quoted}" if bare else f"({wrapped} or {quoted})")


def _same_type(text: str, other: str) -> bool:
    if not text:
        return False
    try:
        return isinstance(ast.literal_eval(text), type(ast.literal_eval(other))) if other and other != "set()" else False
    except (ValueError, SyntaxError):
        return False


def _whole(empty: Emptiness) -> ast.expr:
    """The call that the use is the callee of, else the use."""
    parent = empty.place.source.parents.get(empty.use)
    return parent if isinstance(parent, ast.Call) and parent.func is empty.use else empty.use


def _optional_result(empty: Emptiness) -> bool:
    """Whether None is a fair result: a value of a mapping, a keyword argument, or a function declared to return None as well."""
    parent = empty.place.source.parents.get(_whole(empty))
    returns = ast.unparse(empty.function.returns) if empty.function.returns else ""
    return isinstance(parent, ast.Dict) or (isinstance(parent, ast.Return) and "None" in returns)


def _early(empty: Emptiness) -> Plan | None:
    source, function = empty.place.source, empty.function
    statement = source.statement(empty.expression)
    if statement is None or statement not in function.body or not source.starts_line(statement) or _inside(empty):
        return None
    returned = _empty_result(empty)
    if not returned:
        return None
    lines = [f"if {source.segment(empty.expression)} is None:", f"{step(source)}return {returned}"]
    return _plan(empty, [before(source, statement, lines)], returned, "early")


def _inside(empty: Emptiness) -> bool:
    for node in empty.place.source.chain(empty.expression):
        if node is empty.function:
            return False
        if isinstance(node, _INSIDE):
            return True
    return True


def _empty_result(empty: Emptiness) -> str:
    annotation = ast.unparse(empty.function.returns) if empty.function.returns else ""
    if "None" in annotation:
        return "None" if annotation != "None" else ""
    results = [n.value for n in own_nodes(empty.function) if isinstance(n, ast.Return) and n.value]
    if annotation == "str" or (not annotation and results and all(isinstance(each, ast.JoinedStr) for each in results)):
        return '""'
    return ""


def _early_reads_better(empty: Emptiness) -> bool:
    """Text built from the missing value would be a half-empty shell, unless the function tests for emptiness itself."""
    source, statement = empty.place.source, empty.place.source.statement(empty.expression)
    later = [n for n in own_nodes(empty.function) if isinstance(n, ast.If | ast.IfExp) and n.lineno >= empty.place.line]
    if any(isinstance(n.test, ast.Name | ast.UnaryOp) or "len(" in source.segment(n.test) for n in later):
        return False
    return not (isinstance(statement, ast.Return) and isinstance(statement.value, ast.Call))


def _plan(empty: Emptiness, spans: list[Span], default: str, manner: str) -> Plan:
    source, place = empty.place.source, empty.place
    value = source.segment(empty.expression)
    return Plan.at(
        place,
        spans,
        values={"value": value, "default": default, "manner": manner},
        claims=(
            Claim(f"`{value}` is used without a test for None", f"{source.path}:{place.line}"),
            Claim(f"it comes from {_words(empty)}, which may be empty", f"{source.path}:{empty.function.lineno}"),
        ),
        guard={"kind": "ast-grep", "rule": _guard(empty)},
        aim={"origin": empty.origin},
    )


def _guard(empty: Emptiness) -> dict[str, object]:
    pattern = empty.place.source.segment(_whole(empty))
    return {"pattern": pattern} if "\n" not in pattern else {"kind": "call", "pattern": ast.unparse(_whole(empty))}


def _words(empty: Emptiness) -> str:
    origin = empty.origin
    path = "".join(f"[{step!r}]" if kind == "item" else f".{step}" if kind == "attr" else "[…]" for kind, step in origin.steps)
    root = origin.name or (empty.place.source.segment(origin.node) if origin.node else "a value")
    return f"the parameter `{root}{path}`" if origin.root == "parameter" else f"`{root}{path}`"
