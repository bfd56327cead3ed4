"""A host gone mad: calls of every tool there is, at random, with what its schema lets through, and with what it does not."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mcp import Client

from mcp_servers.launch import SLICES, server
from tests.injection.attack import BareClient, Outcome
from tests.injection.obedience import PEOPLE, Call
from tests.injection.world import CHANGE, World
from tests.surface.story import CAUSE, DRAFT

Schema = Mapping[str, Any]
SLOW = {"certify_fix", "try_reproduction"}
"""Tools that make the sandbox work: one in so many of their turns is taken."""
TURNS = 50
SENTENCE = re.compile(r"^(?:Error executing tool \w+: )?\[(?:refusal|unavailable|misconfigured):(?!internal_error)\w+\] ")
"""How a tool says no; anything else was not foreseen."""
_STOPS_ALL = "pause_healing"
_SINKS_OF_NOBODY = {"tickets ended"}
"""A ticket that belongs to no case may be closed, and the host makes such tickets."""
_ODD = "\x00\x07\x1b\u200b\u202e\ud7ff\U000e0041💥äж’\"'`\\;|&$<>(){}[]%*?~#/ \n\r\t"
_WORDS = (
    "", " ", ".", "..", "main", "HEAD", "refs/heads/main", "../../etc/passwd", "/etc/shadow", "-rf", "--exec=sh", "a.py", "tests/test_x.py", "warehouse/notes.py",
    "2026-11-20T09:00:00Z", "3h", "0m", "-1h", "1e9", "null", "true", "low", "sha256:", "case_00000000", "fix_20261120_101500", "'; DROP TABLE approvals; --",
    "(a+)+$", "[", "*", "{}", "[]", "NEAR(a, b)", "a:b", "KIN-1", "KIN-999999", "0", "strip",
)  # fmt: skip


@dataclass(frozen=True)
class Dice:
    """What falls is told by `chance` alone. `known` are values of the world by the names of arguments: they make a call reach further."""

    chance: random.Random
    known: Mapping[str, Sequence[Any]]

    def call(self, tool: str, schema: Schema) -> Call:
        return Call(tool, cast(dict[str, Any], self.value(schema, schema, 0)))

    def value(self, schema: Schema, whole: Schema, depth: int) -> Any:
        """A value that the schema lets through, mostly."""
        if depth and (self.chance.random() < 0.02 or depth > 6):
            return self.anything(depth)
        if "$ref" in schema:
            return self.value(whole["$defs"][str(schema["$ref"]).rpartition("/")[2]], whole, depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.value(self.chance.choice(schema[word]), whole, depth + 1)
        if "enum" in schema or "const" in schema:
            return self.chance.choice(schema.get("enum") or [schema["const"]])
        kinds = schema.get("type", "")
        kind = self.chance.choice(cast(list[str], kinds)) if isinstance(kinds, list) else str(kinds)
        return self._of_kind(kind, schema, whole, depth)

    def _of_kind(self, kind: str, schema: Schema, whole: Schema, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, whole, depth)
            case "array":
                size = self.chance.randint(int(schema.get("minItems", 0)), min(int(schema.get("maxItems", 3)), 3))
                return [self.value(schema.get("items", {}), whole, depth + 1) for _ in range(size)]
            case "string":
                return self._text(schema)
            case "integer" | "number":
                low, high = schema.get("minimum", -(2**40)), schema.get("maximum", 2**40)
                number = self.chance.choice([low, high, self.chance.uniform(low, high), 0, 1])
                return int(number) if kind == "integer" else number
            case "boolean":
                return self.chance.random() < 0.5
            case "null":
                return None
            case _:
                return self.anything(depth)

    def _object(self, schema: Schema, whole: Schema, depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        made = {
            name: self._named(name, inner, whole, depth)
            for name, inner in schema.get("properties", {}).items()
            if name in required or self.chance.random() < 0.4
        }
        if schema.get("additionalProperties", False) or self.chance.random() < 0.02:
            made |= {self._word(): self.anything(depth + 1) for _ in range(self.chance.randint(0, 2))}
        return made

    def _named(self, name: str, schema: Schema, whole: Schema, depth: int) -> Any:
        if name in self.known and self.chance.random() < 0.7:
            return self._bent(self.chance.choice(self.known[name]))
        return self.value(schema, whole, depth + 1)

    def _bent(self, value: Any) -> Any:
        """The value, now and then with something inside that is not as it was."""
        if self.chance.random() < 0.03:
            return self.anything(3)
        if isinstance(value, dict):
            return {name: self._bent(inner) for name, inner in cast(dict[str, Any], value).items() if self.chance.random() < 0.98}
        return [self._bent(inner) for inner in cast(list[Any], value)] if isinstance(value, list) else value

    def _text(self, schema: Schema) -> str:
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 60))
        text = self._word()
        if pattern := schema.get("pattern"):
            text = next((word for word in (text, *self._ids, "abcd1234", "deadbeef") if re.search(pattern, word)), text)
        return text.ljust(least, "x")[:most]

    @property
    def _ids(self) -> list[str]:
        return [value for values in self.known.values() for value in values if isinstance(value, str)]

    def _word(self) -> str:
        draw = self.chance.random()
        if draw < 0.4:
            return self.chance.choice(self._ids)
        if draw < 0.8:
            return self.chance.choice((*_WORDS, *PEOPLE))
        return "".join(self.chance.choices(string.ascii_letters + _ODD, k=self.chance.choice([1, 8, 40, 3000])))

    def anything(self, depth: int) -> Any:
        simple = [None, True, 0, -1, 1e308, float(2**53), 10**30, self._word()]
        if depth > 4:
            return self.chance.choice(simple)
        nested = [[self.anything(depth + 1)], {self._word(): self.anything(depth + 1)}]
        return self.chance.choice([*simple, *nested])


def known(world: World) -> Mapping[str, Sequence[Any]]:
    evidence = dict(world.ledger.case(world.case).evidence)
    return {
        "case_id": [world.case, world.healed],
        "fix_id": [world.waiting],
        "ticket_id": [world.ticket],
        "lesson_id": [world.lesson],
        "digest": [world.digest],
        "since": ["3h", "12h", "2026-11-20T09:00:00Z"],
        "until": ["0m", "2026-11-20T10:00:00Z"],
        "baseline": ["0m", "6h"],
        "repository": ["warehouse"],
        "path": ["warehouse/notes.py", "tests/test_new.py"],
        "anomaly": [evidence],
        "evidence": [evidence],
        "trace": [evidence.get("trace", {})],
        "fingerprint": [dict(evidence["fingerprint"])],
        "draft": [DRAFT],
        "tests": [[DRAFT["test"]]],
        "changes": [[CHANGE]],
        "diagnosis": [{"cause": CAUSE}],
    }


async def rage(world: World, calls: int, seed: int) -> Outcome:
    """So many calls in one world that keeps what they leave; what is wrong is told by the number of the call after which it was seen."""
    outcome, chance, before = Outcome(), random.Random(seed), world.effects()
    world.again()
    dice = Dice(chance, known(world))
    async with Client(server(list(SLICES), world.deps, frozenset(SLICES)), mode="auto") as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        for number in range(calls):
            name = chance.choice(sorted(tools))
            if name == _STOPS_ALL or (name in SLOW and chance.random() * TURNS > 1):
                continue
            await _one(world, BareClient(client), dice.call(name, tools[name]), number, outcome)
    outcome.effects += [sink for sink in world.effects().since(before) if sink not in _SINKS_OF_NOBODY]
    world.again()
    return outcome


async def _one(world: World, door: BareClient, call: Call, number: int, outcome: Outcome) -> None:
    world.clock.forward(seconds=1)
    text, failed = await door.say(call)
    outcome.heard(f"call {number}", call, text, failed)
    if failed and not SENTENCE.match(text):
        outcome.unhandled.append(f"call {number}: {call.tool} {str(call.arguments)[:600]}: {text[:300]}")
