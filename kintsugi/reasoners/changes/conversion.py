"""Text from outside that is no number, date or word of a list: refused the way the project refuses bad requests."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kintsugi.reasoners import Claim
from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.changes.lookup import free_name, statement_of
from kintsugi.reasoners.idioms import Answer, answer, last_name
from kintsugi.reasoners.matching import Facts, NotSure, Recipe
from kintsugi.reasoners.nullness import callee, nodes_at, origin
from kintsugi.reasoners.places import Place
from kintsugi.reasoners.rewriting import Span, before, import_span, over, step

_MESSAGES: Mapping[str, re.Pattern[str]] = {
    "int": re.compile(r"invalid literal for int\(\) with base \d+: (?P<text>['\"].*['\"])$"),
    "float": re.compile(r"could not convert string to float: (?P<text>['\"].*['\"])$"),
    "fromisoformat": re.compile(r"Invalid isoformat string: (?P<text>['\"].*['\"])$"),
    "strptime": re.compile(r"time data (?P<text>['\"].*['\"]) does not match format"),
    "UUID": re.compile(r"badly formed hexadecimal UUID string$"),
    "Decimal": re.compile(r"ConversionSyntax"),
}
_MEMBER = re.compile(r"(?P<text>['\"].*['\"]) is not a valid (?:\w+\.)*(?P<enum>\w+)$")


def plan(facts: Facts, recipe: Recipe) -> Sequence[Plan]:
    """One plan; raises `NotSure` when the text did not come in through a parameter, or nobody shows how a request is refused."""
    place, function = facts.thrown_in
    call, text = _conversion(facts, place)
    where = origin(place.source, function, call.args[0])
    if where.root != "parameter":
        raise NotSure(f"`{place.source.segment(call.args[0])}` does not come in through a parameter, so its sender cannot be told")
    noun = re.sub(r"\W+|_", " ", last_name(call.args[0]) or where.name).strip()
    reply = _invalid(answer(facts, place, noun), noun)
    source, kind = place.source, "InvalidOperation" if facts.short_exception == "InvalidOperation" else "ValueError"
    written = source.segment(call)
    return [
        Plan.at(
            place,
            _spans(place, call, kind, reply),
            values={"conversion": written, "noun": noun, "answer": reply.statement, "why": reply.why},
            claims=(
                Claim(f"`{written}` takes whatever comes in, and fails on what it cannot read", f"{source.path}:{place.line}"),
                Claim(reply.why, reply.why.partition(" ")[0] if ":" in reply.why else f"{source.path}:{place.line}"),
            ),
            aim={"origin": where, "answer": reply, "leaf": repr(text)},
        )
    ]


def _conversion(facts: Facts, place: Place) -> tuple[ast.Call, str]:
    """The call that refused the text, and the text."""
    member = _MEMBER.search(facts.message)
    found = {name: match for name, pattern in _MESSAGES.items() if (match := pattern.search(facts.message))}
    if member:
        found[member["enum"]] = member
    calls = [node for node in nodes_at(place) if isinstance(node, ast.Call) and callee(node) in found and node.args]
    if len(calls) != 1:
        raise NotSure(f"{place.path}:{place.line} shows {len(calls)} conversions that fit the message")
    match = found[callee(calls[0])]
    try:
        text = ast.literal_eval(match["text"]) if "text" in match.re.groupindex else "not-one"
    except (ValueError, SyntaxError):
        text = "not-one"
    return calls[0], str(text)


def _invalid(reply: Answer | None, noun: str) -> Answer:
    if reply is None:
        raise NotSure("the text cannot be read, but neither this module nor a caller shows how a bad request is refused")
    statement = reply.statement.replace(f"unknown {noun}", f"invalid {noun}")
    return replace(reply, statement=f"{statement} from None" if statement.startswith("raise ") else statement)


def _spans(place: Place, call: ast.Call, kind: str, reply: Answer) -> list[Span]:
    """The conversion on its own inside `try`; the statement goes on with its result."""
    source, unit = place.source, step(place.source)
    statement = statement_of(source, call)
    alone = isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1
    name = (
        source.segment(statement.targets[0]) if alone and isinstance(statement, ast.Assign) else free_name(place, last_name(call.args[0]))
    )
    tried = ["try:", f"{unit}{name} = {source.segment(call)}", f"except {kind}:", f"{unit}{reply.statement}"]
    imports = [reply.imports, "from decimal import InvalidOperation" if kind == "InvalidOperation" else ""]
    brought = [span for line in imports if line and (span := import_span(source, line))]
    if alone:
        return [before(source, statement, tried[:-1]), over(source, statement, unit + reply.statement), *brought]
    return [before(source, statement, tried), over(source, call, name), *brought]
