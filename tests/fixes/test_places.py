from __future__ import annotations

import pytest

from mcp_servers.fixes.places import Spectrum, Spot, rank
from mcp_servers.fixes.places.spectra import ochiai
from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

FILES = {
    "shop/cart.py": "from shop import money\n\n\nclass Cart:\n    def __init__(self, items):\n        self.items = items\n\n    def total(self):\n        return money.add(self.items)\n",
    "shop/money.py": "def add(items):\n    return sum(items) + 1\n\n\ndef shown(amount):\n    return f'{amount} EUR'\n",
    "tests/test_cart.py": "from shop.cart import Cart\n\n\ndef test_total():\n    cart = Cart([1, 2])\n    total = cart.total()\n    assert total == 3\n",
}


def failing(*frames: Frame) -> StackTrace:
    return StackTrace("python", (ExceptionInfo("AssertionError", "", frames),))


CHECK = Frame("tests/test_cart.py", 7, "test_total")


def ranked(trace: StackTrace, spectrum: Spectrum | None = None) -> list[str]:
    return [place.function for place in rank(tuple(FILES), FILES.__getitem__, trace, spectrum=spectrum)]


def test_a_failing_check_leads_to_what_gave_its_value_and_on_to_what_that_calls() -> None:
    assert ranked(failing(CHECK))[0] == "Cart.total"
    assert "add" in ranked(failing(CHECK))
    assert "shown" not in ranked(failing(CHECK))


def test_what_raised_inside_comes_before_what_the_check_calls() -> None:
    inside = Frame("/srv/app/shop/money.py", 2, "add")
    assert ranked(failing(CHECK, Frame("/srv/app/shop/cart.py", 9, "total"), inside))[0] == "add"


def test_what_runs_in_failing_tests_alone_is_most_suspicious() -> None:
    total, add, init = Spot("shop/cart.py", "Cart.total"), Spot("shop/money.py", "add"), Spot("shop/cart.py", "Cart.__init__")
    lines = {
        "bad": frozenset({(total, 9), (add, 2), (init, 6)}),
        "good": frozenset({(total, 9), (init, 6)}),
        "fine": frozenset({(init, 6)}),
    }
    spectrum = Spectrum(lines, frozenset({"bad"}), {(total, add): 1})
    assert ochiai(spectrum)[add, 2] == 1.0
    assert ranked(failing(CHECK), spectrum)[0] == "add"


@pytest.mark.parametrize("frame", [Frame("/usr/lib/x.py", 1, "f"), Frame("tests/gone.py", 1, "test")])
def test_a_trace_that_leads_nowhere_has_no_place(frame: Frame) -> None:
    assert ranked(failing(frame)) == []


SHAPES = """class Odd(Exception):
    def told(self):
        return str(self)


class Shape:
    def area(self):
        raise NotImplementedError

    @property
    def width(self):
        return 1


class Square(Shape):
    def area(self):
        return 3


def first() -> Shape:
    return Square()


def every(table):
    return table.values()
"""


@pytest.mark.parametrize(
    ("body", "function"),
    [
        ("    shape = first()\n    assert shape.area() == 4\n", "Square.area"),
        ("    for shape in every({}):\n        assert shape.width == 2\n", "Shape.width"),
        ("    try:\n        first()\n    except Odd as error:\n        assert error.told() == 'odd'\n", "Odd.told"),
    ],
)
def test_what_an_object_may_be_is_told_by_its_class_its_properties_and_what_was_caught(body: str, function: str) -> None:
    check = f"from shop.shapes import Odd, every, first\n\n\ndef test_shape():\n{body}"
    files = {"shop/shapes.py": SHAPES, "tests/test_shapes.py": check}
    found = rank(tuple(files), files.__getitem__, failing(Frame("tests/test_shapes.py", check.count("\n"), "test_shape")))
    assert function in [place.function for place in found]
