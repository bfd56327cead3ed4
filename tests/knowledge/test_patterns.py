"""Patterns: read from code and configuration, kept with the reasons of their values, judged over all who use them, changed together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.cli import cli
from kintsugi.hooks import spool
from kintsugi.shipping.rounds import chores
from kintsugi.tools import Tools
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, Source
from mcp_servers.knowledge.patterns import Change, PatternStore, Scanned, Use
from mcp_servers.knowledge.patterns.changes import changes
from mcp_servers.knowledge.patterns.extraction import extract
from mcp_servers.knowledge.patterns.scanning import scan
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.databases import database, database_url
from tests.e2e.strangers import git

__all__ = ["database", "database_url"]

FILES = {
    "shop/db.py": 'pool = redis.ConnectionPool(host="db", max_connections=50, timeout=5)\nCACHE_TTL_SECONDS = 60 * 60\nself.retries = 3\n',
    "web/pool.ts": "const pool = new Pool({ max: 20, idleTimeoutMillis: 30000 });\nclient.setTimeout(500);\n",
    "ask.js": 'const answer = await model.create({ max_tokens: 2_000, temperature: 0.2, prompt: "pool of 9" });\n',
    "main.go": "package a\n\nfunc f() {\n\tdb.SetMaxOpenConns(100)\n\tc := &http.Client{Timeout: 10 * time.Second}\n}\n",
    "App.java": "class App { static final int MAX_RETRIES = 3; void f() { config.setMaximumPoolSize(10); } }\n",
    "app.php": "<?php\n$client = new Client(['timeout' => 5, 'connect_timeout' => 2]);\n",
    "settings.toml": '[database]\npool_size = 50\n[cache.redis]\nttl = "5m"\n',
    "compose.yaml": "services:\n  - name: mail\n    environment:\n      WORKER_PREFETCH: 4\n",
    ".env": "CACHE_TTL=300\nDATABASE_PASSWORD=pool-hunter2\n",
}
FOUND = {
    ("shop/db.py", "redis-connection-pool", "pool"): {"max_connections": 50, "timeout": 5},
    ("shop/db.py", "cache", "cache"): {"cache_ttl_seconds": 3600},
    ("shop/db.py", "retry", "retry"): {"retries": 3},
    ("web/pool.ts", "pool", "pool"): {"max": 20, "idle_timeout_millis": 30000},
    ("web/pool.ts", "client", "client"): {"timeout": 500},
    ("ask.js", "model-llm", "llm"): {"max_tokens": 2000, "temperature": 0.2},
    ("main.go", "db-pool", "pool"): {"max_open_conns": 100},
    ("main.go", "http-client", "client"): {"timeout": "10 * time.Second"},
    ("App.java", "retry", "retry"): {"max_retries": 3},
    ("App.java", "pool", "pool"): {"maximum_pool_size": 10},
    ("app.php", "client", "client"): {"timeout": 5, "connect_timeout": 2},
    ("settings.toml", "database-pool", "pool"): {"pool_size": 50},
    ("settings.toml", "redis-cache", "cache"): {"ttl": "5m"},
    ("compose.yaml", "services-queue", "queue"): {"worker_prefetch": 4},
    (".env", "cache", "cache"): {"cache_ttl": 300},
}


@pytest.fixture
def tools(tmp_path: Path, clock: Clock) -> Tools:
    return Tools(assemble(None, home=tmp_path / "home", clock=clock), ("knowledge",), writes=True)


def repository(folder: Path, *states: tuple[str, dict[str, str]]) -> Path:
    """A repository whose commits (message and files) happen a day after each other."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for number, (message, files) in enumerate(states):
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", message, date=f"2026-11-{number + 2:02d}T09:00:00+00:00")
    return folder


def service(folder: Path, pool: int = 50) -> Path:
    described = f'[project]\nname = "{folder.name}"\n\n[sources.app]\ntype = "files"\npaths = ["logs"]\n'
    return repository(folder, ("Begin", {"settings.toml": f"[database]\npool_size = {pool}\n", "kintsugi.toml": described}))


@pytest.mark.promise("S0.5")
def test_settings_are_read_alike_from_every_language_and_format() -> None:
    found = {(path, use.name, use.kind): dict(use.parameters) for path, uses in extract(FILES).items() for use in uses}
    assert found == FOUND


def test_what_only_passes_a_value_on_and_what_does_not_ship_is_no_pattern() -> None:
    text = "client = Client(timeout=timeout)\npool = make_pool(engine)\nmessage = 'the pool is empty'\nif retries > 3: ...\n"
    assert extract({"a.py": text}) == {}
    assert extract({f"{place}/b.py": FILES["shop/db.py"] for place in ("tests", "vendor", "docs")} | {"test_c.py": "TTL = 3\n"}) == {}


