"""How a test that calls one function is written: its arguments, its receiver, its patches and its imports."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from kintsugi.reasoners.idioms import Answer
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.places import Function, Place, Source, own_nodes, parameters
from kintsugi.reasoners.reproductions import Sketch
from kintsugi.reasoners.reproductions.values import plausible


@dataclass(slots=True)
class Setup:
    """What a call needs: a value per parameter (as source), patches by dotted target, and what mocks of parameters answer."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    patches: dict[str, str] = field(default_factory=dict[str, str])
    mocked: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])


def sketch(facts: Facts, place: Place, setup: Setup, style: str, reply: Answer | None, wrap: tuple[str, ...] = ()) -> Sketch:
    """A test that makes one call under a set-up; a refusal is expected when that is what the change answers with."""
    root, module = facts.sources.module(place.path)
    imports, load = _loading(place, module)
    call = call_of(place, setup, style)
    lines, patches = (
        list(wrap),
        [f"mock.patch({f'{module}.{target}'!r}, {made})" for target, made in setup.patches.items()] if module else [],
    )
    extra: list[str] = []
    if reply and reply.exception:
        extra.append("import pytest")
        if reply.module and reply.module != "builtins":
            extra.append(f"from {reply.module} import {reply.exception}")
        patches.append(f"pytest.raises({reply.exception})")
    lines += [*load, *([f"with {', '.join(patches)}:", f"    {call}"] if patches else [call])]
    text = "\n".join(lines)
    extra += needed_imports(text)
    name = f"{place.function.strip('_')}_{'refuses_what_it_does_not_know' if reply and reply.exception else 'bears_a_missing_value'}"
    return Sketch(tuple(lines), (*imports, *extra), roots=(root,), name=name)


def needed_imports(text: str) -> list[str]:
    """The imports of what generated calls may mention."""
    known = (
        ("mock.", "from unittest import mock"), ("SimpleNamespace", "from types import SimpleNamespace"), ("asyncio.", "import asyncio"),
        ("Decimal(", "from decimal import Decimal"), ("date(", "from datetime import date"), ("datetime(", "from datetime import datetime"),
    )  # fmt: skip
    return [line for word, line in known if re.search(rf"(?<!\w){re.escape(word)}", text)]


def _loading(place: Place, module: str) -> tuple[list[str], list[str]]:
    assert place.node is not None
    owner = place.source.class_of(place.node)
    name = owner.name if owner else place.node.name
    if module:
        return [f"from {module} import {name}"], []
    lines = [
        f"file = next(root / {place.path!r} for root in Path(__file__).resolve().parents if (root / {place.path!r}).exists())",
        'spec = importlib.util.spec_from_file_location("subject", file)',
        "subject = importlib.util.module_from_spec(spec)",
        "spec.loader.exec_module(subject)",
        f"{name} = subject.{name}",
    ]
    return ["import importlib.util", "from pathlib import Path"], lines


def call_of(place: Place, setup: Setup, style: str = "") -> str:
    """The source of one call of the place's function."""
    function, source = place.node, place.source
    assert function is not None
    owner = source.class_of(function)
    given = parameters(function)
    receiver, decorators = "", {ast.unparse(d) for d in function.decorator_list}
    if owner and not decorators & {"staticmethod"} and given:
        if "classmethod" not in decorators:
            receiver = _receiver(source, owner, given[0].arg, setup, style)
        given = given[1:]
    arguments = [a for p in given if (a := _argument(function, p, setup, place))]
    target = f"{owner.name}.{function.name}" if owner else function.name
    if receiver and decorators & {"property", "cached_property", "functools.cached_property"}:
        return f"{target}.{'fget' if 'property' in decorators else 'func'}({receiver})"
    call = f"{target}({', '.join([*([receiver] if receiver else []), *arguments])})"
    if isinstance(function, ast.AsyncFunctionDef):
        return f"asyncio.run({call})"
    return f"list({call})" if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in own_nodes(function)) else call


def _argument(function: Function, parameter: ast.arg, setup: Setup, place: Place) -> str:
    positional = [*function.args.posonlyargs, *function.args.args]
    optional = {p.arg for p in positional[len(positional) - len(function.args.defaults) :]} | {
        p.arg for p, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d is not None
    }
    name = parameter.arg
    if name in setup.mocked:
        value = _mock(setup.mocked[name])
    elif name in setup.values:
        value = setup.values[name]
    elif name in optional:
        return ""
    else:
        value = plausible(parameter, place)
    return value if parameter in function.args.posonlyargs else f"{name}={value}"


def _mock(answers: dict[str, str]) -> str:
    return "mock.MagicMock(**{" + ", ".join(f"{path!r}: {value}" for path, value in answers.items()) + "})"


def _receiver(source: Source, owner: ast.ClassDef, name: str, setup: Setup, style: str) -> str:
    if name in setup.mocked:
        return _mock(setup.mocked[name])
    value = setup.values.get(name, "")
    if style == "built":
        init = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        if init and not value:
            inner = Place(source, init.lineno, "__init__", init)
            return f"{owner.name}({', '.join(a for p in parameters(init)[1:] if (a := _argument(init, p, Setup(), inner)))})"
        fields = {n.target.id: "None" if re.search(rf"\b{n.target.id}=None", value) else _field(n) for n in owner.body
                  if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and (n.value is None or re.search(rf"\b{n.target.id}=None", value))}  # fmt: skip
        if not init:
            return f"{owner.name}({', '.join(f'{key}={text}' for key, text in fields.items())})"
    if value.startswith("SimpleNamespace("):
        return value.replace("SimpleNamespace(", "mock.MagicMock(", 1)
    return f"{owner.name}.__new__({owner.name})" if style == "bare" else "mock.MagicMock()"


def _field(node: ast.AnnAssign) -> str:
    return {"int": "1", "float": "1.0", "bool": "True", "list": "[]", "dict": "{}"}.get(
        re.split(r"\W", ast.unparse(node.annotation))[0], '"x"'
    )
