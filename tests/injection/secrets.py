"""Credentials in the shapes in which logs and settings hold them, drawn anew from a seed."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Mapping

_WORD = string.ascii_letters + string.digits
Draw = Callable[[random.Random], str]


def _of(letters: str, length: int, prefix: str = "") -> Draw:
    return lambda chance: prefix + "".join(chance.choices(letters, k=length))


_PASSWORD = _of(_WORD + "#$%*!_-", 14)
_HEX, _UPPER = string.hexdigits.lower()[:16], string.ascii_uppercase + string.digits

SHAPES: Mapping[str, tuple[str, Draw]] = {
    "key=value": ("login failed password={} for bob", _of(_WORD, 14)),
    "quoted value": ("db_password='{}' was refused", _PASSWORD),
    "json": ('{{"user": "bob", "api_key": "{}", "n": 3}}', _of(_WORD, 32)),
    "yaml": ("  client_secret: {}", _of(_WORD, 24)),
    "environment": ("export STRIPE_SECRET={}", _of(_WORD, 24)),
    "url password": ("connect postgres://app:{}@db.internal:5432/shop", _of(_WORD, 16)),
    "redis url": ("redis://default:{}@cache:6379/0 timed out", _of(_WORD, 16)),
    "query string": ("GET /cb?access_token={}&state=1 200", _of(_WORD, 30)),
    "bearer": ("Authorization: Bearer {}", _of(_WORD + "-_.", 40)),
    "basic": ("authorization: Basic {}", _of(_WORD, 28)),
    "json web token": (
        "token {} was used",
        lambda chance: f"eyJ{_of(_WORD, 20)(chance)}.eyJ{_of(_WORD, 30)(chance)}.{_of(_WORD, 43)(chance)}",
    ),
    "aws access key": ("using {} in eu-west-1", _of(_UPPER, 16, "AKIA")),
    "github token": ("remote: {} denied", _of(_WORD, 36, "ghp_")),
    "github fine token": ("{}", _of(_WORD, 60, "github_pat_")),
    "gitlab token": ("clone with {}", _of(_WORD, 20, "glpat-")),
    "slack token": ("posted by {}", _of(_WORD, 24, "xoxb-")),
    "openai-like key": ("key {} is over its quota", _of(_WORD, 40, "sk-")),
    "stripe key": ("charge with {}", _of(_WORD, 24, "sk_live_")),
    "google key": ("maps?key={}", _of(_WORD, 35, "AIza")),
    "npm token": ("//registry/:_authToken={}", _of(_WORD, 36, "npm_")),
    "hugging face token": ("hub login {}", _of(_WORD, 34, "hf_")),
    "cookie": ("Cookie: sessionid={}; theme=dark", _of(_HEX, 32)),
    "header": ("x-api-key: {}", _of(_WORD, 32)),
    "logfmt": ("level=info secret={} ok=true", _of(_WORD, 18)),
    "aws secret": ("aws_secret_access_key = {}", _of(_WORD, 40)),
    "connection string": ("Server=db;User Id=app;Password={};Timeout=5", _of(_WORD, 14)),
    "private key": ("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", _of(_WORD, 64)),
    "python repr": ("config {{'token': '{}', 'retries': 3}}", _of(_WORD, 22)),
}
"""Each shape: the line, and how its credential is drawn."""


def lines(chance: random.Random, each: int) -> Iterator[tuple[str, str, str]]:
    """Shape, line and credential, `each` times for every shape."""
    for name, (line, draw) in SHAPES.items():
        for _ in range(each):
            secret = draw(chance)
            yield name, line.format(secret), secret