def test_a_credential_in_a_setting_is_not_kept() -> None:
    [use] = extract({"a.toml": '[cache]\nurl = "redis://user:hunter2@cache/0"\nttl = 3\ncache_url = "redis://user:hunter2@cache/0"\n'})[
        "a.toml"
    ]
    assert use.parameters["ttl"] == 3
    assert "hunter2" not in str(use.parameters)


@given(st.lists(st.dictionaries(st.sampled_from(["ttl", "size"]), st.integers(0, 3).map(float), min_size=1), max_size=4))
def test_a_file_that_is_the_same_in_another_order_changed_nothing(parameters: list[dict[str, float]]) -> None:
    uses = [Use("cache", "cache", one) for one in parameters]
    told = Change("a", "", "", "", "")
    assert list(changes(uses, uses[::-1], told)) == []


@pytest.mark.promise("S0.5")
@pytest.mark.promise("S0.25")
@pytest.mark.promise("S0.6")
def test_a_commit_that_changes_a_value_is_kept_with_its_reason_and_those_who_use_it_are_told_once(
    tmp_path: Path, database: Database
) -> None:
    store = PatternStore(database)
    orders, mail = service(tmp_path / "orders"), service(tmp_path / "mail")
    for folder in (orders, mail):
        assert [use.name for use in scan(store, Repository.at(folder), folder.name).uses] == ["database-pool"]
    (orders / "settings.toml").write_text("[database]\npool_size = 30\n", "utf-8")
    git(orders, "commit", "-qam", "fix: the pools share 100 connections", date="2026-11-09T09:00:00+00:00")

    report = scan(store, Repository.at(orders), "orders")
    [change] = report.changes
    assert (change.told, change.reason, change.path) == ("pool_size 50 → 30", "fix: the pools share 100 connections", "settings.toml")
    assert change.cause == f"commit {change.commit[:12]}"
    assert [(notice.repository, notice.has) for notice in report.notices] == [("mail", 50)]

    again = scan(store, Repository.at(orders), "orders", commit="HEAD")
    assert (again.changes, again.notices) == ([change], [])
    assert store.history("database-pool") == [change]
    assert {name: use.parameters["pool_size"] for name, use in store.users("database-pool")} == {"orders": 30, "mail": 50}


def test_a_pattern_that_is_gone_is_used_no_more(tmp_path: Path, clock: Clock) -> None:
    store = PatternStore(assemble(None, home=tmp_path / "home", clock=clock).database)
    folder = service(tmp_path / "orders")
    scan(store, Repository.at(folder), "orders")
    git(folder, "rm", "-q", "settings.toml")
    git(folder, "commit", "-qm", "No settings", date="2026-11-09T09:00:00+00:00")
    scan(store, Repository.at(folder), "orders")
    assert store.users(repository="orders") == []


def issue(repository: str, severity: str = "high", number: int = 0, **more: Any) -> dict[str, Any]:
    told = {"repository": repository, "service_type": "api", "issue_type": "error", "severity": severity, "fingerprint": f"f{number:08d}"}
    return {**told, "log_snippet": "FATAL: sorry, too many clients already", "pattern_reference": "Database Pool", **more}


@pytest.mark.anyio
@pytest.mark.promise("S0.11")
@pytest.mark.parametrize(
    ("users", "hit", "score", "status"),
    [(5, 1, 0.8, "healthy"), (4, 1, 0.75, "degraded"), (2, 1, 0.5, "degraded"), (3, 2, 0.333, "critical"), (0, 0, None, "unknown")],
)
async def test_the_score_is_the_share_of_repositories_without_issues(
    tools: Tools, users: int, hit: int, score: float | None, status: str
) -> None:
    for number in range(users):
        await tools.call("record_pattern", repository=f"r{number}", pattern="database-pool", parameters={"pool_size": 50})
    for number in range(hit):
        await tools.call("add_runtime_issue", **issue(f"r{number}"))
    told = await tools.call("get_pattern_health", pattern="Database pool")
    assert (told.get("score"), told["status"]) == (score, status)
    assert (told["repos_with_issues"], told["total_repositories"]) == (hit, users)
    assert told["recommendation"]


