import importlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from shop import recommendations


class Neighbour(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"products": [2, 3]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        return


@pytest.fixture
def neighbour(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Neighbour)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("UPSTREAM_URL", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def test_recommendations_leave_no_client_open(neighbour, monkeypatch):
    importlib.reload(recommendations)
    opened, start = [], httpx2.Client.__init__

    def note(self, *arguments, **settings):
        opened.append(self)
        start(self, *arguments, **settings)

    monkeypatch.setattr(httpx2.Client, "__init__", note)
    for product in (1, 2, 3):
        assert recommendations.related(product) == [2, 3]
    assert len([client for client in opened if not client.is_closed]) <= 1
