# ruff: noqa
from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.datastructures import URL, FormData, Headers, MultiDict, MutableHeaders, QueryParams, URLPath
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, NoMatchFound, Route, compile_path


async def item(request):
    return JSONResponse({"id": request.path_params["id"], "q": request.query_params.get("q")})


async def echo(request):
    return PlainTextResponse(await request.body(), headers={"X-Kind": request.headers["content-type"]})


async def home(request):
    return PlainTextResponse("home")


APP = Starlette(
    routes=[
        Route("/", home, name="home"),
        Route("/items/{id:int}", item, name="item"),
        Route("/echo", echo, methods=["POST"]),
        Mount("/sub", routes=[Route("/{name}", home, name="leaf")], name="sub"),
    ]
)


def asked(path, method="GET", body=b"", headers=(), query=b""):
    """Status, headers and body of an answer of the application."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "root_path": "", "scheme": "http", "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in headers], "server": ("t", 80), "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(APP(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part.get("body", b"") for part in sent[1:])


def test_path_parameter():
    status, _, body = asked("/items/7", query=b"q=a%20b")
    assert status == 200
    assert body == b'{"id":7,"q":"a b"}'


def test_not_found():
    assert asked("/nope")[0] == 404
    assert asked("/items/x")[0] == 404


def test_method_not_allowed():
    status, headers, _ = asked("/echo")
    assert status == 405
    assert headers[b"allow"] == b"POST"


def test_body_and_headers():
    status, headers, body = asked("/echo", "POST", b"hi", [("content-type", "text/x")])
    assert (status, body) == (200, b"hi")
    assert headers[b"x-kind"] == b"text/x"
    assert headers[b"content-length"] == b"2"


def test_head_is_get():
    assert asked("/", "HEAD")[0] == 200


def test_slash_is_redirected():
    status, headers, _ = asked("/items/7/")
    assert status == 307
    assert headers[b"location"] == b"http://t/items/7"


def test_mounted():
    assert asked("/sub/leaf")[2] == b"home"


def test_url_path_for():
    assert APP.url_path_for("item", id=3) == "/items/3"
    assert APP.url_path_for("sub:leaf", name="x") == "/sub/x"


def test_url_path_for_unknown():
    try:
        APP.url_path_for("nope")
    except NoMatchFound as error:
        assert "nope" in str(error)
    else:
        raise AssertionError("found")


def test_compiled_path():
    regex, form, converters = compile_path("/a/{x:float}/{rest:path}")
    found = regex.match("/a/1.5/b/c")
    assert found["rest"] == "b/c"
    assert converters["x"].convert(found["x"]) == 1.5
    assert form == "/a/{x}/{rest}"


def test_url_parts():
    url = URL("https://u:p@example.org:123/path?a=1#f")
    assert (url.hostname, url.port, url.username, url.query) == ("example.org", 123, "u", "a=1")
    assert url.replace(port=None) == "https://u:p@example.org/path?a=1#f"


def test_url_query():
    url = URL("http://x/?a=1").include_query_params(b=2)
    assert str(url) == "http://x/?a=1&b=2"
    assert str(url.remove_query_params("a")) == "http://x/?b=2"


def test_url_hides_the_password():
    assert repr(URL("http://u:secret@x/")) == "URL('http://u:********@x/')"


def test_url_path_is_made_absolute():
    path = URLPath("/ws", protocol="websocket")
    assert path.make_absolute_url("https://x/app/") == "wss://x/app/ws"


def test_query_params():
    params = QueryParams("a=1&a=2&b=")
    assert params["a"] == "2"
    assert params.getlist("a") == ["1", "2"]
    assert str(params) == "a=1&a=2&b="


def test_multi_dict():
    many = MultiDict([("a", 1), ("a", 2), ("b", 3)])
    assert many.poplist("a") == [1, 2]
    many.append("b", 4)
    assert many.multi_items() == [("b", 3), ("b", 4)]
    many.setlist("c", [5, 6])
    assert many["c"] == 6


def test_headers():
    headers = Headers({"Accept": "x", "B": "y"})
    assert headers["aCCept"] == "x"
    assert "b" in headers
    assert headers.getlist("q") == []


def test_mutable_headers():
    headers = MutableHeaders({"a": "1"})
    headers["A"] = "2"
    headers.append("a", "3")
    headers.add_vary_header("X")
    headers.add_vary_header("Y")
    assert headers.getlist("a") == ["2", "3"]
    assert headers["vary"] == "X, Y"
    del headers["a"]
    assert "a" not in headers


def test_cookies():
    response = Response()
    response.set_cookie("k", "v", max_age=10, httponly=True)
    assert response.headers["set-cookie"] == "k=v; HttpOnly; Max-Age=10; Path=/; SameSite=lax"


def test_redirect_quotes():
    assert RedirectResponse("/a b").headers["location"] == "/a%20b"


def test_json_is_compact():
    assert JSONResponse({"é": [1, None]}).body == '{"é":[1,null]}'.encode()


def test_form_data():
    form = FormData([("a", "1"), ("a", "2")])
    assert form.getlist("a") == ["1", "2"]
