"""A search that found nothing, used as if it always finds: bind it, test it, and answer the way the project already does."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.idioms import Answer, answer, guarded
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.nullness import Origin, find, is_search, nodes_at, origin
from kintsugi.reasoners.places import Place, Source, is_assign, own_nodes, parameters
from kintsugi.reasoners.rewriting import Span, before, import_span, over, step

_SCOPES = ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.IfExp | ast.BoolOp | ast.While


@dataclass(frozen=True, slots=True)
class Miss:
    """The search, the condition that tells a miss, and whether the search must be bound to a name first."""

    place: Place
    search: ast.expr
    noun: str
    condition: str = ""
    bound: str = ""
    origin: Origin | None = None


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """One plan; raises `NotSure` when it was no search, cannot be tested where it stands, or nobody shows what to answer."""
    place, _ = facts.thrown_in
    miss = {"KeyError": _key, "IndexError": _index, "StopIteration": _next}.get(facts.short_exception, _none)(facts)
    source = place.source
    statement = statement_of(source, miss.search)
    reply = answer(facts, place, miss.noun)
    if reply is None:
        raise NotSure(f"`{source.segment(miss.search)}` found nothing, but neither this module nor a caller shows what to answer then")
    return [
        Plan.at(
            place,
            _spans(miss, statement, reply),
            values={"search": source.segment(miss.search), "noun": miss.noun, "answer": reply.statement, "why": reply.why},
            claims=(
                Claim(f"`{source.segment(miss.search)}` may find nothing and its result is used at once", f"{source.path}:{place.line}"),
                Claim(reply.why, reply.why.partition(" ")[0] if ":" in reply.why else f"{source.path}:{place.line}"),
            ),
            guard={"kind": "ast-grep", "rule": {"pattern": ast.unparse(_used(source, miss.search))}},
            aim={"origin": miss.origin, "answer": reply, "key": _key_of(facts)},
        )
    ]


def _none(facts: Facts) -> Miss:
    empty = find(facts)
    node = empty.origin.node
    if (
        not empty.origin.is_miss
        or node is None
        or (empty.origin.root == "call" and not (is_search(node) or _has_none(facts, empty.place, node)))
    ):
        raise NotSure("the missing value is no result of a search")
    source = empty.place.source
    if isinstance(empty.expression, ast.Name):
        name = empty.expression.id
        return Miss(empty.place, empty.expression, _noun(source, node, name), f"{name} is None", "", empty.origin)
    return Miss(empty.place, empty.expression, _noun(source, node, ""), "", free_name(empty.place, _noun(source, node, "")), empty.origin)


def _has_none(facts: Facts, place: Place, node: ast.expr) -> bool:
    """Whether the called function is ours and says or shows that it may return None."""
    if not isinstance(node, ast.Call):
        return False
    name = place.source.meaning(node.func).rpartition(".")[2]
    for path in facts.sources.app:
        for function in facts.sources[path].functions:
            if function.name == name:
                returns = [n for n in own_nodes(function) if isinstance(n, ast.Return)]
                declared = function.returns is not None and "None" in ast.unparse(function.returns)
                return declared or any(r.value is None or (isinstance(r.value, ast.Constant) and r.value.value is None) for r in returns)
    return False


def _key(facts: Facts) -> Miss:
    place = facts.places[0]
    found = [n for n in nodes_at(place) if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Load)]
    wanted = _key_of(facts)
    exact = [n for n in found if isinstance(n.slice, ast.Constant) and n.slice.value == wanted]
    open_ = [n for n in found if not isinstance(n.slice, ast.Constant | ast.Slice)]
    chosen = exact or open_
    if len(chosen) != 1:
        raise NotSure(f"{place.path}:{place.line} holds {len(chosen)} lookups that could have missed the key")
    node = chosen[0]
    if not (_simple(node.value) and _simple(node.slice)):
        raise NotSure("the lookup that missed computes its table or key, so it cannot be tested twice")
    source = place.source
    noun = str(node.slice.value) if isinstance(node.slice, ast.Constant) else _noun(source, node, "")
    condition = f"{source.segment(node.slice)} not in {source.segment(node.value)}"
    where = Origin("lookup", node) if place.node else None
    return Miss(place, node, re.sub(r"\W+", " ", noun).strip() or "key", condition, "", where)


def _index(facts: Facts) -> Miss:
    place = facts.places[0]
    found = [
        n
        for n in nodes_at(place)
        if isinstance(n, ast.Subscript)
        and isinstance(n.slice, ast.Constant | ast.UnaryOp)
        and ast.unparse(n.slice) in ("0", "-1")
        and _simple(n.value)
        and not guarded(place, n.value)
    ]
    if len(found) != 1 or place.node is None:
        raise NotSure("the line does not tell which first or last element was missing")
    node = found[0]
    name = place.source.segment(node.value)
    return Miss(place, node, _singular(name.rpartition(".")[2]), f"not {name}", "", origin(place.source, place.node, node.value))


def _next(facts: Facts) -> Miss:
    place = facts.places[0]
    calls = [
        n for n in nodes_at(place) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "next" and len(n.args) == 1
    ]
    if len(calls) != 1:
        raise NotSure("the line does not tell which iterator was empty")
    noun = _noun(place.source, calls[0], "")
    return Miss(place, calls[0], noun, "", free_name(place, noun), Origin("call", calls[0]))


def _key_of(facts: Facts) -> object:
    try:
        return ast.literal_eval(facts.message) if facts.short_exception == "KeyError" else None
    except (ValueError, SyntaxError):
        return None


def _simple(node: ast.expr) -> bool:
    return all(
        isinstance(n, ast.Name | ast.Attribute | ast.Constant | ast.Subscript | ast.Tuple | ast.expr_context) for n in ast.walk(node)
    )


def statement_of(source: Source, expression: ast.expr) -> ast.stmt:
    """The statement of an expression that may be computed before it; raises `NotSure` where it may not."""
    statement = source.statement(expression)
    for node in source.chain(expression):
        if node is statement:
            break
        if isinstance(node, _SCOPES):
            raise NotSure("the line stands inside an expression that cannot be split into two steps")
    if statement is None or not source.block(statement) or not source.starts_line(statement) or isinstance(statement, ast.While):
        raise NotSure("the line stands where no statement can be put before it")
    return statement


def _spans(miss: Miss, statement: ast.stmt, reply: Answer) -> list[Span]:
    source, lines, spans = miss.place.source, list[str](), list[Span]()
    if miss.bound:
        text = source.segment(miss.search)
        bound = f"{text[:-1]}, None)" if isinstance(miss.search, ast.Call) and text.startswith("next(") else text
        if text.startswith("next(") and isinstance(miss.search, ast.Call) and isinstance(miss.search.args[0], ast.GeneratorExp):
            argument = source.segment(miss.search.args[0])
            bound = f"next({argument if argument.startswith('(') else f'({argument})'}, None)"
        lines.append(f"{miss.bound} = {bound}")
        spans.append(over(source, miss.search, miss.bound))
    lines += [f"if {miss.condition or f'{miss.bound} is None'}:", f"{step(source)}{reply.statement}"]
    if miss.bound and is_assign(statement) and isinstance(statement, ast.Assign) and statement.value is miss.search:
        spans = [over(source, statement, f"{source.segment(statement.targets[0])} = {lines[0].partition(' = ')[2]}")]
        name = source.segment(statement.targets[0])
        following = [f"if {name} is None:", lines[-1]]
        block = source.block(statement)
        index = block.index(statement) + 1
        if index < len(block) and isinstance(statement.targets[0], ast.Name):
            return [*spans, before(source, block[index], following), *_import(source, reply)]
        spans = [over(source, miss.search, miss.bound)]
    return [*spans, before(source, statement, lines), *_import(source, reply)]


def _import(source: Source, reply: Answer) -> list[Span]:
    span = import_span(source, reply.imports) if reply.imports else None
    return [span] if span else []


def _used(source: Source, node: ast.expr) -> ast.expr:
    """The expression around the search that uses it unguarded: what a guard should look for."""
    parent = source.parents.get(node)
    if isinstance(node, ast.Name) or not isinstance(parent, ast.Subscript | ast.Attribute):
        return parent if isinstance(parent, ast.expr) else node
    above = source.parents.get(parent)
    return above if isinstance(above, ast.Call) and above.func is parent else parent


def _noun(source: Source, node: ast.expr, name: str) -> str:
    """A word for what was searched: the table's name in the singular, else the bound name, else the key's."""
    table = (
        node.value
        if isinstance(node, ast.Subscript)
        else node.func.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        else None
    )
    last = table.attr if isinstance(table, ast.Attribute) else table.id if isinstance(table, ast.Name) else ""
    generic = {"re", "session", "db", "self", "cursor", "data", "table", "cache", "conn", "connection", "repo"}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if found := re.match(r"(?:find|get|fetch|load|lookup|search)_(?:\w+_)?([a-z]+?)(?:_by_\w+)?$", called):
            return _singular(found[1])
        if called in ("match", "search", "fullmatch"):
            return name if name not in ("", "m", "match", "found") else "format"
    if last and last.lower() not in generic:
        return _singular(re.sub(r"^(.*_)?(?:by|for)_.*$", r"\1", last.lower()).strip("_") or last.lower())
    return _singular(name) if name else "value"


def _singular(name: str) -> str:
    word = name.strip("_").lower().replace("_", " ")
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word or "value"


def free_name(place: Place, noun: str) -> str:
    """A name for what the noun stands for that the function does not use yet."""
    base = re.sub(r"\W+", "_", noun)
    base = base if base.isidentifier() and base not in ("value", "format") else "found"
    assert place.node is not None
    taken = (
        {n.id for n in ast.walk(place.node) if isinstance(n, ast.Name)}
        | {p.arg for p in parameters(place.node)}
        | place.source.module_names()
    )
    return base if base not in taken else f"found_{base}" if f"found_{base}" not in taken else f"{base}_found"
