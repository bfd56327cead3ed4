"""How a project already says `your request is wrong`, and how its code already treats a missing value."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.places import Function, Place, Source, own_nodes, parameters

_REGISTERS = {"exception_handler", "errorhandler", "add_exception_handler"}
_REFUSALS = {400, 404, 410, 422}


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do when a search found nothing: a statement, the import it needs, and the exception a test will see ('' for a value)."""

    statement: str
    imports: str = ""
    exception: str = ""
    module: str = ""
    status: bool = False
    why: str = ""


def answer(facts: Facts, place: Place, noun: str) -> Answer | None:
    """The project's own way to refuse a bad request, best first: this function, this module, a handler up the trace, another module."""
    function = place.node
    http = _guarded(place) or _http(facts, place, noun)
    return http or (_caught(facts, place, noun) if function else None) or _returned(function)


def _guarded(place: Place) -> Answer | None:
    """What the function itself returns when another of its searches finds nothing, as long as that needs no local value."""
    if place.node is None:
        return None
    known = {p.arg for p in parameters(place.node)} | place.source.module_names() | set(dir(builtins))
    for node in own_nodes(place.node):
        if not (isinstance(node, ast.If) and len(node.body) == 1 and node.lineno < place.line and _tests_absence(node.test)):
            continue
        first = node.body[0]
        if isinstance(first, ast.Return) and first.value and {n.id for n in ast.walk(first.value) if isinstance(n, ast.Name)} <= known:
            if isinstance(first.value, ast.Call):
                continue  # a response: judged by its status instead
            return Answer(place.source.segment(first), why=f"{place.source.path}:{node.lineno} answers another miss of this function so")
    return None


def guarded(place: Place, node: ast.expr) -> bool:
    """Whether the function already leaves when this name is empty."""
    tests = [n for n in own_nodes(place.node or node) if isinstance(n, ast.If) and n.lineno < place.line and _tests_absence(n.test)]
    leaves = [n for n in tests if isinstance(n.body[-1], ast.Return | ast.Raise | ast.Continue)]
    return isinstance(node, ast.Name) and any(n.id == node.id for each in leaves for n in ast.walk(each.test) if isinstance(n, ast.Name))


def _tests_absence(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Name)
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and isinstance(test.ops[0], ast.Is)


def _http(facts: Facts, place: Place, noun: str) -> Answer | None:
    callers = [each.source for each in facts.places[1:] if each.path != place.path]
    everywhere = [facts.sources[path] for path in facts.sources.app] if facts.requests else []
    for source in dict.fromkeys((place.source, *callers, *everywhere)):
        found = [each for each in _refusals(source, place) if _in_reach(each[1], source)]
        if not found:
            continue
        inside = [each for each in found if place.node and place.node in source.chain(each[0])]
        common = Counter(each[2] for each in found).most_common(1)[0][0]
        node, call, status = (inside or [each for each in found if each[2] == common])[0]
        return _reworded(source, node, call, status, noun, place)
    return None


def _refusals(source: Source, place: Place) -> Iterator[tuple[ast.stmt, ast.Call, int]]:
    """Statements that refuse with a status of 4xx; a returned response counts only in the function that is to be mended."""
    for node in ast.walk(source.tree):
        value = node.exc if isinstance(node, ast.Raise) else node.value if isinstance(node, ast.Expr | ast.Return) else None
        if not isinstance(value, ast.Call) or not isinstance(node, ast.stmt):
            continue
        if (
            isinstance(node, ast.Return)
            and not (place.node and place.node in source.chain(node))
            and not _returns_same(source, node, value, place)
        ):
            continue
        if isinstance(node, ast.Expr) and source.meaning(value.func).rpartition(".")[2] != "abort":
            continue
        statuses = [c.value for a in (*value.args, *(k.value for k in value.keywords)) for c in (a,) if isinstance(c, ast.Constant)]
        status = next((each for each in statuses if isinstance(each, int) and each in _REFUSALS), 0)
        if status:
            yield node, value, status


def _returns_same(source: Source, node: ast.stmt, value: ast.Call, place: Place) -> bool:
    """Whether the function to be mended returns the same kind of response elsewhere."""
    if place.node is None or source is not place.source:
        return False
    kind = ast.dump(value.func)
    return any(
        isinstance(n, ast.Return) and isinstance(n.value, ast.Call) and ast.dump(n.value.func) == kind for n in own_nodes(place.node)
    )


def _in_reach(call: ast.Call, source: Source) -> bool:
    known = source.module_names() | set(dir(builtins))
    return all(node.id in known for part in _without_words(call) for node in ast.walk(part) if isinstance(node, ast.Name))


def _without_words(call: ast.Call) -> list[ast.expr]:
    words = _words(call)
    return [call.func, *(a for a in (*call.args, *(k.value for k in call.keywords)) if a is not words)]


def _words(call: ast.Call) -> ast.expr | None:
    """The argument that carries the sentence: a string, an f-string, or a mapping with one inside."""
    for each in (*call.args, *(k.value for k in call.keywords)):
        if isinstance(each, ast.JoinedStr | ast.Dict) or (isinstance(each, ast.Constant) and isinstance(each.value, str)):
            return each
    return None


