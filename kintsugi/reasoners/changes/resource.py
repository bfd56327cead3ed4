"""Something opened and never closed: enclose its use in a with statement, and stop parking it where nobody looks."""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.places import Place, own_nodes
from kintsugi.reasoners.resources import CLOSING, Opened, unclosed
from kintsugi.reasoners.rewriting import Span, apply, edits_between, import_span, indent, offset, over, step


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """One plan; raises `NotSure` when nothing, or too much, is left open."""
    opened, sure = _search(facts)
    source = opened.source
    new = apply(source.text, _spans(opened))
    constructor = source.segment(opened.call.func)
    place = Place(source, opened.call.lineno, opened.function.name, opened.function)
    return [
        Plan(
            edits=edits_between(source.path, source.text, new),
            file=source.path,
            line=opened.call.lineno,
            function=opened.function.name,
            place=place,
            sure=sure,
            values={"constructor": constructor},
            claims=(Claim(f"`{constructor}` is opened here and closed nowhere", f"{source.path}:{opened.call.lineno}"),),
            guard={"kind": "ast-grep", "rule": _guard(opened)},
            aim={"opened": opened},
        )
    ]


def _search(facts: Facts) -> tuple[Opened, bool]:
    """The one forgotten resource: in the functions of the trace, then in its modules, then in the whole project."""
    sources = facts.sources
    for place in facts.places:
        if place.node and (found := list(unclosed(place.source, place.node))):
            return found[0], True
    on_trace = list(dict.fromkeys(place.path for place in facts.places))
    for paths in (on_trace, sources.app):
        found = [each for path in paths for function in sources[path].functions for each in unclosed(sources[path], function)]
        parked = [each for each in found if each.parked]
        if len(found) == 1 or len(parked) == 1:
            return (parked or found)[0], bool(parked)
        if found:
            named = ", ".join(f"{each.source.path}:{each.call.lineno}" for each in found[:5])
            raise NotSure(f"descriptors run out, and several places leave something open: {named}")
    raise NotSure("descriptors run out, but no function was found that opens something and never closes it")


def _spans(opened: Opened) -> list[Span]:
    source, statement = opened.source, opened.statement
    block = source.block(statement)
    if not block or not source.starts_line(statement):
        raise NotSure("what is left open stands where it cannot be enclosed")
    text = source.segment(opened.call)
    name = opened.name or _free(opened)
    made = f"contextlib.closing({text})" if opened.constructor in CLOSING else text
    first, last = _extent(opened, block)
    if opened.is_async and not isinstance(opened.function, ast.AsyncFunctionDef):
        raise NotSure("an asynchronous client is opened in a function that is not asynchronous")
    head = f"{indent(source, statement)}{'async ' if opened.is_async else ''}with {made} as {name}:\n"
    imports = import_span(source, "import contextlib") if opened.constructor in CLOSING else None
    spans = [imports] if imports else []
    if not opened.name:
        start = offset(source, statement.lineno, 0)
        return [
            *spans,
            Span(start, start, head),
            over(source, opened.call, name),
            *_indented(opened, statement.lineno, statement.end_lineno or statement.lineno),
        ]
    start = offset(source, statement.lineno, 0)
    end = offset(source, (statement.end_lineno or statement.lineno) + 1, 0)
    gone = [(p.lineno, p.end_lineno or p.lineno) for p in opened.parked]
    removed = [Span(offset(source, a, 0), offset(source, b + 1, 0), "") for a, b in gone]
    lists = [Span(offset(source, n.lineno, 0), offset(source, (n.end_lineno or n.lineno) + 1, 0), "") for n in _lists(opened)]
    body = _indented(opened, first, last, {line for a, b in gone for line in range(a, b + 1)})
    if not body:
        raise NotSure("what is left open is never used, so there is nothing to enclose")
    return [*spans, Span(start, end, head), *body, *removed, *lists]


def _extent(opened: Opened, block: list[ast.stmt]) -> tuple[int, int]:
    """The lines to enclose: from the next statement to the last that uses the resource or what was made with it."""
    names, last = {opened.name}, opened.statement
    for each in block[block.index(opened.statement) + 1 :]:
        used = {n.id for n in ast.walk(each) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        if used & names:
            last = each
            names |= {n.id for n in ast.walk(each) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return (opened.statement.end_lineno or 0) + 1, last.end_lineno or last.lineno


def _indented(opened: Opened, first: int, last: int, without: Container[int] = ()) -> list[Span]:
    """One more step of indentation for these lines, except inside texts over several lines."""
    source, unit = opened.source, step(opened.source)
    inside = {
        line
        for n in own_nodes(opened.function)
        if isinstance(n, ast.Constant | ast.JoinedStr) and (n.end_lineno or 0) > n.lineno
        for line in range(n.lineno + 1, (n.end_lineno or n.lineno) + 1)
        if isinstance(n, ast.JoinedStr) or isinstance(n.value, str)
    }
    return [
        Span(at, at, unit)
        for line in range(first, last + 1)
        if line not in inside and line not in without and source.lines[line - 1].strip()
        for at in [offset(source, line, 0)]
    ]


def _lists(opened: Opened) -> list[ast.stmt]:
    """The module-level collections that only held what was parked."""
    names = {e.value.func.value.id for e in opened.parked
             if isinstance(e.value, ast.Call) and isinstance(e.value.func, ast.Attribute) and isinstance(e.value.func.value, ast.Name)}  # fmt: skip
    found: list[ast.stmt] = []
    for node in opened.source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(t, ast.Name) and t.id in names for t in targets):
            found.append(node)
    return found


def _free(opened: Opened) -> str:
    taken = {n.id for n in ast.walk(opened.function) if isinstance(n, ast.Name)}
    names = ("handle", "stream", "opened") if opened.constructor.endswith("open") else ("client", "opened", "resource")
    return next((each for each in names if each not in taken), "kintsugi_opened")


def _guard(opened: Opened) -> dict[str, object]:
    constructor = opened.source.segment(opened.call.func)
    return {"pattern": f"$NAME = {constructor}($$$)"} if opened.name else {"pattern": f"{constructor}($$$).$METHOD($$$)"}
