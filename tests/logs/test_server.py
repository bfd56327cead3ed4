from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kintsugi.tools import Tools
from mcp_servers.kit.budget import DEFAULT_BUDGET, tokens
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/shop/customers.py", line 12, in format_phone
    return phone.strip()
AttributeError: 'NoneType' object has no attribute 'strip'
"""

Open = Callable[..., Tools]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Tools over a project whose source `app` is the folder `logs`."""
    (tmp_path / "logs").mkdir()

    def open_tools(*more: Source) -> Tools:
        project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["logs"]}), *more))
        return Tools(assemble(project, home=tmp_path / "home", clock=lambda: NOW), ["logs"])

    return open_tools


def write(folder: Path, name: str, *records: dict[str, Any]) -> None:
    with (folder / "logs" / name).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def record(minutes_ago: float, body: str, severity: str = "INFO", **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat()
    return {"timestamp": at, "severity": severity, "body": body, "service.name": "api", **more}


def failure(minutes_ago: float, trace_id: str, release: str = "r1") -> list[dict[str, Any]]:
    request = {"http.request.method": "GET", "url.path": f"/customers/{trace_id}", "trace_id": trace_id, "service.version": release}
    return [
        record(minutes_ago, "unhandled error", "ERROR", **{"exception.stacktrace": TRACEBACK}, **request),
        record(minutes_ago, "request", "INFO", **request, **{"http.response.status_code": 500, "event.duration": 5_000_000}),
    ]


def success(minutes_ago: float, trace_id: str, release: str = "r1", path: str = "/") -> dict[str, Any]:
    request = {"http.request.method": "GET", "url.path": path, "trace_id": trace_id, "service.version": release}
    return record(minutes_ago, "request", "INFO", **request, **{"http.response.status_code": 200, "event.duration": 5_000_000})


async def test_sources_are_listed_as_the_project_describes_them(opened: Open) -> None:
    answer = await opened(Source("engine", "docker", {"services": ["api"]})).call("list_log_sources")

    assert answer["total"] == 2
    assert [(one["name"], one["reads"]) for one in answer["sources"]] == [
        ("app", "files logs"),
        ("engine", "docker containers: service api"),
    ]


@pytest.mark.promise("S4.10")
@pytest.mark.parametrize(
    ("address", "more"), [("more/*.log", ["files more/*.log"]), ("docker:api", ["docker containers: api"]), ("https://logs", [])]
)
async def test_an_address_of_the_environment_widens_what_is_read(tmp_path: Path, address: str, more: list[str]) -> None:
    project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["logs"]}),))
    tools = Tools(assemble(project, home=tmp_path / "home", environ={"LOGS_ENDPOINT": address}), ["logs"])
    answer = await tools.call("list_log_sources")
    assert [one["reads"] for one in answer["sources"]] == ["files logs", *more]


async def test_records_are_found_and_what_is_left_out_is_said(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, "api.log", *(record(60 - n, f"order {n} stored") for n in range(60)), record(1, "boom", "ERROR"))

    answer = await opened().call("query_logs", limit=2)
    errors = await opened().call("query_logs", severity="ERROR", since="5m")

    assert [one["body"] for one in answer["records"]] == ["order 59 stored", "boom"]
    assert (answer["returned"], answer["total"], answer["omitted"]) == (2, 61, 59)
    assert [one["body"] for one in errors["records"]] == ["boom"]
    assert errors["asked"] == {"since": (NOW - timedelta(minutes=5)).isoformat(), "severity": "ERROR"}


async def test_secrets_and_terminal_codes_do_not_leave(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, "api.log", record(1, "login password=hunter2222 \x1b[31mred\x1b[0m"))

    (shown,) = (await opened().call("query_logs"))["records"]

    assert shown["body"] == "login password=[redacted] red"


