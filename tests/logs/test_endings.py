"""The end of a request in the words of many servers: verdicts count by what is read here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.endings import ending_of
from mcp_servers.logs.formats.parser import Parser
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import duration_of, is_access, request_of


def read(line: str) -> LogRecord:
    return Parser(datetime(2026, 6, 1, tzinfo=UTC)).parse(line)


TOLD = {
    "2026-05-01 10:00:00 INFO web GET /cart/7 200 12 ms": ("GET", "/cart/7", 200, 12.0),
    "2026-05-01 10:00:00,123 INFO [web] GET /cart/7 -> 500 (12.4 ms)": ("GET", "/cart/7", 500, 12.4),
    "2026-05-01 10:00:00 INFO  web: POST /cart/7/pay HTTP/1.1 201 0.031s": ("POST", "/cart/7/pay", 201, 31.0),
    "2026-05-01 10:00:00 INFO access: method=GET path=/cart?x=1 status=200 duration=12ms": ("GET", "/cart?x=1", 200, 12.0),
    "2026-05-01 10:00:00 [INFO] verb=POST uri=/cart http_status=503": ("POST", "/cart", 503, None),
    "2026-05-01 10:00:00 INFO app - request completed method=GET path=/a/b status_code=404": ("GET", "/a/b", 404, None),
    "May  1 10:00:00 host app[123]: GET /x 200 in 12ms": ("GET", "/x", 200, 12.0),
    "2026-05-01 10:00:00 [42] [INFO] GET /x 200 0.004s": ("GET", "/x", 200, 4.0),
    "2026-05-01 10:00:00,123 INFO werkzeug MainThread : 127.0.0.1 - - [01/May/2026 10:00:00] \"GET /x HTTP/1.1\" 200 -": ("GET", "/x", 200, None),
    "I, [2026-05-01T10:00:00.1 #42]  INFO -- : method=GET path=/cart controller=CartController action=show status=200": ("GET", "/cart", 200, None),
    "10:00:00.135 [info] GET /cart - Sent 200 in 12ms": ("GET", "/cart", 200, 12.0),
    "2026-05-01T10:00:00.123Z  INFO 1 --- [nio-8080-exec-1] c.a.RequestLoggingFilter : GET /cart/7 200 12ms": ("GET", "/cart/7", 200, 12.0),
    "2026-05-01 10:00:00.123 INFO [http-1] c.a.Access - After request [GET /cart, client=10.0.0.1] status=200 time=12ms": ("GET", "/cart", 200, 12.0),
    "info: Microsoft.AspNetCore.Hosting.Diagnostics[2]\n      Request finished HTTP/1.1 GET http://localhost:5000/cart/7 - 200 512 application/json 12ms": ("GET", "/cart/7", 200, 12.0),
    "2026-05-01 10:00:00.1 +00:00 [INF] Request finished HTTP/2 POST https://a.example/cart?x=1 application/json 12 - 500 - text/html 12.5ms": ("POST", "/cart?x=1", 500, 12.5),
    "2026-05-01 10:00:00.123 +00:00 [INF] HTTP GET /cart/7 responded 200 in 12.5 ms": ("GET", "/cart/7", 200, 12.5),
    "::1 - GET /cart 200 12 - 3.5 ms": ("GET", "/cart", 200, 3.5),
    "  --> GET /cart 404 12ms 5b": ("GET", "/cart", 404, 12.0),
    "[Nest] 42  - 05/01/2026, 10:00:00 AM     LOG [HTTP] GET /cart 200 - 12ms": ("GET", "/cart", 200, 12.0),
    "[GIN] 2026/05/01 - 10:00:00 | 200 |     1.5ms |       127.0.0.1 | GET      \"/cart/7\"": ("GET", "/cart/7", 200, 1.5),
    "2026/05/01 10:00:00 [h/3f-1] \"GET http://localhost:3000/cart HTTP/1.1\" from 127.0.0.1:5000 - 200 12B in 1.5ms": ("GET", "/cart", 200, 1.5),
    '{"time":"2026-05-01T10:00:00Z","method":"GET","uri":"/cart","status":200,"error":"","bytes_out":12}': ("GET", "/cart", 200, None),
    "2026-05-01T10:00:00.1Z  INFO request{method=GET uri=/cart version=HTTP/1.1}: tower_http::trace::on_response: finished processing request latency=1 ms status=200": ("GET", "/cart", 200, 1.0),
    "[Fri May  1 10:00:00 2026] 127.0.0.1:5000 [200]: GET /cart": ("GET", "/cart", 200, None),
}  # fmt: skip


@pytest.mark.parametrize("line", TOLD)
def test_the_end_of_a_request_is_read_in_the_words_of_its_server(line: str):
    record = read(line)
    assert is_access(record)
    request, took = request_of(record), duration_of(record)
    told = (request.method, request.target, request.status, took and round(took.total_seconds() * 1000, 3))
    assert told == TOLD[line]


@pytest.mark.parametrize(
    "line",
    [
        "2026-05-01 10:00:00 INFO web calling GET /cart/7 failed after 3 tries",
        "2026-05-01 10:00:00 INFO client GET http://pay.example.com/charge 502 retrying",
        "2026-05-01 10:00:00 INFO web upstream GET /cart 502, giving up",
        "2026-05-01 10:00:00 INFO web status=200 items loaded",
        '2026-05-01 10:00:00 INFO http: HTTP Request: POST https://api.example.com/v1/x "HTTP/1.1 200 OK"',
        "2026-05-01 10:00:00 ERROR web method=charge path=/tmp/x status=failed",
        '2026-05-01 10:00:00 ERROR web method=GET path=/cart status=500 err="no such table: carts"',
        '{"level":"error","msg":"call failed","method":"GET","url":"https://pay.example.com/charge","status":502}',
        "GET /cart HTTP/1.1",
        "Started GET /cart for 10.0.0.1",
    ],
)
def test_a_call_of_another_service_or_a_message_that_says_more_is_no_end_of_a_request(line: str):
    assert not is_access(read(line))


WORDS = st.sampled_from(
    ["GET", "POST", "/", "/x", "200", "[a]", '"b"', "a=b", "|", "->", "-", ":", "1.2.3.4", "status", "12ms", "(", "]", "OK"]
)


@given(st.lists(WORDS, max_size=60))
def test_no_arrangement_of_such_words_breaks_the_reading(words: list[str]):
    ending = ending_of(" ".join(words))
    assert ending is None or (ending.method in ("GET", "POST") and ending.target.startswith("/") and ending.status == 200)
