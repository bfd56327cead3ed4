from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.kit.redaction import clean, redact, visible


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("login failed for bob password=hunter2hunter2 from 10.0.0.1", "hunter2hunter2"),
        ('config {"api_key": "a1b2c3d4e5f6", "size": 3}', "a1b2c3d4e5f6"),
        ("connecting to postgres://app:s3cr3tpw@db:5432/shop", "s3cr3tpw"),
        ("Authorization: Bearer abcdefghijklmnop.qrst", "abcdefghijklmnop"),
        ("GET /callback?access_token=zzzyyyxxxwww&state=1", "zzzyyyxxxwww"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl used", "c2lnbmF0dXJl"),
        ("aws AKIAIOSFODNN7EXAMPLE rejected", "AKIAIOSFODNN7EXAMPLE"),
        ("pushed with ghp_0123456789abcdefghijklmnopqrstuvwxyz", "ghp_0123456789"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("DB_PASSWORD='correct horse battery'", "correct horse"),
    ],
)
def test_credentials_in_the_shapes_of_logs_are_masked(line: str, secret: str) -> None:
    assert secret in line
    assert secret not in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "AttributeError: 'NoneType' object has no attribute 'strip'",
        "no database connection available: pool size 2 exhausted",
        "GET /customers/17 200 12ms",
        "max_tokens=64 finish_reason=length",
        "token limit reached after 64 tokens",
        "password=None was given",
        "session closed",
    ],
)
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert redact(line) == line


def test_terminal_sequences_go_and_hidden_characters_show() -> None:
    assert visible("\x1b[31mred\x1b[0m a\u202eb\u200bc\x00") == "red a\\u202eb\\u200bc\\u0000"


def test_attributes_named_like_secrets_are_masked_whole() -> None:
    assert clean({"user": "bob", "http.request.header.authorization": "abc123def"}) == {
        "user": "bob",
        "http.request.header.authorization": "[redacted]",
    }


@given(st.text(max_size=300))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
