from __future__ import annotations

from typing import Any

import pytest

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.stack import ExceptionInfo, Failure, Frame, StackTrace, handed_on, resolve_path

TRACE = StackTrace(
    "python",
    (
        ExceptionInfo(
            "KeyError", "'x'", (Frame("/srv/app/shop/cart.py", 12, "total"), Frame("/usr/lib/python3/json.py", 3, "loads", in_app=False))
        ),
        ExceptionInfo("shop.errors.CartError", "bad cart", (Frame("/srv/app/shop/api.py", 40, "checkout"),)),
    ),
)


def test_a_failure_is_the_root_cause_and_our_frame_nearest_the_throw() -> None:
    assert Failure.of(TRACE) == Failure("KeyError", "/srv/app/shop/cart.py", "total", "'x'")


def test_a_trace_survives_the_way_through_json() -> None:
    assert StackTrace.from_json(TRACE.as_json()) == TRACE


@pytest.mark.parametrize(
    ("where", "value"),
    [("file", 7), ("line", "12"), ("line", True), ("in_app", {}), ("code", None), ("function", []), ("more", "x")],
)
def test_a_trace_of_another_shape_is_refused_in_a_sentence(where: str, value: object) -> None:
    told = TRACE.as_json()
    told["exceptions"][0]["frames"][0][where] = value
    nothing: list[dict[str, Any]] = [{"language": "python", "exceptions": []}, {**TRACE.as_json(), "language": None}, {}]
    for bad in (told, *nothing):
        with pytest.raises(Refusal, match="not one of find_anomalies"):
            handed_on(bad)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Failure("KeyError", "shop/cart.py", "total"), True),
        (Failure("KeyError", "shop/cart.py", "Cart.total"), True),
        (Failure("builtins.KeyError", "/elsewhere/releases/r7/shop/cart.py", "total"), True),
        (Failure("IndexError", "shop/cart.py", "total"), False),
        (Failure("KeyError", "shop/cart.py", "subtotal"), False),
        (Failure("KeyError", "bank/cart.py", "total"), False),
    ],
)
def test_the_same_failure_has_the_same_type_and_place(other: Failure, same: bool) -> None:
    assert Failure.of(TRACE).same_as(other) is same


def test_an_error_of_the_operating_system_is_the_same_whatever_wraps_it() -> None:
    seen = Failure("httpx.ConnectError", "shop/ask.py", "ask", "[Errno 24] Too many open files")
    assert seen.same_as(Failure("OSError", "shop/ask.py", "ask", "[Errno 24] Too many open files"))
    assert not seen.same_as(Failure("httpx.ConnectError", "shop/ask.py", "ask", "[Errno 111] Connection refused"))


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("/srv/app/shop/cart.py", "shop/cart.py"),
        ("C:\\app\\shop\\cart.py", "shop/cart.py"),
        ("cart.py", None),
        ("/srv/other.py", None),
    ],
)
def test_a_printed_path_means_one_file_or_none(printed: str, found: str | None) -> None:
    assert resolve_path(printed, ["shop/cart.py", "bank/cart.py", "shop/api.py"]) == found


def test_a_failure_is_the_same_however_its_runtime_names_it():
    seen = Failure("App\\Errors\\NotFound", "C:\\shop\\src\\cart.php", "App\\Cart->total")

    assert seen.same_as(Failure("NotFound", "/srv/shop/src/cart.php", "total"))
    assert not seen.same_as(Failure("NotFound", "/srv/shop/src/cart.php", "discount"))
