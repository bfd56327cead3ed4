"""Certificates: every bad fix of the corpus, and honest ones that are mutations of installed packages, small projects, and other languages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure, Say, met
from benchmarks.honest import TEST_PATH, Honest, mutants, write
from mcp_servers.fixes.certificate import certify
from mcp_servers.fixes.jail import Limits, default
from mcp_servers.fixes.model import Certificate
from mcp_servers.kit.project import Tests
from mcp_servers.kit.stack import Failure
from tests.fixes import badfixes
from tests.fixes.badfixes import Bad

SEED = 1
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def run(say: Say) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="kintsugi-bench-") as name:
        folder = Path(name)
        good = _examined(folder, _control())
        mended = [_examined(folder, each, say) for each in _foreign("mended")]
        bad = {kind: [_wrongly(folder, label, one, say) for label, one in cases.items()] for kind, cases in _bad().items()}
        made_up = [each.name if _examined(folder, each, say).passed else "" for each in _foreign("forged")]
        honest = [(each, _examined(folder, each, say)) for each in (*projects(), *mutants(folder / "mutants", SEED))]
    forged, rest = [*bad.pop("forged"), *made_up], [each for cases in bad.values() for each in cases]
    refused = [f"{each.name}: {seen.reason}" for each, seen in honest if not seen.passed]
    share = 1 - len(refused) / len(honest)
    slowest = max(seen.seconds for _, seen in honest)
    return [
        _none(f"certificates: bad fixes with one, {len(rest)} of {len(bad)} kinds", rest),
        _none(
            f"certificates: forged reports believed, {len(forged)}",
            [*forged, "" if all(each.passed for each in (good, *mended)) else "a control"],
        ),
        Figure(
            f"certificates: honest fixes certified, {len(honest)}",
            f"{share:.1%}",
            anchor="; ".join(refused)[:300],
            reach="≥ 95 %",
            beyond="≥ 99 %",
            met=met(share, 0.95, 0.99),
        ),
        Figure("certificates: slowest cold one", f"{slowest:.1f} s", reach="< 10 s", beyond="< 5 s", met=met(slowest, 10, 5)),
    ]


def _none(name: str, found: list[str]) -> Figure:
    wrong = [each for each in found if each]
    return Figure(name, str(len(wrong)), anchor=", ".join(wrong)[:200], reach="0", beyond="0", met="" if wrong else "beyond")


def _bad() -> Mapping[str, Mapping[str, Bad]]:
    return {**badfixes.KINDS, "forged": badfixes.FORGED}


def _foreign(kind: str) -> Iterator[Honest]:
    """Programs of other languages, mended or with a report of their own."""
    for language, shop in badfixes.FOREIGN.items():
        programs = {"mended": shop.mended} if kind == "mended" else shop.forged
        for name, program in programs.items():
            base = {**shop.beside, shop.program: shop.broken}
            yield Honest(f"{language}, {name}", base, {shop.program: program}, shop.test, shop.failure, shop.path)


def _wrongly(folder: Path, label: str, bad: Bad, say: Say) -> str:
    """The label of a bad fix that got a certificate, else the empty string."""
    fix = {name: content for name, content in bad.writes.items() if content is not None}
    gone = tuple(name for name, content in bad.writes.items() if content is None)
    return label if _examined(folder, Honest(label, badfixes.SHOP, fix, bad.test, bad.failure), say, gone).passed else ""


def _control() -> Honest:
    return Honest("control", badfixes.SHOP, {"shop/prices.py": badfixes.GOOD_PRICE}, badfixes.PRICE_TEST, badfixes.PRICE)


def _examined(folder: Path, fix: Honest, say: Say = lambda doing: None, gone: tuple[str, ...] = ()) -> Certificate:
    say(fix.name)
    base = write(folder / "base", fix.base)
    result = write(Path(shutil.copytree(base, folder / "result")), fix.fix)
    for name in gone:
        (result / name).unlink()
    try:
        return certify(
            base=base, result=result, test_path=fix.test_path, test=fix.test, failure=fix.failure, tests=Tests(), jail=default(), now=NOW,
            runs=3, limits=Limits(seconds=20), suite_limits=Limits(seconds=60),
        )  # fmt: skip
    finally:
        shutil.rmtree(base)
        shutil.rmtree(result)


_CASES: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    # name, module, broken, mended, call, expected, failure "Type function"
    ("no guard for nothing", "names.py", "def first(name):\n    return name.split()[0]\n", "def first(name):\n    return (name or '?').split()[0]\n", "first(None)", "'?'", "AttributeError first"),
    ("an early return", "cart.py", "def mean(prices):\n    return sum(prices) / len(prices)\n", "def mean(prices):\n    if not prices:\n        return 0\n    return sum(prices) / len(prices)\n", "mean([])", "0", "ZeroDivisionError mean"),
    ("a lookup with a default", "rates.py", "RATES = {'EUR': 1}\n\ndef rate(code):\n    return RATES[code]\n", "RATES = {'EUR': 1}\n\ndef rate(code):\n    return RATES.get(code, 0)\n", "rate('XYZ')", "0", "KeyError rate"),
    ("a row more in a table", "rates.py", "RATES = {'EUR': 1}\n\ndef rate(code):\n    return RATES[code]\n", "RATES = {'EUR': 1, 'CHF': 2}\n\ndef rate(code):\n    return RATES[code]\n", "rate('CHF')", "2", "KeyError rate"),
    ("another type", "money.py", "def cents(text):\n    return int(text) * 100\n", "from decimal import Decimal\n\ndef cents(text):\n    return int(Decimal(text) * 100)\n", "cents('1.50')", "150", "ValueError cents"),
    ("a wrong name", "area.py", "def area(width, height):\n    return width * heigth\n", "def area(width, height):\n    return width * height\n", "area(2, 3)", "6", "NameError area"),
    ("a missing argument", "hello.py", "def greet(name, mark):\n    return name + mark\n\ndef hello(name):\n    return greet(name)\n", "def greet(name, mark='!'):\n    return name + mark\n\ndef hello(name):\n    return greet(name)\n", "hello('Ada')", "'Ada!'", "TypeError hello"),
    ("a border", "pages.py", "def last(items):\n    return items[len(items)]\n", "def last(items):\n    return items[len(items) - 1]\n", "last([1, 2])", "2", "IndexError last"),
    ("an end to a recursion", "trees.py", "def depth(tree):\n    return 1 + depth(tree[0])\n", "def depth(tree):\n    return 1 + depth(tree[0]) if tree else 0\n", "depth([[[]]])", "2", "IndexError depth"),
    ("checked by the caller", "forms.py", "def parse(text):\n    return int(text)\n\ndef age(form):\n    return parse(form.get('age'))\n", "def parse(text):\n    return int(text)\n\ndef age(form):\n    text = form.get('age')\n    return parse(text) if text else None\n", "age({})", "None", "TypeError parse"),
    ("told in another error", "config.py", "def port(settings):\n    return int(settings['port'])\n", "def port(settings):\n    try:\n        return int(settings.get('port', 80))\n    except ValueError as error:\n        raise RuntimeError('the port is no number') from error\n", "port({})", "80", "KeyError port"),
    ("another encoding", "bytes.py", "def text(data):\n    return data.decode('ascii')\n", "def text(data):\n    return data.decode('utf-8')\n", "text('ü'.encode())", "'ü'", "UnicodeDecodeError text"),
    ("a date in other words", "dates.py", "from datetime import datetime\n\ndef day(text):\n    return datetime.strptime(text, '%Y-%m-%d').day\n", "from datetime import datetime\n\ndef day(text):\n    form = '%d/%m/%Y' if '/' in text else '%Y-%m-%d'\n    return datetime.strptime(text, form).day\n", "day('31/12/2024')", "31", "ValueError day"),
    ("an iterator without an end", "finds.py", "def find(items, wanted):\n    return next(each for each in items if each == wanted)\n", "def find(items, wanted):\n    return next((each for each in items if each == wanted), None)\n", "find([1], 9)", "None", "StopIteration find"),
    ("a set that changes", "clean.py", "def clean(found):\n    for each in found:\n        if not each:\n            found.discard(each)\n    return found\n", "def clean(found):\n    for each in list(found):\n        if not each:\n            found.discard(each)\n    return found\n", "clean({0, 1, 2})", "{1, 2}", "RuntimeError clean"),
    ("a line too many", "twice.py", "def tidy(text):\n    text = text.encode()\n    return text.strip('x')\n", "def tidy(text):\n    return text.strip('x')\n", "tidy('xax')", "'a'", "TypeError tidy"),
)  # fmt: skip


def projects() -> Iterator[Honest]:
    """Small projects in three layouts: beside the tests, under src, and with unittest."""
    for number, (name, module, broken, mended, call, expected, told) in enumerate(_CASES):
        kind, _, function = told.partition(" ")
        root = ("", "src/", "app/")[number % 3]
        package = "app." if root == "app/" else ""
        head = f"from {package}{module.removesuffix('.py')} import {call.partition('(')[0]}\n\n\n"
        test = head + f"def test_it():\n    assert {call} == {expected}\n"
        suite = "import unittest\n\n\nclass TestNothing(unittest.TestCase):\n    def test_nothing(self):\n        self.assertTrue(True)\n"
        base = {
            root + module: broken,
            **({"app/__init__.py": ""} if root == "app/" else {}),
            **({"tests/test_old.py": suite} if number % 2 else {}),
        }
        yield Honest(name, base, {root + module: mended}, test, Failure(kind, f"/srv/{root}{module}", function), TEST_PATH)
