"""Mistakes of every day, each with its fix, the test of it, and the words in which it comes back; and failures that only look like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent

from tests.e2e.repairs import Defect

ELSEWHERE = {"shop": "depot", "basket": "crate", "handle": "process"}
"""Another repository: package, module and function."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A function that is wrong, right, and how it fails; `words` are its variables and fields in other words, `looks` a failure that is another."""

    kind: str
    wrong: str
    right: str
    call: str
    test: str
    words: Mapping[str, str]
    looks: str = ""
    looks_call: str = ""

    def defect(self) -> Defect:
        """As it was made first."""
        return self._of(self.wrong, self.call)

    def again(self) -> dict[str, Defect]:
        """How it comes back: moved to another file, with other variables, in another repository with all names other."""
        first = self.defect()
        return {
            "moved": first.calling(basket="parcel"),
            "renamed": first.calling(**self.words),
            "elsewhere": first.calling(**ELSEWHERE, **self.words),
        }

    def lookalike(self) -> Defect | None:
        return self._of(self.looks, self.looks_call or self.call) if self.looks else None

    def _of(self, wrong: str, call: str) -> Defect:
        test = f"from shop.basket import *\n\n\ndef test_it_is_mended():\n{indent(self.test, '    ')}\n"
        return Defect(
            {"shop/__init__.py": "", "shop/basket.py": wrong}, f"from shop.basket import *\n{call}\n", "shop/basket.py", self.right,
            "tests/test_mended.py", test,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scripted(Mistake):
    """The same in JavaScript."""

    def _of(self, wrong: str, call: str) -> Defect:
        head = "const test = require('node:test');\nconst assert = require('node:assert');\nconst { handle } = require('../shop/basket.js');\n\n"
        return Defect(
            {"shop/basket.js": wrong}, f"const {{ handle }} = require('./shop/basket.js');\n{call}", "shop/basket.js", self.right,
            "test/mended.test.js", f"{head}test('it is mended', async () => {{\n  {self.test}\n}});\n", "javascript",
        )  # fmt: skip


_EXPORT = "\nmodule.exports = { handle };\n"


def _function(body: str, head: str = "def handle(item):", above: str = "") -> str:
    return f"{above}{head}\n{indent(body, '    ')}\n"


def _one(kind: str, wrong: str, right: str, call: str, test: str, words: Mapping[str, str], **more: str) -> Mistake:
    """A mistake in the body of `handle(item)`, or under the head that is given."""
    place = {name: more[name] for name in ("head", "above") if name in more}
    looks = _function(more["looks"], **place) if "looks" in more else ""
    return Mistake(kind, _function(wrong, **place), _function(right, **place), call, test, words, looks, more.get("looks_call", ""))


ITEM = {"item": "entry"}
MISTAKES: tuple[Mistake, ...] = (
    _one("missing None check", 'return item["name"].strip()', 'return (item["name"] or "").strip()', 'handle({"name": None})', 'assert handle({"name": None}) == ""', {**ITEM, "name": "title"}, looks='return item["name"].strip()', looks_call="handle({})"),
    _one("missing None check in a loop", "total = 0\nfor part in item:\n    total += part.get('weight')\nreturn total", "total = 0\nfor part in item:\n    if part.get('weight') is None:\n        continue\n    total += part.get('weight')\nreturn total", "handle([{}])", "assert handle([{}, {'weight': 2}]) == 2", {**ITEM, "part": "piece", "weight": "mass", "total": "sum_of"}, looks="total = ''\nfor part in item:\n    total += part.get('weight')\nreturn total", looks_call="handle([{'weight': 3}])"),
    Mistake("wrong default", _function("return sum(item, start)", "def handle(item, start=None):"), _function("return sum(item, start)", "def handle(item, start=0):"), "handle([1])", "assert handle([1]) == 1", {**ITEM, "start": "begin"}),
    _one("off by one", "last = item[len(item)]\nreturn last", "last = item[len(item) - 1]\nreturn last", "handle([1])", "assert handle([1, 2]) == 2", {**ITEM, "last": "final"}, looks="last = item[-1]\nreturn last", looks_call="handle([])"),
    _one("missing key", 'count = item["count"]\nreturn count + 1', 'count = item.get("count", 0)\nreturn count + 1', "handle({})", "assert handle({}) == 1", {**ITEM, "count": "number"}, looks='count = item.pop("count")\nreturn count + 1'),
    _one("missing key with a meaning", 'return item["colour"].upper()', 'return item.get("colour", "plain").upper()', "handle({})", 'assert handle({}) == "PLAIN"', {**ITEM}, looks='return item["weight"].upper()'),
    _one("encoding", 'text = item.decode("ascii")\nreturn text', 'text = item.decode("utf-8")\nreturn text', 'handle("é".encode())', 'assert handle("é".encode()) == "é"', {**ITEM, "text": "words"}, looks='text = item.encode("ascii")\nreturn text', looks_call='handle("é")'),
    _one("missing timeout", "return fetch(item)", "return fetch(item, timeout=5)", "handle('a')", "assert handle('a') == 5", ITEM, above="def fetch(url, timeout=None):\n    if timeout is None:\n        raise TimeoutError('no answer')\n    return timeout\n\n\n", looks="return fetch(item, None)"),
    _one("swallowed await", 'data = load(item)\nreturn data["x"]', 'data = await load(item)\nreturn data["x"]', "import asyncio\nasyncio.run(handle(1))", "import asyncio\n\nassert asyncio.run(handle(1)) == 1", {**ITEM, "data": "answer", "load": "fetch"}, head="async def handle(item):", above="async def load(number):\n    return {'x': number}\n\n\n"),
    _one("wrong operator", "if item is not None or item.total > 0:\n    return True\nreturn False", "if item is not None and item.total > 0:\n    return True\nreturn False", "handle(None)", "assert handle(None) is False", {**ITEM, "total": "amount"}),
    _one("time zones", "due = datetime.fromisoformat(item)\nreturn due < datetime.now(UTC)", "due = datetime.fromisoformat(item).replace(tzinfo=UTC)\nreturn due < datetime.now(UTC)", "handle('2026-01-01')", "assert handle('2020-01-01')", {**ITEM, "due": "until"}, above="from datetime import UTC, datetime\n\n\n"),
    _one(
        "division by zero",
        'share = item["won"] / item["played"]\nreturn share',
        'share = item["won"] / max(item["played"], 1)\nreturn share',
        'handle({"won": 7, "played": 0})',
        'assert handle({"won": 6, "played": 2}) == 3\nassert handle({"won": 4, "played": 0}) == 4',
        {**ITEM, "won": "sold", "played": "offered", "share": "rate"},
        looks='share = item["won"] % item["played"]\nreturn share',
    ),
    _one(
        "division by zero, by a choice",
        'share = item["won"] / item["played"]\nreturn share',
        'share = item["won"] / item["played"] if item["played"] else 0\nreturn share',
        'handle({"won": 7, "played": 0})',
        'assert handle({"won": 6, "played": 2}) == 3\nassert handle({"won": 4, "played": 0}) == 0',
        {**ITEM, "won": "sold", "played": "offered", "share": "rate"},
    ),
    _one("empty text as number", "amount = int(item)\nreturn amount", "amount = int(item or 0)\nreturn amount", "handle('')", "assert handle('') == 0", {**ITEM, "amount": "size"}, looks="amount = float(item)\nreturn amount"),
    _one("changed while read", "for key in item:\n    if not item[key]:\n        del item[key]\nreturn item", "for key in list(item):\n    if not item[key]:\n        del item[key]\nreturn item", "handle({'a': 0, 'b': 1})", "assert handle({'a': 0, 'b': 1}) == {'b': 1}", {**ITEM, "key": "word"}),
    _one("not to be written as JSON", "return json.dumps(item)", "return json.dumps(item, default=str)", "handle({'at': object})", "assert handle({'at': int})", ITEM, above="import json\n\n\n"),
    _one("split too often", 'key, value = item.split("=")\nreturn key, value', 'key, value = item.split("=", 1)\nreturn key, value', "handle('a=b=c')", "assert handle('a=b=c') == ('a', 'b=c')", {**ITEM, "key": "left", "value": "right"}, looks='key, value = item.split("=")\nreturn key, value', looks_call="handle('a')"),
    _one("nothing to compare", "best = max(item)\nreturn best", "best = max(item, default=0)\nreturn best", "handle([])", "assert handle([]) == 0", {**ITEM, "best": "top"}, looks="best = min(item)\nreturn best"),
    _one("number in a text", 'line = "Total: " + item\nreturn line', 'line = "Total: " + str(item)\nreturn line', "handle(3)", 'assert handle(3) == "Total: 3"', {**ITEM, "line": "words"}),
    _one("taken out twice", "NAMES.remove(item)\nreturn NAMES", "if item in NAMES:\n    NAMES.remove(item)\nreturn NAMES", "handle('x')", "assert handle('x') == []", ITEM, above="NAMES = []\n\n\n"),
    _one("no first one", "first = next(iter(item))\nreturn first", "first = next(iter(item), None)\nreturn first", "handle([])", "assert handle([]) is None", {**ITEM, "first": "leader"}),
    _one("order of None", "rows = sorted(item)\nreturn rows", "rows = sorted(item, key=str)\nreturn rows", "handle([1, None])", "assert handle([1, None]) == [1, None]", {**ITEM, "rows": "lines"}),
    Scripted("JavaScript: missing null check", "function handle(item) {\n  const text = item.name.trim();\n  return text;\n}\n" + _EXPORT, "function handle(item) {\n  const text = (item.name ?? '').trim();\n  return text;\n}\n" + _EXPORT, "handle({ name: null });", "assert.strictEqual(handle({ name: null }), '');", {**ITEM, "name": "title", "text": "words"}),
    Scripted("JavaScript: no list", "function handle(item) {\n  return item.parts.length;\n}\n" + _EXPORT, "function handle(item) {\n  return (item.parts ?? []).length;\n}\n" + _EXPORT, "handle({});", "assert.strictEqual(handle({}), 0);", {**ITEM, "parts": "pieces"}, "function handle(item) {\n  return item.parts.total.length;\n}\n" + _EXPORT, "handle({ parts: {} });"),
    Scripted("JavaScript: empty JSON", "function handle(item) {\n  const data = JSON.parse(item);\n  return data;\n}\n" + _EXPORT, "function handle(item) {\n  const data = JSON.parse(item || '{}');\n  return data;\n}\n" + _EXPORT, "handle('');", "assert.deepStrictEqual(handle(''), {});", {**ITEM, "data": "answer"}, "function handle(item) {\n  const data = JSON.parse(item);\n  return data;\n}\n" + _EXPORT, "handle('{\"a\": x}');"),
)  # fmt: skip
