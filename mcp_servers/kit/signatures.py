"""Signed requests from outside: one verifier over raw bytes for the schemes that chats, forges, trackers and pagers use.

A scheme says what is signed and where the signatures stand; the keyed hash is always HMAC-SHA-256, compared in constant time.
Who calls spends the `once` of the answer in a store before acting: a request that was good is good only once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mcp_servers.kit.errors import Misconfigured, Refusal

WINDOW = timedelta(minutes=5)
"""How far the time of a request may lie from ours, on either side."""

MAX_BODY = 1_000_000
_SIGNATURES = 10


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that somebody with the key made. `once` names it for good; `until` is when a copy is refused for its age (None: never)."""

    scheme: str
    once: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Scheme:
    """`signature` header and its `prefix` before each one; `time` and `id` headers where they are signed too; `content` of what is signed."""

    name: str
    signature: str
    prefix: str
    content: Callable[[bytes, bytes, bytes], bytes]
    time: str = ""
    id: str = ""
    separator: str = ""
    base64: bool = False


def _body(_id: bytes, _time: bytes, body: bytes) -> bytes:
    return body


def _slack(_id: bytes, time: bytes, body: bytes) -> bytes:
    return b"v0:" + time + b":" + body


def _standard(id: bytes, time: bytes, body: bytes) -> bytes:
    return id + b"." + time + b"." + body


def _generic(_id: bytes, time: bytes, body: bytes) -> bytes:
    return time + b"." + body


SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("slack", "x-slack-signature", "v0=", _slack, time="x-slack-request-timestamp"),
        Scheme("github", "x-hub-signature-256", "sha256=", _body),
        Scheme("jira", "x-hub-signature", "sha256=", _body),
        Scheme("sentry", "sentry-hook-signature", "", _body),
        Scheme("pagerduty", "x-pagerduty-signature", "v1=", _body, separator=","),
        Scheme("standard", "webhook-signature", "v1,", _standard, time="webhook-timestamp", id="webhook-id", separator=" ", base64=True),
        Scheme("generic", "x-kintsugi-signature", "v1=", _generic, time="x-kintsugi-timestamp", separator=","),
    )
}


def verify(scheme: str, headers: Mapping[str, str], body: bytes, keys: Sequence[str], now: datetime) -> Signed:
    """The request, when one of its signatures is of one of the keys (the newest first; older ones while they are rotated out).

    `body` is what came over the wire, before any parser. Raises `Refusal` with one sentence for all that is wrong with a signature,
    `Misconfigured` without a key: then nothing is accepted.
    """
    rule = _scheme(scheme)
    secrets = [_secret(key, rule) for key in keys if key]
    if not secrets:
        raise Misconfigured(f"No key is set for requests of {scheme}; they are refused until there is one.", code="no_key")
    given = {name.casefold(): value for name, value in headers.items()}
    if len(given) != len(headers) or len(body) > MAX_BODY:
        raise _unsigned(scheme)
    time, id = _header(given, rule.time, scheme), _header(given, rule.id, scheme)
    at = _moment(time, scheme, now) if rule.time else None
    content = rule.content(id.encode("utf-8", "replace"), time.encode("utf-8", "replace"), body)
    signatures = _given(given.get(rule.signature, ""), rule)
    # every pair is compared, so that the time taken tells nothing
    matches = [hmac.compare_digest(hmac.new(secret, content, hashlib.sha256).digest(), found) for secret in secrets for found in signatures]
    if not any(matches):
        raise _unsigned(scheme)
    once = hashlib.sha256(b"\0".join((scheme.encode(), content))).hexdigest()
    return Signed(scheme, once, at + WINDOW if at else None)


def _scheme(name: str) -> Scheme:
    if name not in SCHEMES:
        raise Misconfigured(f"{name!r} is no scheme of signed requests; known are {', '.join(SCHEMES)}.", code="unknown_scheme")
    return SCHEMES[name]


def _secret(key: str, rule: Scheme) -> bytes:
    if not rule.base64:
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured(f"A key of {rule.name} is not base64; copy it whole, with its whsec_.", code="bad_key") from None


def _header(headers: Mapping[str, str], name: str, scheme: str) -> str:
    if name and not headers.get(name):
        raise _unsigned(scheme)
    return headers.get(name, "") if name else ""


def _moment(text: str, scheme: str, now: datetime) -> datetime:
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise _unsigned(scheme)
    at = datetime.fromtimestamp(int(text), now.tzinfo)
    if abs(at - now) > WINDOW:
        raise Refusal(f"A request of {scheme} was signed at {at.isoformat()}, too far from now; it is refused.", code="stale_request")
    return at


def _given(header: str, rule: Scheme) -> list[bytes]:
    """The signatures of the header as bytes; those of another scheme or spelling are none."""
    parts = header.split(rule.separator) if rule.separator else [header]
    found: list[bytes] = []
    for part in parts[:_SIGNATURES]:
        text = part.strip()
        if not text.startswith(rule.prefix):
            continue
        try:
            value = text[len(rule.prefix) :]
            found.append(base64.b64decode(value, validate=True) if rule.base64 else bytes.fromhex(value))
        except (binascii.Error, ValueError):
            continue
    return found


def _unsigned(scheme: str) -> Refusal:
    return Refusal(f"A request of {scheme} is not signed with a key of ours; it is refused.", code="bad_signature")
