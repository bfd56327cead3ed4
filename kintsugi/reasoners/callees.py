"""The functions that a failing function calls: a wrong value often comes from a commit there, which no frame of the trace shows."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from kintsugi.reasoners import Tree
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.places import Place, Source, Sources, own_nodes


def callees(evidence: Mapping[str, Any], tree: Tree, most: int = 8) -> list[dict[str, Any]]:
    """Frames (`file`, `line`, `function`) of the project's functions that the throwing function calls, in the order of the calls."""
    facts = Facts(evidence, Sources(tree))
    if not facts.places or facts.places[0].node is None:
        return []
    found = {(each["file"], each["function"]): each for each in _called(facts.places[0], facts.sources)}
    return list(found.values())[:most]


def _called(place: Place, sources: Sources) -> Iterator[dict[str, Any]]:
    assert place.node is not None
    modules = {sources.module(path)[1]: path for path in sources.app}
    for node in own_nodes(place.node):
        if isinstance(node, ast.Call) and (meaning := place.source.meaning(node.func)):
            module, _, name = meaning.rpartition(".")
            source: Source | None = sources[modules[module]] if module in modules else place.source if not module else None
            for function in source.functions if source else ():
                if function.name == name and source and function is not place.node:
                    yield {"file": source.path, "line": function.body[-1].lineno, "function": name}