async def test_an_empty_answer_says_why(opened: Open, tmp_path: Path) -> None:
    empty = await opened().call("query_logs")
    write(tmp_path, "api.log", record(600, "old"))
    stale = await opened().call("query_logs", since="5m")

    assert "hold no lines yet" in empty["hint"]
    assert f"The newest record is of {(NOW - timedelta(hours=10)).isoformat()}" in stale["hint"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"since": "yesterdayish"}, "'yesterdayish' is not a time"),
        ({"since": "5m", "until": "1h"}, "The window is empty"),
        ({"sources": ["ap"]}, "There is no log source named 'ap'; did you mean 'app'"),
        ({"template": "cafe"}, "No template 'cafe' in this window"),
    ],
)
async def test_what_cannot_be_asked_is_a_sentence(opened: Open, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        await opened().call("query_logs", **arguments)


async def test_one_failing_source_is_a_note_and_all_failing_is_an_error(opened: Open, tmp_path: Path) -> None:
    gone = Source("gone", "files", {"paths": ["nowhere.log"]})
    write(tmp_path, "api.log", record(1, "fine"))

    answer = await opened(gone).call("query_logs")

    assert answer["returned"] == 1
    assert "nowhere.log" in answer["notes"][0]
    with pytest.raises(Refusal, match=r"nowhere\.log"):
        await opened(gone).call("query_logs", sources=["gone"])


async def test_outside_a_project_the_tools_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="kintsugi init"):
        await Tools(assemble(None, home=tmp_path, clock=lambda: NOW), ["logs"]).call("query_logs")


async def test_a_digest_shows_rare_errors_first_and_accounts_for_every_line(opened: Open, tmp_path: Path) -> None:
    write(
        tmp_path,
        "api.log",
        *(record(30, f"order {n} stored") for n in range(500)),
        *(record(9, f"job {n} failed", "ERROR") for n in range(20)),
    )
    write(tmp_path, "api.log", *failure(5, "t1"))
    (tmp_path / "logs" / "empty.log").write_text("\n", "utf-8")

    answer = await opened().call("digest_logs", since="20m")

    accounts = answer["accounts"]
    assert [(one["count"], one["text"]) for one in answer["templates"][:2]] == [
        (1, "unhandled error | AttributeError: 'NoneType' object has no attribute 'strip'"),
        (20, "job <*> failed"),
    ]
    assert accounts["outside"] == 500
    assert accounts["lines"] == sum(accounts[name] for name in ("blank", "continuations", "outside", "shown", "folded")) == 523


@pytest.mark.parametrize("budget", [500, 1_000, 8_000])
async def test_a_digest_fits_its_budget_whatever_is_in_the_log(opened: Open, tmp_path: Path, budget: int) -> None:
    write(tmp_path, "api.log", *(record(9, f"bad \u202e {'long ' * 80}", "ERROR", **{"service.name": f"service{n}"}) for n in range(300)))

    answer = await opened().call("digest_logs", budget=budget)

    assert tokens(answer) <= budget
    assert answer["omitted"] > 0
    assert answer["accounts"]["shown"] + answer["accounts"]["folded"] == 300


async def test_a_template_of_the_digest_expands_to_its_records(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, "api.log", *(record(9, f"job {n} failed", "ERROR") for n in range(20)), record(3, "fine"))
    (template,) = (await opened().call("digest_logs", severity="ERROR"))["templates"]

    answer = await opened().call("query_logs", template=template["template"], severity="ERROR", limit=3)

    assert [one["body"] for one in answer["records"]] == ["job 17 failed", "job 18 failed", "job 19 failed"]
    assert answer["total"] == template["count"] == 20


@pytest.mark.promise("S2.2")
async def test_anomalies_are_found_with_their_evidence(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, "api.log", *(success(40 - n / 5, f"s{n}") for n in range(200)))
    for n in range(12):
        write(tmp_path, "api.log", *failure(5 - n / 10, f"t{n}"))

    answer = await opened().call("find_anomalies", since="15m")

    anomaly = answer["anomalies"][0]
    assert anomaly["count"] == 12
    assert anomaly["trace"]["exceptions"][0]["type"] == "AttributeError"
    assert anomaly["request"][0]["method"] == "GET"
    assert answer["returned"] == answer["total"]