def _reworded(source: Source, node: ast.stmt, call: ast.Call, status: int, noun: str, place: Place) -> Answer:
    sentence = repr(f"unknown {noun}").replace("'", '"')
    arguments = [
        *(_argument(source, a, a is _words(call), sentence) for a in call.args),
        *(f"{k.arg}={_argument(source, k.value, k.value is _words(call), sentence)}" for k in call.keywords if k.arg),
    ]
    word = "raise " if isinstance(node, ast.Raise) else "return " if isinstance(node, ast.Return) else ""
    meaning = source.meaning(call.func)
    module, _, name = meaning.rpartition(".")
    imports = f"from {module} import {name}" if module and isinstance(call.func, ast.Name) and source is not place.source else ""
    raised = name or meaning if word == "raise " else ""
    why = f"{source.path}:{node.lineno} refuses bad requests with status {status} in the same way"
    if word == "raise " and not module:
        module = _dotted(source)
        imports = f"from {module} import {name}" if source is not place.source else ""
    return Answer(f"{word}{source.segment(call.func)}({', '.join(arguments)})", imports, raised, module, bool(raised), why)


def _dotted(source: Source) -> str:
    return source.path.removesuffix(".py").removeprefix("src/").replace("/", ".")


def _argument(source: Source, node: ast.expr, is_sentence: bool, sentence: str) -> str:
    if not is_sentence:
        return source.segment(node)
    if isinstance(node, ast.Dict):
        pairs = [
            f"{source.segment(k)}: {sentence if i == 0 else source.segment(v)}"
            for i, (k, v) in enumerate(zip(node.keys, node.values, strict=True))
            if k
        ]
        return "{" + ", ".join(pairs) + "}"
    return sentence


def _caught(facts: Facts, place: Place, noun: str) -> Answer | None:
    """An exception that code further up already turns into an answer: an `except` around a frame, or a registered handler."""
    for each in facts.places:
        for name in _handled(each):
            made = _instance(facts, place, name, noun)
            if made:
                return made
    for path in facts.sources.app:
        for name in _registered(facts.sources[path]):
            made = _instance(facts, place, name, noun)
            if made:
                return made
    return None


def _handled(place: Place) -> Iterator[str]:
    for node in ast.walk(place.node) if place.node else ():
        if isinstance(node, ast.Try) and node.body[0].lineno <= place.line <= (node.body[-1].end_lineno or 0):
            for handler in node.handlers:
                reraises = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(handler))
                types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
                yield from (place.source.meaning(kind).rpartition(".")[2] for kind in types if not reraises)


def _registered(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _REGISTERS and node.args:
            yield source.meaning(node.args[0]).rpartition(".")[2]
        if isinstance(node, ast.keyword) and node.arg == "exception_handlers" and isinstance(node.value, ast.Dict):
            yield from (source.meaning(key).rpartition(".")[2] for key in node.value.keys if key)


def _instance(facts: Facts, place: Place, name: str, noun: str) -> Answer | None:
    """`raise Name("unknown …")` when the name is a plain exception of this project, or one of the usual ones."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in {"Exception", "BaseException", "OSError", "HTTPException"}:
        return None
    words = f'raise {name}("unknown {noun}")'
    why = f"code up the trace already turns {name} into an answer"
    if name in {"ValueError", "LookupError", "KeyError"} and name != facts.short_exception:
        return Answer(words, "", name, "builtins", False, why)
    for path in facts.sources.app:
        source = facts.sources[path]
        defined = next((n for n in source.tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
        if defined and not any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in defined.body):
            module = facts.sources.module(path)[1]
            known = name in place.source.module_names()
            return Answer(words, "" if known else f"from {module} import {name}", name, module, False, why)
    return None


def _returned(function: Function | None) -> Answer | None:
    """An empty value, when the function's own annotation says that this is a possible answer."""
    annotation = ast.unparse(function.returns) if function and function.returns else ""
    why = f"the function is declared to return {annotation}"
    if re.search(r"\bNone\b|Optional\[", annotation):
        return Answer("return None", why=why) if annotation != "None" else None
    for pattern, empty in ((r"(list|List|Sequence|Iterable)\b", "[]"), (r"(dict|Dict|Mapping)\b", "{}"), (r"(set|Set)\b", "set()")):
        if re.match(pattern, annotation):
            return Answer(f"return {empty}", why=why)
    return None


def sibling_default(source: Source, expression: ast.expr, own: ast.AST) -> str:
    """The default that other code of the module gives to a value of the same name, '' when there is none."""
    name = last_name(expression)
    for node in ast.walk(source.tree) if name else ():
        other = _default_beside(node, name) if node is not own else None
        if other is not None:
            return source.segment(other)
    return ""


def _default_beside(node: ast.AST, name: str) -> ast.expr | None:
    """The default in `x or default` and `… if x else default`."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2 and last_name(node.values[0]) == name:
        return node.values[1] if isinstance(node.values[1], ast.Constant | ast.List | ast.Dict | ast.Tuple) else None
    if isinstance(node, ast.IfExp) and name in {last_name(n) for n in ast.walk(node.test) if isinstance(n, ast.expr)}:
        return node.orelse if isinstance(node.orelse, ast.Constant) and node.orelse.value is not None else None
    return None


def last_name(node: ast.expr) -> str:
    """`c.phone`, `c["phone"]`, `c.get("phone")` and `phone` all are called phone."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else ""
    return last_name(node.value) if isinstance(node, ast.Await) else ""
