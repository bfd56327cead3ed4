from __future__ import annotations

import base64
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.cases.replays import Replays
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.signatures import SCHEMES, verify
from tests.databases import database, database_url

__all__ = ["database", "database_url"]
NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = b'{"action": "approve", "fix": "fix_20261120_101500"}'
KEY = "whsec_" + base64.b64encode(b"a key of thirty-two random bytes").decode()


def mac(content: bytes, key: bytes = KEY.encode()) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def signed(scheme: str, body: bytes = BODY, stamp: str = STAMP, key: bytes = KEY.encode()) -> dict[str, str]:
    """The headers of a request as its sender makes them."""
    if scheme == "slack":
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + mac(b"v0:" + stamp.encode() + b":" + body, key).hex()}
    if scheme == "standard":
        value = base64.b64encode(
            mac(b"msg_1." + stamp.encode() + b"." + body, base64.b64decode(KEY[6:]) if key == KEY.encode() else key)
        ).decode()
        return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"v1a,AAAA v1,{value}"}
    if scheme == "generic":
        return {"X-Kintsugi-Timestamp": stamp, "X-Kintsugi-Signature": "v1=" + mac(stamp.encode() + b"." + body, key).hex()}
    rule = SCHEMES[scheme]
    value = rule.prefix + mac(body, key).hex()
    return {rule.signature: f"v1={'00' * 32},{value}" if scheme == "pagerduty" else value}


EVERY = pytest.mark.parametrize("scheme", sorted(SCHEMES))


@EVERY
def test_a_request_of_every_scheme_is_known_by_its_raw_bytes(scheme: str) -> None:
    assert verify(scheme, signed(scheme), BODY, [KEY], NOW).scheme == scheme
    for body in (BODY + b" ", BODY.replace(b" ", b""), b""):
        with pytest.raises(Refusal, match="not signed with a key of ours"):
            verify(scheme, signed(scheme), body, [KEY], NOW)


@EVERY
def test_keys_rotate_and_a_foreign_or_missing_one_opens_nothing(scheme: str) -> None:
    newer = "whsec_" + base64.b64encode(b"another key of the same length..").decode()
    assert verify(scheme, signed(scheme), BODY, [newer, KEY], NOW)
    with pytest.raises(Refusal, match="not signed"):
        verify(scheme, signed(scheme), BODY, [newer], NOW)
    for none in ([], [""]):
        with pytest.raises(Misconfigured, match="No key is set"):
            verify(scheme, signed(scheme, key=b""), BODY, none, NOW)


@pytest.mark.parametrize("scheme", ["slack", "standard", "generic"])
@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_a_request_from_too_long_ago_or_from_tomorrow_is_refused(scheme: str, seconds: int) -> None:
    stamp = str(int((NOW + timedelta(seconds=seconds)).timestamp()))
    with pytest.raises(Refusal, match="too far from now"):
        verify(scheme, signed(scheme, stamp=stamp), BODY, [KEY], NOW)
    assert verify(scheme, signed(scheme, stamp=str(int(NOW.timestamp()) - 299)), BODY, [KEY], NOW)


@pytest.mark.parametrize("stamp", ["", "now", "1e9", "-1", " 1", "٣", "9" * 30, f"{STAMP}.0"])
def test_a_time_that_is_none_is_no_signature(stamp: str) -> None:
    with pytest.raises(Refusal, match="not signed"):
        verify("slack", signed("slack", stamp=stamp), BODY, [KEY], NOW)


@given(st.sampled_from(sorted(SCHEMES)), st.text(max_size=120))
def test_no_text_in_the_place_of_a_signature_gets_through_or_crashes(scheme: str, text: str) -> None:
    headers = {name: text if name.casefold() == SCHEMES[scheme].signature else value for name, value in signed(scheme).items()}
    with pytest.raises(Refusal, match="not signed"):
        verify(scheme, headers, BODY, [KEY], NOW)


def test_two_headers_of_one_name_are_no_signature() -> None:
    with pytest.raises(Refusal, match="not signed"):
        verify(
            "github", {"x-hub-signature-256": "sha256=00", "X-Hub-Signature-256": signed("github")["x-hub-signature-256"]}, BODY, [KEY], NOW
        )


@EVERY
def test_a_signed_request_counts_once_whatever_of_it_is_not_signed(scheme: str, database: Database) -> None:
    door = Replays(database)
    assert door.admit(scheme, signed(scheme), BODY, [KEY], NOW).scheme == scheme
    for seconds in (0, 60, 299):
        with pytest.raises(Refusal, match="acted on already"):
            door.admit(scheme, {**signed(scheme), "X-Delivery": "another"}, BODY, [KEY], NOW + timedelta(seconds=seconds))
    with pytest.raises(Refusal, match=r"acted on already|too far from now"):
        door.admit(scheme, signed(scheme), BODY, [KEY], NOW + timedelta(days=29))


def test_a_request_that_the_door_refuses_spends_nothing(database: Database) -> None:
    door, early = Replays(database), NOW - timedelta(minutes=5, seconds=1)
    later = {**signed("slack"), "X-Slack-Request-Timestamp": str(int(STAMP) + 1)}
    attempts = (
        (signed("slack"), BODY + b" ", NOW),
        (later, BODY, NOW),
        (signed("slack"), BODY, early),
        (signed("slack"), BODY, NOW + timedelta(minutes=6)),
    )
    for headers, body, now in attempts:
        with pytest.raises(Refusal):
            door.admit("slack", headers, body, [KEY], now)
    assert door.admit("slack", signed("slack"), BODY, [KEY], NOW)


def test_a_request_counts_with_what_it_does_or_not_at_all(database: Database) -> None:
    door = Replays(database)

    def act_and_die() -> None:
        with database.transaction() as connection:
            door.admit("slack", signed("slack"), BODY, [KEY], NOW, connection)
            raise RuntimeError("the machine died here")

    with pytest.raises(RuntimeError):
        act_and_die()
    assert door.admit("slack", signed("slack"), BODY, [KEY], NOW)


def test_of_those_that_race_with_one_request_one_comes_in(database: Database) -> None:
    door = Replays(database)

    def attempt(_: int) -> bool:
        try:
            return bool(door.admit("slack", signed("slack"), BODY, [KEY], NOW))
        except Refusal:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