async def test_many_anomalies_fit_by_losing_details_and_the_rest_is_a_call_away(opened: Open, tmp_path: Path) -> None:
    frames = "".join(
        f'  File "/usr/lib/python3/site-packages/lib/deep{n}.py", line {n}, in call{n}\n    return next_call_{n}()\n' for n in range(40)
    )
    for n in range(100):
        name = "".join(chr(97 + n // place % 10) for place in (1, 10, 100))
        trace = f'Traceback (most recent call last):\n{frames}  File "/srv/shop/{name}.py", line 3, in {name}\n    x()\nValueError: bad {name}\n'
        write(tmp_path, "api.log", record(5, f"failed in {name}", "ERROR", **{"exception.stacktrace": trace}, trace_id=f"t{n}"))

    first = await opened().call("find_anomalies", baseline="0m")
    second = await opened().call("find_anomalies", baseline="0m", offset=first["returned"])

    assert tokens(first) <= DEFAULT_BUDGET
    assert first["returned"] >= 5
    assert first["omitted"] == first["total"] - first["returned"]
    assert f"offset={first['returned']}" in first["hint"]
    assert {one["id"] for one in first["anomalies"]}.isdisjoint(one["id"] for one in second["anomalies"])


async def coarse(tools: Tools) -> str:
    return (await tools.call("find_anomalies", since="3h"))["anomalies"][0]["fingerprint"]["coarse"]


@pytest.mark.promise("S0.19")
async def test_silence_under_traffic_verifies_a_fix(opened: Open, tmp_path: Path) -> None:
    for n in range(30):
        write(tmp_path, "api.log", *failure(60 - n, f"b{n}"), success(60 - n, f"bs{n}"))
    write(tmp_path, "api.log", *(success(29 - n / 4, f"a{n}", "r2", f"/customers/{n}") for n in range(100)))

    answer = await opened().call("verify_fix", fingerprint=await coarse(opened()), fixed_at="30m", release="r2")

    assert answer["word"] == "verified"
    assert answer["paths"] == ["GET /customers/<*>"]
    assert (answer["before"]["events"], answer["before"]["requests"]) == (30, 30)
    assert (answer["after"]["events"], answer["after"]["requests"]) == (0, 100)


@pytest.mark.promise("S0.19")
async def test_traffic_that_never_takes_the_fixed_path_is_no_exposure(opened: Open, tmp_path: Path) -> None:
    for n in range(30):
        write(tmp_path, "api.log", *failure(60 - n, f"b{n}"), success(60 - n, f"bs{n}"))
    write(tmp_path, "api.log", *(success(29 - n / 4, f"a{n}", "r2") for n in range(100)))

    answer = await opened().call("verify_fix", fingerprint=await coarse(opened()), fixed_at="30m", release="r2")

    assert (answer["word"], answer["after"]["requests"]) == ("no_exposure", 0)


async def test_what_an_older_release_still_does_is_not_held_against_the_fix(opened: Open, tmp_path: Path) -> None:
    for n in range(30):
        write(tmp_path, "api.log", *failure(60 - n, f"b{n}"))
    write(tmp_path, "api.log", *failure(29, "straggler", "r1"), *(success(29 - n / 4, f"a{n}", "r2") for n in range(100)))

    with_release = await opened().call("verify_fix", fingerprint=await coarse(opened()), fixed_at="30m", release="r2")
    without = await opened().call("verify_fix", fingerprint=await coarse(opened()), fixed_at="30m")

    assert (with_release["after"]["events"], without["after"]["events"]) == (0, 1)


async def test_an_error_that_goes_on_is_not_verified(opened: Open, tmp_path: Path) -> None:
    for n in range(60):
        write(tmp_path, "api.log", *failure(60 - n, f"b{n}"))

    answer = await opened().call("verify_fix", fingerprint=await coarse(opened()), fixed_at="30m")

    assert answer["word"] == "not_shown_yet"


async def test_a_fix_of_the_future_cannot_be_verified(opened: Open) -> None:
    with pytest.raises(Refusal, match="since < fixed_at ≤ now"):
        await opened().call("verify_fix", fingerprint="ab", fixed_at="2027-01-01T00:00:00Z")
