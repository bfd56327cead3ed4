"""`kintsugi logs health | trends | correlate | verify` as a person types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kintsugi.commands.logs import logs


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Two hours of a service that fails every third request until half an hour ago, and its caller, which fails with it."""
    path = tmp_path / "app.log"
    now = datetime.now(UTC)
    with path.open("w", encoding="utf-8") as file:
        for n in range(240):
            at = (now - timedelta(minutes=120 - n / 2)).isoformat()
            broken = n % 3 == 0 and n < 180
            told = {"timestamp": at, "trace_id": f"t{n}", "service.version": "r1" if n < 180 else "r2"}
            if broken:
                file.write(json.dumps({**told, "severity": "ERROR", "body": "no stock", "service.name": "stock"}) + "\n")
                file.write(json.dumps({**told, "severity": "ERROR", "body": "order failed", "service.name": "orders"}) + "\n")
            for service in ("stock", "orders"):
                request = {"http.request.method": "GET", "url.path": "/", "http.response.status_code": 500 if broken else 200}
                file.write(json.dumps({**told, "severity": "INFO", "body": "request", "service.name": service, **request}) + "\n")
    return path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(logs, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result


def test_a_deployment_and_a_service_are_judged_in_one_line_and_a_table(stream: Path):
    deployment, service = run("health", str(stream), "--since", "31m"), run("health", str(stream), "--service", "stock")

    assert deployment.stdout.startswith(("good: go on.", "undecided: wait."))
    assert "orders before" in deployment.stdout
    assert service.stdout.splitlines()[1].split()[:4] == ["lines", "requests", "failed", "errors"]
    assert "no stock" in service.stdout


def test_trends_are_drawn_and_given_as_json(stream: Path):
    drawn, given = run("trends", str(stream), "--since", "2h"), run("trends", str(stream), "--since", "2h", "--json")

    assert "falling" in drawn.stdout
    assert "█" in drawn.stdout
    assert {one["title"] for one in json.loads(given.stdout)["trends"]} == {"no stock", "order failed"}


def test_a_file_of_another_day_is_judged_whole_where_no_window_is_named(tmp_path: Path) -> None:
    old = tmp_path / "old.log"
    old.write_text("2025-03-02 10:00:00,000 INFO shop - start\n2025-03-02 10:00:01,000 ERROR shop - no stock\n", "utf-8")

    assert [one["title"] for one in json.loads(run("trends", str(old), "--json").stdout)["trends"]] == ["no stock"]
    assert "shop" in run("correlate", str(old)).stdout


def test_the_service_that_leads_is_named_first(stream: Path):
    assert run("correlate", str(stream), "--since", "2h").stdout.startswith("stock fails deepest in")


@pytest.mark.promise("S0.19")
def test_a_fix_is_verified_from_the_command_line(stream: Path):
    errors = json.loads(run("trends", str(stream), "--since", "2h", "--service", "stock", "--json").stdout)["trends"]

    said = run("verify", str(stream), "--fingerprint", errors[0]["coarse"], "--fixed-at", "30m", "--release", "r2")

    assert said.stdout.startswith("verified: ")
    assert "60 events in" in said.stdout
