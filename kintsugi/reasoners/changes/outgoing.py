"""An outgoing call without a time limit or a second try: bound it, and repeat it only where a repetition is harmless."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.outgoing import Outgoing, outgoing
from kintsugi.reasoners.places import Function, Source
from kintsugi.reasoners.rewriting import Span, apply, edits_between, import_span, indent, offset, over, step

_TRIES = 3
_PLAIN = ast.Assign | ast.AnnAssign | ast.Return | ast.Expr | ast.With | ast.AsyncWith


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """One plan; raises `NotSure` when no outgoing call is on the trace, or nothing may be added to it."""
    found = next((calls[0] for place in facts.places if (calls := outgoing(place, facts.sources))), None)
    if found is None:
        raise NotSure("no function of the trace makes an outgoing HTTP call that is known here")
    source = found.place.source
    limit = "" if found.timeout is not None or _has_limit(source, found) else "2.0" if found.may_repeat else "10.0"
    spans = _timeout(source, found, limit) if limit else []
    retried = found.may_repeat and not _retried(source, found)
    if retried:
        spans = _retry(source, found, limit)
    if not spans:
        raise NotSure(_why_not(found))
    new = apply(source.text, spans)
    return [_plan(facts, found, new, limit, retried)]


def _why_not(found: Outgoing) -> str:
    if found.may_repeat:
        return f"the {found.method} call already has a time limit and is repeated; the other side must be mended"
    return f"the {found.method} call has a time limit and carries no idempotency key, so repeating it could do the work twice"


def _has_limit(source: Source, found: Outgoing) -> bool:
    """A positional timeout of urlopen, or a mapping of arguments that may hold one."""
    call = found.call
    return any(k.arg is None for k in call.keywords) or (found.verb == "urlopen" and len(call.args) >= 3)


def _retried(source: Source, found: Outgoing) -> bool:
    for node in source.chain(found.call):
        if isinstance(node, ast.For | ast.AsyncFor) and any(isinstance(n, ast.Try | ast.Break) for n in ast.walk(node)):
            return True
        if isinstance(node, ast.While):
            return True
        if isinstance(node, Function):
            return any("retry" in ast.unparse(d).lower() or "backoff" in ast.unparse(d).lower() for d in node.decorator_list)
    return False


def _limited(source: Source, found: Outgoing, limit: str) -> str:
    """The source of the call with its time limit."""
    call = found.call
    text = source.segment(call)
    if not limit:
        return text
    inner = Source("call.py", text)
    node = inner.tree.body[0].value if inner.tree.body and isinstance(inner.tree.body[0], ast.Expr) else None
    if not isinstance(node, ast.Call):
        raise NotSure("the outgoing call could not be read")
    return apply(text, [_timeout_of(inner, node, limit)])


def _timeout_of(source: Source, call: ast.Call, limit: str) -> Span:
    for keyword in call.keywords:
        if keyword.arg == "timeout":
            return over(source, keyword.value, limit)
    parts = [*call.args, *(k.value for k in call.keywords)]
    if not parts:
        end = offset(source, call.end_lineno or call.lineno, call.end_col_offset or 0) - 1
        return Span(end, end, f"timeout={limit}")
    last = max(parts, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0))
    end = offset(source, last.end_lineno or last.lineno, last.end_col_offset or 0)
    line = source.lines[last.lineno - 1]
    if last.lineno > call.lineno:  # one argument per line: keep it so
        return Span(end, end, f",\n{line[: len(line) - len(line.lstrip())]}timeout={limit}")
    return Span(end, end, f", timeout={limit}")


def _timeout(source: Source, found: Outgoing, limit: str) -> list[Span]:
    if found.library == "aiohttp":
        raise NotSure("aiohttp sessions have a time limit of their own; a smaller one is a decision of the project")
    return [_timeout_of(source, found.call, limit)]


def _retry(source: Source, found: Outgoing, limit: str) -> list[Span]:
    statement = source.statement(found.call)
    waited = source.parents[found.call] if found.is_async else found.call
    if statement is None or not isinstance(statement, _PLAIN) or not source.starts_line(statement) or found.library == "aiohttp":
        return _timeout(source, found, limit) if limit else []
    if any(isinstance(n, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.IfExp | ast.BoolOp) for n in source.chain(found.call)):
        return _timeout(source, found, limit) if limit else []
    whole = (
        isinstance(statement, ast.Assign)
        and statement.value is waited
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    )
    name = source.segment(statement.targets[0]) if whole and isinstance(statement, ast.Assign) else _free(source, found)
    call = ("await " if found.is_async else "") + _limited(source, found, limit)
    margin = indent(source, statement)
    text = _margin(_loop(source, found, name, call), margin, step(source))
    start = offset(source, statement.lineno, 0)
    pause = "asyncio" if found.is_async else "time"
    imports = [span for each in (f"import {pause}", _errors_import(source, found)) if each and (span := import_span(source, each))]
    if whole:
        end = offset(source, statement.end_lineno or statement.lineno, statement.end_col_offset or 0)
        return [Span(start, end, text.removesuffix("\n")), *imports]
    assert isinstance(waited, ast.expr)
    return [Span(start, start, text), over(source, waited, name), *imports]


def _free(source: Source, found: Outgoing) -> str:
    taken = {n.id for n in ast.walk(found.place.node or source.tree) if isinstance(n, ast.Name)}
    return next(each for each in ("response", "reply", "answer", "outcome", "kintsugi_response") if each not in taken)


def _errors(found: Outgoing) -> str:
    if found.library == "requests":
        return "(requests.ConnectionError, requests.Timeout)"
    return f"{found.library}.TransportError"


def _errors_import(source: Source, found: Outgoing) -> str:
    if found.library == "urllib.request":
        return "import urllib.error"
    return "" if source.imports.get(found.library) == found.library else f"import {found.library}"


def _loop(source: Source, found: Outgoing, name: str, call: str) -> list[tuple[int, str]]:
    taken = {n.id for n in ast.walk(found.place.node or source.tree) if isinstance(n, ast.Name)}
    tries = "attempt" if "attempt" not in taken else "attempt_number"
    sleep = "await asyncio.sleep" if found.is_async else "time.sleep"
    last = f"{tries} == {_TRIES - 1}"
    if found.library == "urllib.request":
        middle = [
            (2, f"{name} = {call}"),
            (2, "break"),
            (1, "except (urllib.error.URLError, TimeoutError) as error:"),
            (2, f'if {last} or getattr(error, "code", 500) < 500:'),
            (3, "raise"),
        ]
    else:
        middle = [
            (2, f"{name} = {call}"),
            (1, f"except {_errors(found)}:"),
            (2, f"if {last}:"),
            (3, "raise"),
            (1, "else:"),
            (2, f"if {name}.status_code < 500 or {last}:"),
            (3, "break"),
        ]
    return [(0, f"for {tries} in range({_TRIES}):"), (1, "try:"), *middle, (1, f"{sleep}(0.1 * 2**{tries})")]


def _margin(lines: list[tuple[int, str]], margin: str, unit: str) -> str:
    out: list[str] = []
    for depth, text in lines:
        first, *rest = text.splitlines()
        out.append(f"{margin}{unit * depth}{first}")
        out += [f"{unit * depth}{line}" for line in rest]  # a call over several lines keeps its own shape
    return "\n".join(out) + "\n"


def _plan(facts: Facts, found: Outgoing, new: str, limit: str, retried: bool) -> Plan:
    source, place = found.place.source, found.place
    text = source.segment(found.call)
    added = [*([f"a time limit of {limit} s"] if limit else []), *([f"up to {_TRIES} tries with growing pauses"] if retried else [])]
    safe = "it carries an idempotency key" if found.has_key else f"{found.method} may be repeated"
    why = f"repeating is harmless because {safe}" if retried else "it is not repeated, since that could do the work twice"
    rule = {"pattern": text, "not": {"inside": {"kind": "for_statement", "stopBy": "end"}}} if retried else {"pattern": text}
    return Plan(
        edits=edits_between(source.path, source.text, new),
        file=source.path,
        line=found.call.lineno,
        function=place.function,
        place=place,
        sure=retried or bool(limit),
        values={"call": text.partition("(")[0], "added": " and ".join(added), "why": why, "library": found.library},
        claims=(
            Claim(
                f"`{text.partition('(')[0]}` is called without {' or '.join(_lacks(limit, retried))}", f"{source.path}:{found.call.lineno}"
            ),
            Claim(why, f"{source.path}:{found.call.lineno}"),
        ),
        guard={"kind": "ast-grep", "rule": rule},
        aim={"outgoing": found, "retried": retried, "limit": limit},
    )


def _lacks(limit: str, retried: bool) -> list[str]:
    return [*(["a time limit"] if limit else []), *(["a second try"] if retried else [])]
