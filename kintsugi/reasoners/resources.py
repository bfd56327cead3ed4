"""Things that are opened and must be closed, and the functions that forget to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kintsugi.reasoners.places import Function, Source, own_nodes

WITH = {
    "open", "io.open", "socket.socket", "socket.create_connection", "requests.Session", "requests.session", "httpx.Client", "httpx2.Client",
    "urllib.request.urlopen", "smtplib.SMTP", "smtplib.SMTP_SSL", "ftplib.FTP", "zipfile.ZipFile", "tarfile.open", "gzip.open", "bz2.open",
    "lzma.open", "tempfile.TemporaryFile", "tempfile.NamedTemporaryFile", "os.scandir", "shelve.open", "psycopg.connect", "codecs.open",
    "concurrent.futures.ThreadPoolExecutor", "selectors.DefaultSelector", "mmap.mmap",
}  # fmt: skip
CLOSING = {
    "sqlite3.connect",
    "http.client.HTTPConnection",
    "http.client.HTTPSConnection",
    "redis.Redis",
    "pymysql.connect",
    "imaplib.IMAP4",
}
ASYNC = {"httpx.AsyncClient", "httpx2.AsyncClient", "aiohttp.ClientSession"}


@dataclass(frozen=True, slots=True)
class Opened:
    """One constructor call whose result nobody closes. `name` is '' when the result is used without being bound."""

    source: Source
    function: Function
    call: ast.Call
    constructor: str
    name: str
    statement: ast.stmt
    parked: tuple[ast.Expr, ...] = ()

    @property
    def is_async(self) -> bool:
        return self.constructor in ASYNC


def unclosed(source: Source, function: Function) -> Iterator[Opened]:
    """The constructors of a function whose result is neither closed, nor given away, nor kept by an object."""
    for call in own_nodes(function):
        if not isinstance(call, ast.Call) or (constructor := source.meaning(call.func)) not in WITH | CLOSING | ASYNC:
            continue
        statement, parent = source.statement(call), source.parents.get(call)
        if statement is None or isinstance(parent, ast.withitem) or _wrapped(source, parent):
            continue
        if isinstance(statement, ast.Assign) and statement.value is call:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and (parked := _kept(source, function, target.id)) is not None:
                yield Opened(source, function, call, constructor, target.id, statement, parked)
        elif not isinstance(statement, ast.With | ast.AsyncWith) and _used_up(source, parent):
            yield Opened(source, function, call, constructor, "", statement)


def _used_up(source: Source, parent: ast.AST | None) -> bool:
    """Whether the expression around a constructor uses the result at once: a method of it, or a reader of the whole."""
    if isinstance(parent, ast.Call):
        return source.meaning(parent.func).rpartition(".")[2] in {"load", "loads", "reader", "DictReader", "list", "sorted"}
    return isinstance(parent, ast.Attribute)


def _wrapped(source: Source, parent: ast.AST | None) -> bool:
    if isinstance(parent, ast.Await):
        parent = source.parents.get(parent)
    return isinstance(parent, ast.Call) and source.meaning(parent.func).rpartition(".")[2] in {
        "closing",
        "aclosing",
        "enter_context",
        "enter_async_context",
        "callback",
    }


def _kept(source: Source, function: Function, name: str) -> tuple[ast.Expr, ...] | None:
    """The statements that only park a name in a collection; None when the function closes it or gives it away."""
    parked: list[ast.Expr] = []
    for node in own_nodes(function):
        if not (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)):
            continue
        parent = source.parents.get(node)
        if isinstance(parent, ast.Attribute) and parent.attr not in ("close", "aclose", "shutdown", "detach"):
            continue
        statement = source.statement(node)
        if isinstance(parent, ast.Call) and isinstance(statement, ast.Expr) and statement.value is parent and _parks(source, parent):
            parked.append(statement)
        elif (
            isinstance(parent, ast.Call)
            and node in parent.args
            and isinstance(parent.func, ast.Attribute | ast.Name)
            and not isinstance(statement, ast.Return)
        ):
            if isinstance(parent.func, ast.Attribute) and parent.func.attr in ("append", "add", "put", "setdefault"):
                return None
        elif isinstance(parent, ast.For | ast.comprehension | ast.Subscript):
            continue
        else:
            return None  # closed, returned, stored, or entered elsewhere
    return tuple(parked)


def _parks(source: Source, call: ast.Call) -> bool:
    """Whether a call appends to a module-level collection that nothing else uses."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in ("append", "add") and isinstance(call.func.value, ast.Name)):
        return False
    name = call.func.value.id
    uses = [n for n in ast.walk(source.tree) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
    return len(uses) == 1
