"""A whole hour of a web application and its workers, and the quarter after a deployment that breaks one page, as someone on call reads it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from mcp_servers.logs.anomalies.finding import find
from mcp_servers.logs.formats import Parser
from mcp_servers.logs.multiline import join

DEPLOYED = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRACE = """Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/django/core/handlers/exception.py", line 55, in inner
    response = get_response(request)
  File "/app/shop/views.py", line 41, in checkout
    rate = rates[order.country]
KeyError: 'NO'"""


def lines(dice: random.Random) -> Iterator[str]:
    for second in range(-3600, 900):
        stamp = f"{DEPLOYED + timedelta(seconds=second):%Y-%m-%d %H:%M:%S},{dice.randrange(1000):03}"
        for _ in range(dice.choice((0, 1, 1, 2))):
            told, number = dice.random(), dice.randrange(9999)
            if told < 0.6:
                yield f'{stamp} INFO [django.server] "GET /orders/{number}/ HTTP/1.1" 200 {number}'
            elif told < 0.7:
                yield f"{stamp} WARNING [django.request] Not Found: /{dice.choice(['wp-login.php', '.env', 'admin.php'])}"
            elif told < 0.85:
                yield f"{stamp} INFO [celery.app.trace] Task shop.tasks.send_mail[{dice.getrandbits(64):x}] succeeded in {told:.4f}s: None"
            elif told < 0.88:
                yield f"{stamp} WARNING [shop.mail] SMTP busy, retry 1/3 for message {number}"
                yield f"{stamp} INFO [shop.mail] message {number} sent on retry"
            elif told < 0.95 and second >= 0:
                yield from f"{stamp} ERROR [django.request] Internal Server Error: /checkout/{number}/\n{TRACE}".split("\n")
                yield f'{stamp} ERROR [django.server] "POST /checkout/{number}/ HTTP/1.1" 500 145'
            elif told < 0.95:
                yield f'{stamp} INFO [django.server] "POST /checkout/{number}/ HTTP/1.1" 302 0'


def test_the_broken_page_comes_first_and_bots_and_retries_are_left_alone():
    now = DEPLOYED + timedelta(minutes=15)
    parser = Parser(now, service="shop")
    records = [parser.parse(entry.text) for entry in join(lines(random.Random(3)))]
    window = [record for record in records if record.timestamp and record.timestamp >= DEPLOYED]
    before = [record for record in records if record.timestamp and record.timestamp < DEPLOYED]

    found = find(window, now=now, since=DEPLOYED, baseline=before)

    first, *others = found.anomalies
    assert (first.title, first.kind, first.severity) == ("KeyError in checkout: 'NO'", "new_error", "HIGH")
    assert {(one.kind, one.title) for one in others} <= {("vanished", "missing: POST /checkout/<*>/ answered 302")}
    quiet = {one.title.partition(":")[0]: one.reason for one in found.left_alone}
    assert "consequence of KeyError in checkout" in quiet["POST /checkout/<*>/ answered 500"]
    assert "no request failed" in quiet["Not Found"]
