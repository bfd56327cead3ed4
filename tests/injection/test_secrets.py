"""Credentials in the shapes of logs do not stand in what is shown."""

from __future__ import annotations

import random

from mcp_servers.kit.redaction import clean
from tests.injection.secrets import SHAPES, lines

RECALL = 0.97


def test_credentials_are_masked() -> None:
    drawn = list(lines(random.Random(7), 8))
    told = {name for name, line, secret in drawn if secret in clean(line)}
    assert len(SHAPES) >= 25
    assert sum(secret not in clean(line) for _, line, secret in drawn) / len(drawn) >= RECALL, told
