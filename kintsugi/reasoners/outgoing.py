"""Calls that leave the process over HTTP: which library, which method, on which client, and whether a repetition is harmless."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kintsugi.reasoners.places import Function, Place, Source, Sources, own_nodes

LIBRARIES = ("requests", "httpx", "httpx2", "aiohttp", "urllib.request")
VERBS = ("get", "head", "options", "put", "delete", "post", "patch", "request", "send")
_CLIENTS = re.compile(r"^(requests|httpx|httpx2|aiohttp)\.(\w*Client|AsyncClient|Session|ClientSession|sessions\.Session)$")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One outgoing call. `target` is what a test patches; `client` is the constructor that made the client, when there is one."""

    place: Place
    call: ast.Call
    library: str
    verb: str
    target: str
    client: ast.Call | None = None

    @property
    def is_async(self) -> bool:
        return isinstance(self.place.source.parents.get(self.call), ast.Await)

    @property
    def method(self) -> str:
        if self.library == "urllib.request":
            text = self.place.source.segment(self.place.node) if self.place.node else ""
            named = re.search(r"method\s*=\s*['\"](\w+)", text)
            return named[1].upper() if named else "POST" if re.search(r"\bdata\s*=", text) else "GET"
        if self.verb in ("request", "stream") and self.call.args and isinstance(self.call.args[0], ast.Constant):
            return str(self.call.args[0].value).upper()
        return self.verb.upper()

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice is harmless: by its method, or because it carries an idempotency key."""
        return self.method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE") or self.has_key

    @property
    def has_key(self) -> bool:
        """Whether the arguments, or a name among them bound in this function, carry an idempotency key."""
        names = {n.id for n in ast.walk(self.call) if isinstance(n, ast.Name)}
        bound = [n.value for n in own_nodes(self.place.node or self.call) if isinstance(n, ast.Assign) and names & _targets(n)]
        extra = [*self.call.args, *(k.value for k in self.call.keywords), *bound, *([self.client] if self.client else [])]
        return any(re.search(r"idempot(?:ency|ent)[-_ ]?(?:key|id)", ast.unparse(each), re.IGNORECASE) for each in extra)

    @property
    def timeout(self) -> ast.expr | None:
        own = _keyword(self.call, "timeout") or (_keyword(self.client, "timeout") if self.client else None)
        return None if isinstance(own, ast.Constant) and own.value is None else own


def _targets(node: ast.Assign) -> set[str]:
    return {t.id for t in node.targets if isinstance(t, ast.Name)}


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)


def outgoing(place: Place, sources: Sources) -> list[Outgoing]:
    """The outgoing calls of a frame's function, the one on the throwing line first."""
    found = list(_calls(place, sources)) if place.node else []
    return sorted(found, key=lambda each: (not each.call.lineno <= place.line <= (each.call.end_lineno or 0), each.call.lineno))


def _calls(place: Place, sources: Sources) -> Iterator[Outgoing]:
    source = place.source
    assert place.node is not None
    for node in own_nodes(place.node):
        if not isinstance(node, ast.Call):
            continue
        meaning = source.meaning(node.func)
        library, _, verb = meaning.rpartition(".")
        if library in LIBRARIES and (verb in VERBS or verb == "urlopen"):
            yield Outgoing(place, node, library, verb, meaning)
        elif (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in VERBS
            and (found := _client(source, place.node, node.func.value) or _imported(source, sources, node.func.value))
        ):
            made = found[0].meaning(found[1].func)
            yield Outgoing(place, node, made.partition(".")[0], node.func.attr, f"{made}.{node.func.attr}", found[1])


def _client(source: Source, function: Function, node: ast.expr) -> tuple[Source, ast.Call] | None:
    """The constructor behind a client's name: a with-statement, an assignment here, at module level, or on self."""
    wanted = ast.dump(node).replace("Load()", "Store()")
    for scope in (function, source.class_of(function), source.tree):
        for each in ast.walk(scope) if scope else ():
            if isinstance(each, ast.withitem) and each.optional_vars is not None and ast.dump(each.optional_vars) == wanted:
                value = each.context_expr
            elif (isinstance(each, ast.Assign) and any(ast.dump(t) == wanted for t in each.targets)) or (
                isinstance(each, ast.AnnAssign) and ast.dump(each.target) == wanted and each.value
            ):
                value = each.value
            else:
                continue
            if isinstance(value, ast.Call) and _CLIENTS.match(source.meaning(value.func)):
                return source, value
    return None


def _imported(source: Source, sources: Sources, node: ast.expr) -> tuple[Source, ast.Call] | None:
    """The constructor behind a client that another module of the project holds: `clients.api`, `from clients import api`."""
    module, _, name = source.meaning(node).rpartition(".")
    for path in sources.app if module else ():
        if sources.module(path)[1] == module:
            other = sources[path]
            for each in other.tree.body:
                targets = each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
                value = each.value if isinstance(each, ast.Assign | ast.AnnAssign) else None
                named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
                if named and isinstance(value, ast.Call) and _CLIENTS.match(other.meaning(value.func)):
                    return other, value
    return None