@pytest.mark.anyio
@pytest.mark.promise("S0.11")
async def test_ten_incidents_are_told_the_gravest_first_and_old_ones_are_not(tools: Tools, clock: Clock) -> None:
    await tools.call("add_runtime_issue", **issue("old", number=99))
    clock.forward(days=40)
    for number in range(12):
        await tools.call("add_runtime_issue", **issue("shop", "critical" if number == 3 else "low", number))
    told = await tools.call("get_pattern_health", pattern="database-pool", time_range=30)
    assert [one["severity"] for one in told["recent_incidents"]] == ["critical", *["low"] * 9]
    assert told["omitted"] == 2
    assert (await tools.call("get_pattern_health", pattern="database-pool", time_range=60))["repos_with_issues"] == 2


@pytest.mark.anyio
@pytest.mark.promise("S0.27")
async def test_a_value_that_hurt_is_an_anti_pattern_with_its_symptom_signal_fix_and_who_still_has_it(tools: Tools) -> None:
    for name in ("orders", "mail"):
        await tools.call("record_pattern", repository=name, pattern="database-pool", parameters={"pool_size": 50})
    await tools.call("add_runtime_issue", **issue("orders"))
    learned = {"parameters": {"pool_size": 30}, "reason": "100 connections are shared", "cause": "case_1f3a9c02"}
    told = await tools.call("record_pattern", repository="orders", pattern="database-pool", **learned)
    assert (told["changes"], told["notify"]) == (["pool_size 50 → 30"], ["mail"])
    health = await tools.call("get_pattern_health", pattern="database-pool")
    [known] = health["anti_patterns"]
    assert (known["symptom"], known["detection"]) == ("FATAL: sorry, too many clients already", "pool_size = 50")
    assert known["affected"] == ["mail"]
    assert "100 connections are shared" in known["fix"]
    assert "Still as it was in mail" in health["recommendation"]


@pytest.mark.anyio
@pytest.mark.promise("S0.13")
@pytest.mark.promise("S0.23")
async def test_metrics_are_kept_by_pattern_and_repository_and_what_was_not_measured_stays(tools: Tools) -> None:
    await tools.call("update_pattern_metrics", pattern="database-pool", repository="orders", error_rate=0.02, latency_p95=120)
    told = await tools.call("update_pattern_metrics", pattern="database-pool", repository="orders", error_rate=0.01, throughput_rps=40)
    assert told["metrics"] == {"error_rate": 0.01, "latency_p95": 120, "throughput_rps": 40}
    [measured] = (await tools.call("get_runtime_status", repository="orders"))["production_metrics"]
    assert (measured["pattern"], measured["error_rate"], measured["last_updated"]) == ("database-pool", 0.01, told["last_updated"])
    with pytest.raises(Refusal, match="No figure was given"):
        await tools.call("update_pattern_metrics", pattern="database-pool", repository="orders")


@pytest.mark.anyio
@pytest.mark.promise("S0.6")
async def test_a_commit_that_a_hook_saw_is_a_ticket_for_those_who_have_the_old_value_at_most_once(tmp_path: Path, clock: Clock) -> None:
    orders, mail = service(tmp_path / "orders"), service(tmp_path / "mail")
    deps = assemble(Project.load(orders), home=tmp_path / "home", clock=clock)
    tools, said = Tools(deps, writes=True), list[str]()
    for folder in (orders, mail):
        scan(PatternStore(deps.database), Repository.at(folder), folder.name)
    (orders / "settings.toml").write_text("[database]\npool_size = 30\n", "utf-8")
    git(orders, "commit", "-qam", "fix: the pools share 100 connections", date="2026-11-09T09:00:00+00:00")
    for _ in range(2):
        spool.leave(str(tmp_path / "home"), spool.Note("post-commit", 0.0, str(orders), "main", git(orders, "rev-parse", "HEAD")))
        await chores(deps, tools, said.append)
    found = (await tools.call("search_tickets"))["tickets"]
    assert [ticket["title"] for ticket in found] == ["[Pattern] mail: database-pool was changed elsewhere (pool_size 50 → 30)"]
    await tools.call("transition_ticket", ticket_id=found[0]["id"], status="closed")
    await chores(deps, tools, said.append)
    assert (await tools.call("search_tickets", status=["open"]))["tickets"] == []
    [notice] = (await tools.call("get_runtime_status", repository="mail"))["notices"]
    assert (notice["changed_in"], notice["has"], notice["ticket"]) == ("orders", 50, found[0]["id"])


