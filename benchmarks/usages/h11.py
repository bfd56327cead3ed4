# ruff: noqa
from __future__ import annotations

import h11


def client():
    return h11.Connection(h11.CLIENT)


def answered(data):
    """The events that a client sees of an answer."""
    connection = client()
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    seen = []
    while True:
        event = connection.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED):
            return seen
        seen.append(event)
        if isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return seen


def test_request_bytes():
    data = client().send(h11.Request(method="GET", target="/a?b", headers=[("Host", "example.org")]))
    assert data == b"GET /a?b HTTP/1.1\r\nHost: example.org\r\n\r\n"


def test_missing_host():
    try:
        client().send(h11.Request(method="GET", target="/", headers=[]))
    except h11.LocalProtocolError as error:
        assert "Host" in str(error)
    else:
        raise AssertionError("sent")


def test_body_by_length():
    events = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert events[0].status_code == 200
    assert bytes(events[1].data) == b"hello"
    assert type(events[2]) is h11.EndOfMessage


def test_body_in_chunks():
    events = answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n")
    body = b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))
    assert body == b"abcde"
    assert events[-1].headers == [(b"x-sum", b"9")]


def test_informational_answers():
    events = answered(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 No\r\n\r\n")
    assert type(events[0]) is h11.InformationalResponse
    assert events[1].status_code == 204


def test_reason_and_version():
    first = answered(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")[0]
    assert (first.reason, first.http_version) == (b"Not Found", b"1.0")


def test_header_names_are_lower_case():
    first = answered(b"HTTP/1.1 200 OK\r\nX-ThING:  v \r\nContent-Length: 0\r\n\r\n")[0]
    assert (b"x-thing", b"v") in list(first.headers)


def test_bad_status_line():
    try:
        answered(b"HTTP/1.1 xyz\r\n\r\n")
    except h11.RemoteProtocolError as error:
        assert error.error_status_hint == 400
    else:
        raise AssertionError("read")


def served(request):
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request)
    return connection, connection.next_event()


def test_server_reads_a_request():
    _, event = served(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    assert (event.method, event.target) == (b"POST", b"/x")


def test_server_answers_with_length():
    connection, _ = served(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    sent = connection.send(h11.Response(status_code=200, headers=[("Content-Length", "2")], reason="OK"))
    assert sent == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    assert connection.send(h11.Data(data=b"hi")) == b"hi"
    assert connection.send(h11.EndOfMessage()) == b""


def test_server_frames_in_chunks():
    connection, _ = served(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    head = connection.send(h11.Response(status_code=200, headers=[]))
    assert b"Transfer-Encoding: chunked" in head
    assert connection.send(h11.Data(data=b"hey")) == b"3\r\nhey\r\n"
    assert connection.send(h11.EndOfMessage()) == b"0\r\n\r\n"


def test_too_little_body():
    connection, _ = served(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "9")]))
    connection.send(h11.Data(data=b"hi"))
    try:
        connection.send(h11.EndOfMessage())
    except h11.LocalProtocolError as error:
        assert "Too little" in str(error)
    else:
        raise AssertionError("sent")


def test_keep_alive_begins_again():
    connection, _ = served(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    connection.next_event()
    connection.send(h11.Response(status_code=204, headers=[]))
    connection.send(h11.EndOfMessage())
    connection.start_next_cycle()
    assert connection.our_state is h11.IDLE


def test_close_is_honoured():
    connection, _ = served(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    connection.next_event()
    head = connection.send(h11.Response(status_code=204, headers=[]))
    connection.send(h11.EndOfMessage())
    assert b"Connection: close" in head
    assert connection.our_state is h11.MUST_CLOSE


def test_conflicting_lengths():
    try:
        served(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
    except h11.RemoteProtocolError as error:
        assert "conflicting" in str(error)
    else:
        raise AssertionError("read")


def test_expect_continue():
    connection, _ = served(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert connection.they_are_waiting_for_100_continue


def test_upgrade_hands_on_the_rest():
    connection, _ = served(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nraw")
    connection.next_event()
    assert connection.next_event() is h11.PAUSED
    assert connection.trailing_data[0] == b"raw"
