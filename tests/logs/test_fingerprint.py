from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.logs import fingerprint, stacktrace
from mcp_servers.logs.fingerprint import Fingerprint, former
from mcp_servers.logs.model import LogRecord, Severity

TRACE = """\
Traceback (most recent call last):
  File "/app/shop/api.py", line 40, in show
    return format_phone(customer)
           ^^^^^^^^^^^^^^^^^^^^^^
  File "/app/shop/customers.py", line 12, in format_phone
    return customer.phone.strip()
           ^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/orm/attributes.py", line 99, in __get__
    raise AttributeError(name)
AttributeError: customer 4711 has no phone (0x7f3a2b)
"""
NODE = """\
TypeError: Cannot read properties of undefined (reading 'price')
    at Cart.total (/srv/releases/20261101/dist/cart.8f3a2b1c.js:10:5)
    at Layer.handle (/srv/releases/20261101/node_modules/express/lib/layer.js:95:5)
"""


def of_text(text: str, service: str = "api") -> Fingerprint:
    trace = stacktrace.parse(text)
    result = fingerprint.of(LogRecord(None, Severity.ERROR, text, service, trace=trace))
    assert result is not None
    return result


def of_message(text: str, service: str = "api", **attributes: str) -> Fingerprint:
    result = fingerprint.of(LogRecord(None, Severity.ERROR, text, service, attributes=attributes))
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("line 12,", "line 31,"),
        ("/app/", "/home/deploy/shop-3/"),
        ("/app/", "/srv/releases/20261120101500/"),
        ("/app/", "C:\\\\work\\\\9f8e7d6c5b\\\\"),
        ("4711", "4712"),
        ("0x7f3a2b", "0x55d0aa"),
        ("\n", "\r\n"),
        ("site-packages/orm/attributes.py", "site-packages/orm/fields.py"),
        ("AttributeError: customer", "builtins.AttributeError: customer"),
        ("Traceback", "2026-11-20 10:15:00,123 ERROR shop: failed\nTraceback"),
        ("           ^^^^^^^^^^^^^^^^^^^^\n", ""),
    ],
)
def test_what_does_not_matter_keeps_the_fingerprint(old: str, new: str):
    assert old in TRACE
    assert of_text(TRACE.replace(old, new)) == of_text(TRACE)


@pytest.mark.parametrize(("old", "new"), [("format_phone", "normal_phone"), ("AttributeError", "KeyError"), ("customers.py", "clients.py")])
def test_another_function_type_or_file_is_another_error(old: str, new: str):
    changed = of_text(TRACE.replace(old, new))
    assert changed.coarse != of_text(TRACE).coarse
    assert changed.fine != of_text(TRACE).fine


def test_another_way_to_the_same_place_is_the_same_coarse_error():
    other = of_text(TRACE.replace("in show", "in export"))
    assert other.coarse == of_text(TRACE).coarse
    assert other.fine != of_text(TRACE).fine


@pytest.mark.parametrize(
    ("old", "new"), [("8f3a2b1c", "0a1b2c3d"), (":10:5", ":99:1"), ("20261101", "20261102"), ("/srv/releases/20261101", "/app")]
)
def test_bundles_keep_their_identity_from_release_to_release(old: str, new: str):
    assert of_text(NODE.replace(old, new)) == of_text(NODE)


@settings(deadline=None)
@given(depth=st.integers(1, 60), mutual=st.booleans())
def test_the_depth_of_a_recursion_does_not_matter(depth: int, mutual: bool):
    one = '  File "/app/tree.py", line 3, in walk\n    walk(child)\n'
    step = one + ('  File "/app/tree.py", line 9, in visit\n    walk(node)\n' if mutual else "")
    end = "RecursionError: maximum recursion depth exceeded\n"
    head = "Traceback (most recent call last):\n"
    assert of_text(head + step * depth + end) == of_text(head + step + end)


def test_the_root_cause_decides_in_a_chain():
    other = TRACE.replace("AttributeError: customer", "KeyError: customer")
    link = "\nDuring handling of the above exception, another exception occurred:\n\n"
    outer = 'Traceback (most recent call last):\n  File "/app/shop/web.py", line 3, in call\n    show()\nRuntimeError: page failed\n'
    assert of_text(TRACE + link + outer).coarse == of_text(TRACE).coarse
    assert of_text(TRACE + link + outer).fine != of_text(TRACE).fine
    assert of_text(other + link + outer).coarse != of_text(TRACE + link + outer).coarse


@pytest.mark.parametrize(
    "message",
    [
        "OSError: [Errno 24] Too many open files: '/data/a.csv'",
        "OSError: [Errno 28] No space left on device",
        "MemoryError",
        "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
    ],
)
def test_a_spent_system_resource_is_one_error_wherever_it_strikes(message: str):
    def strike(module: str) -> str:
        return f'Traceback (most recent call last):\n  File "/app/{module}.py", line 3, in {module}\n    open(path)\n{message}\n'

    assert of_text(strike("reports")).coarse == of_text(strike("orders")).coarse
    assert of_text(strike("reports")).fine != of_text(strike("orders")).fine
    assert of_text(strike("reports")).coarse != of_text(strike("reports"), service="worker").coarse


def test_a_spent_resource_is_one_error_whatever_type_reports_it():
    trace = 'Traceback (most recent call last):\n  File "/app/a.py", line 3, in f\n    x()\nhttpx2.ConnectError: [Errno 24] Too many open files\n'
    assert of_text(trace).coarse == of_message("socket.accept() failed: OSError: [Errno 24] Too many open files").coarse


def test_without_frames_of_ours_the_nearest_system_frames_speak():
    text = 'Traceback (most recent call last):\n  File "/usr/lib/python3.11/json/decoder.py", line {}, in {}\n    x\nValueError: no\n'
    assert of_text(text.format(3, "decode")) == of_text(text.format(9, "decode"))
    assert of_text(text.format(3, "decode")).coarse != of_text(text.format(3, "raw_decode")).coarse


def test_without_frames_the_message_speaks_with_its_values_masked():
    first = of_message("payment 4711 for 'bob' declined by 10.0.0.7:443 after 30.5 s")
    assert first == of_message("payment 99 for 'alice' declined by 192.168.7.9:8443 after 1 s")
    assert first != of_message("payment 4711 for 'bob' accepted by 10.0.0.7:443 after 30.5 s")
    assert first != of_message("payment 4711 for 'bob' declined by 10.0.0.7:443 after 30.5 s", service="worker")


def test_an_exception_told_in_attributes_counts_without_frames():
    told = {"exception.type": "shop.Declined", "exception.message": "card 7"}
    assert of_message("request failed", **told) == of_message("oh no", **{**told, "exception.message": "card 8"})
    assert of_message("request failed", **told) != of_message("request failed", **{**told, "exception.type": "shop.Stolen"})


def test_a_record_that_says_nothing_has_no_fingerprint():
    assert fingerprint.of(LogRecord(None, Severity.ERROR, "  ")) is None


def test_a_fingerprint_is_short_hashes_that_never_change_within_a_version():
    assert of_text(TRACE).as_json() == {
        "version": 2,
        "coarse": "c56808a2cb39474a",
        "fine": "26d5890032bf7200",
        "former": "8ef2cc3475689b85",
    }


def test_what_was_stored_with_the_first_version_is_known_again():
    trace = stacktrace.parse(TRACE)
    assert trace is not None
    assert former.of_trace(trace) == ("8ef2cc3475689b85", "661325fdbdcab976")
