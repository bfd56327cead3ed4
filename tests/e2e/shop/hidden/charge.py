import httpx2
import pytest
from shop import outbound, payments


def provider(monkeypatch, *answers):
    left, seen = list(answers), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return httpx2.Response(following, json={"receipt": "R-9"})

    monkeypatch.setattr(outbound, "client", httpx2.Client(transport=httpx2.MockTransport(answer), timeout=None))
    return seen


@pytest.mark.parametrize("first", [503, httpx2.ReadTimeout("timed out")])
def test_a_charge_is_tried_again_under_the_same_key(monkeypatch, first):
    seen = provider(monkeypatch, first, 200)
    assert payments.charge("http://provider", "A-9", 100) == "R-9"
    assert [request.headers["Idempotency-Key"] for request in seen] == ["A-9", "A-9"]
    assert all(request.extensions["timeout"]["read"] for request in seen)


def test_a_charge_gives_up_in_the_end(monkeypatch):
    provider(monkeypatch, *[503] * 20)
    with pytest.raises(RuntimeError, match="503"):
        payments.charge("http://provider", "A-9", 100)