@pytest.mark.anyio
@pytest.mark.promise("S0.37")
@pytest.mark.promise("S0.30")
@pytest.mark.promise("S0.29")
async def test_three_services_at_one_database_limit_are_one_problem_and_one_coordinated_fix(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [service(tmp_path / name) for name in ("mail", "orders", "users")]
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KINTSUGI_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    rows = [
        {"timestamp": f"2026-11-20T10:{minute:02d}:0{at}Z", "severity": "ERROR", "service.name": folder.name,
         "body": f"job {minute}: connections 150/100 on instance main-db-1, giving up"}
        for minute in range(2, 12) for at, folder in enumerate(folders)
    ]  # fmt: skip
    (tmp_path / "logs" / "all.log").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    project = Project(tmp_path, "platform", sources=(Source("all", "files", {"paths": ["logs"]}),))
    tools = Tools(assemble(project, home=tmp_path / "home", clock=clock), writes=True)

    [problem] = (await tools.call("correlate_services", since="15m"))["systemic"]
    assert problem["limit"] == {"of": "connections", "limit": 100, "actual": 150}
    assert set(problem["affected"]) == {"mail", "orders", "users"}

    asked = ("coordinate", "database-pool", "pool_size=30", *map(str, folders), "--reason", "three pools of 50 share 100 connections")
    done = await run_sync(told, *asked)
    assert [(row["repository"], bool(row["fix"])) for row in done["repositories"]] == [("mail", True), ("orders", True), ("users", True)]
    again = await run_sync(told, *asked[:3], str(folders[0]), *asked[-2:])
    assert (again["parent"], again["repositories"][0]["ticket"]) == (done["parent"], done["repositories"][0]["ticket"])
    tickets = (await tools.call("search_tickets"))["tickets"]
    assert {ticket["id"] for ticket in tickets} == {done["parent"], *(row["ticket"] for row in done["repositories"])}
    for folder, row in zip(folders, done["repositories"], strict=True):
        fix = await Tools(assemble(Project.load(folder), home=tmp_path / "home", clock=clock)).call("get_fix", fix_id=row["fix"])
        assert "+pool_size = 30" in fix["diff"]


def told(*words: str) -> dict[str, Any]:
    return json.loads(run("patterns", *words, "--json"))


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, list(words), standalone_mode=False)
    if result.exception:
        raise result.exception
    assert int(result.return_value or 0) == code, result.output
    return result.stdout


def test_the_command_line_scans_lists_and_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KINTSUGI_DATABASE_URL", raising=False)
    monkeypatch.chdir(service(tmp_path / "orders"))
    assert "database-pool  settings.toml:2  pool_size=50" in run("patterns", "scan")
    assert [use["repository"] for use in json.loads(run("patterns", "list", "--json"))["uses"]] == ["orders"]
    assert run("patterns", "health", "database-pool").startswith("database-pool: healthy, score 1.0")
    with pytest.raises(Refusal, match="No repository that was scanned here uses 'mail-queue'"):
        run("patterns", "coordinate", "mail-queue", "batch=3", "--reason", "why not")
    [row] = told("coordinate", "database-pool", "pool_size=50", "--reason", "as it is")["repositories"]
    assert row == {"repository": "orders", "note": "has no other value of pool_size"}
    with pytest.raises(Refusal, match="no parameter with its value"):
        run("patterns", "coordinate", "database-pool", "pool_size", ".", "--reason", "why not")


@pytest.mark.promise("S0.30")
def test_who_still_has_a_value_that_another_changed_asks_for_it_and_one_ticket_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KINTSUGI_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    orders, mail = (service(tmp_path / name) for name in ("orders", "mail"))
    run("patterns", "scan", str(orders), str(mail))
    assert "Nobody changed a value that mail has" in run("patterns", "notices", str(mail))
    (orders / "settings.toml").write_text("[database]\npool_size = 30\n", "utf-8")
    git(orders, "commit", "-qam", "fix: the pools share 100 connections", date="2026-11-09T09:00:00+00:00")
    assert "mail uses database-pool too and has pool_size = 50: `kintsugi watch` opens its ticket" in run("patterns", "scan", str(orders))
    [row] = told("coordinate", "database-pool", "pool_size=30", str(mail), "--reason", "one limit")["repositories"]
    [notice] = told("notices", str(mail))["notices"]
    assert (notice["changed_in"], notice["change"], notice["ticket"]) == ("orders", "pool_size 50 → 30", row["ticket"])


def test_a_scan_that_was_stored_before_is_replaced_file_by_file(tmp_path: Path, clock: Clock) -> None:
    store = PatternStore(assemble(None, home=tmp_path, clock=clock).database)
    cache: Sequence[Use] = [Use("cache", "cache", {"ttl": 3.0}, "a.py", 1)]
    for _ in range(2):
        store.record("orders", Scanned({"a.py": list(cache), "b.py": []}))
    assert store.users() == [("orders", cache[0])]
