"""Services on record: what configuration and logs say of who uses what, and where the answer of that is needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from kintsugi.cli import cli
from kintsugi.shipping.rounds import chores, tell
from kintsugi.tools import Tools
from mcp_servers.kit.database import Database
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, Source
from mcp_servers.knowledge.patterns import Change, Notice
from mcp_servers.knowledge.services import Dependency, ServiceStore
from mcp_servers.knowledge.services.declared import declared
from mcp_servers.knowledge.services.learning import learn
from mcp_servers.launch import assemble
from tests.conftest import Clock
from tests.databases import database, database_url
from tests.e2e.strangers import git

__all__ = ["database", "database_url"]

NOW = datetime(2026, 11, 21, tzinfo=UTC)
COMPOSE = """
services:
  web:
    build: ./web
    depends_on: [cart, cache]
    environment:
      CART_URL: http://cart:8080
      SENTRY_DSN: https://abc@sentry.example.com/3
      HOMEPAGE: https://shop.acme.io
  cart:
    build: {context: services/cart}
    depends_on:
      orders: {condition: service_healthy}
    environment:
      - DATABASE_URL=postgresql+asyncpg://ada:s3cret@${DB_HOST:-db.acme.io}:5432/orders
      - KAFKA_BROKERS=kafka-1:9092,kafka-2:9092
      - LISTEN_HOST=0.0.0.0
  orders: {image: "postgres:16"}
  cache: {image: "registry.acme.io/library/redis:7"}
"""
MANIFEST = """
kind: Deployment
metadata: {name: billing}
spec:
  template:
    spec:
      containers:
        - name: main
          env:
            - {name: DB_HOST, value: db.acme.io}
            - {name: CART_ENDPOINT, value: "http://cart.shop.svc.cluster.local:8080"}
"""


def said(files: dict[str, str]) -> set[tuple[str, str, str]]:
    return {(one.service, one.kind, one.name) for one in declared(files, "shop").dependencies}


def test_a_compose_file_tells_services_their_folders_and_what_they_use() -> None:
    found = declared({"compose.yaml": COMPOSE}, "shop")
    assert dict(found.services) == {"web": "web", "cart": "services/cart"}
    assert {(one.service, one.kind, one.name) for one in found.dependencies} == {
        ("web", "service", "cart"), ("web", "cache", "cache"), ("cart", "database", "orders"), ("cart", "database", "db.acme.io"),
        ("cart", "queue", "kafka-1"), ("cart", "queue", "kafka-2"),
    }  # fmt: skip
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("deploy/billing.yaml", MANIFEST, {("billing", "database", "db.acme.io"), ("billing", "service", "cart")}),
        ("src/main/resources/application.yml", "spring: {datasource: {url: 'jdbc:mysql://my.acme.io/x'}}", {("shop", "database", "my.acme.io")}),
        ("config/production.ini", "[redis]\nhost = cache.acme.io\nport = 6379\n", {("shop", "cache", "cache.acme.io")}),
        (".env", "PAYMENT_API_URL=https://pay.acme.io/v1\nDB_HOST=localhost\n", {("shop", "host", "pay.acme.io")}),
        ("settings.toml", 'amqp_url = "amqp://guest:guest@rabbit.acme.io/"\n', {("shop", "queue", "rabbit.acme.io")}),
        ("package.json", '{"homepage": "https://x.io", "repository": {"url": "https://git.acme.io/x"}}', set[object]()),
        (".github/workflows/ci.yml", "env: {DATABASE_URL: 'postgres://x@ci.acme.io/y'}", set[object]()),
        ("web.yaml", "docs_url: https://docs.acme.io\npublic_url: https://acme.io\nbind: 0.0.0.0\n", set[object]()),
        ("broken.yaml", "a: [", set[object]()),
    ],
)  # fmt: skip
def test_other_configuration_tells_what_is_used_and_leaves_out_what_is_only_named(path: str, text: str, expected: set[object]) -> None:
    assert said({path: text}) == expected


def test_settings_in_the_folder_of_a_service_are_its_own() -> None:
    files = {"compose.yaml": COMPOSE, "services/cart/.env": "REDIS_HOST=r.acme.io\n"}
    assert ("cart", "cache", "r.acme.io") in said(files)


def test_what_the_record_knows_is_the_same_on_every_database(database: Database) -> None:
    store = ServiceStore(database)
    for repository, files in (("shop", {"compose.yaml": COMPOSE}), ("money", {"deploy/billing.yaml": MANIFEST})):
        store.declare(repository, "c1", declared(files, repository), NOW)
    store.observe("shop", [Dependency("web", "service", "search", "shop", "traced")], NOW)
    known = store.landscape()
    assert known.callers("cart") == ["billing", "web"]
    assert known.leaning("search") == ["web"]
    assert [(one.kind, one.name) for one in known.shared("shop", "money")] == [("database", "db.acme.io"), ("service", "cart")]
    assert known.of("money") == ["billing"]
    store.declare("shop", "c2", declared({"compose.yaml": COMPOSE.replace("db.acme.io", "new.acme.io")}, "shop"), NOW)
    assert [one.name for one in store.landscape().uses("cart", "shop") if one.kind == "database"] == ["new.acme.io", "orders"]
    assert [(one.name, one.told) for one in store.landscape().uses("web")][-1] == ("search", "traced")
    assert (store.scanned("shop"), store.looked("shop")) == ("c2", NOW)


def test_a_database_that_each_repository_starts_for_itself_is_not_shared(database: Database) -> None:
    store = ServiceStore(database)
    for repository in ("shop", "copy"):
        store.declare(repository, "c1", declared({"compose.yaml": COMPOSE}, repository), NOW)
    assert {(one.kind, one.name) for one in store.landscape().shared("shop", "copy")} == {
        ("service", "cart"), ("database", "db.acme.io"),
    }  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "compose.yaml").write_text(COMPOSE, "utf-8")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Services")
    return root


@pytest.mark.anyio
async def test_a_deployment_says_who_is_around_and_the_status_lists_what_services_use(shop: Path, tmp_path: Path, clock: Clock) -> None:
    deps = assemble(Project(shop, "shop"), home=tmp_path / "home", clock=clock)
    tools = Tools(deps, ("knowledge",), writes=True)
    ServiceStore(deps.database).declare("money", "c1", declared({"deploy/billing.yaml": MANIFEST}, "money"), clock())
    noted = await tools.call("notify_deployment", repository="shop", version="1.0")
    assert {"what": "cart", "why": "billing, web call it"} in noted["focus"]
    assert {"what": "database db.acme.io", "why": "shared with billing"} in noted["focus"]
    status = await tools.call("get_runtime_status", repository="shop")
    cart = next(one for one in status["services"] if one["service"] == "cart")
    assert cart["used_by"] == ["billing", "web"]
    assert {"kind": "database", "name": "db.acme.io", "told": "configured"} in cart["uses"]


def test_a_repository_is_read_once_for_each_commit(shop: Path, tmp_path: Path) -> None:
    store = ServiceStore(Database.open(f"sqlite:///{tmp_path / 'k.db'}"))
    assert learn(store, Repository.at(shop), "shop", NOW)
    assert not learn(store, Repository.at(shop), "shop", NOW)
    assert store.folders("shop") == {"web": "web", "cart": "services/cart"}


@pytest.mark.anyio
async def test_a_driver_learns_from_traces_who_calls_whom_once_an_hour(shop: Path, tmp_path: Path, clock: Clock) -> None:
    (shop / "logs").mkdir()
    deps = assemble(Project(shop, "shop", sources=(Source("app", "files", {"paths": ["logs"]}),)), home=tmp_path / "home", clock=clock)
    tools, store = Tools(deps, writes=True), ServiceStore(deps.database)

    async def learned(caller: str, called: str) -> list[str]:
        at, rows = clock().isoformat(), (("1", "", caller), ("2", "1", called))
        with (shop / "logs" / "app.log").open("a", encoding="utf-8") as log:
            for span, parent, service in rows:
                told = {
                    "timestamp": at,
                    "body": "served",
                    "service.name": service,
                    "trace_id": at,
                    "span_id": span,
                    "parent_span_id": parent,
                }
                log.write(json.dumps(told) + "\n")
        clock.forward(minutes=1)
        await chores(deps, tools, list[str]().append)
        return [one.name for one in store.landscape().uses(caller) if one.told == "traced"]

    assert await learned("web", "search") == ["search"]
    assert store.landscape().callers("cart") == ["web"]
    assert await learned("web", "stock") == ["search"]
    clock.forward(minutes=60)
    assert await learned("web", "mail") == ["mail", "search"]


@pytest.mark.anyio
@pytest.mark.promise("S0.25")
async def test_who_is_told_of_a_change_elsewhere_is_told_what_both_use(tmp_path: Path, clock: Clock) -> None:
    deps = assemble(None, home=tmp_path / "home", clock=clock)
    tools, store = Tools(deps, writes=True), ServiceStore(deps.database)
    for repository, files in (("shop", {"compose.yaml": COMPOSE}), ("money", {"deploy/billing.yaml": MANIFEST})):
        store.declare(repository, "c1", declared(files, repository), NOW)
    change = Change("shop", "database-pool", "pool_size", 50, 30, reason="a limit is shared", cause="case_1", at=NOW)
    ticket = await tell(tools, Notice("money", change, 50))
    [found] = (await tools.call("search_tickets"))["tickets"]
    assert found["id"] == ticket
    told = await tools.call("get_ticket", ticket_id=ticket)
    assert "Both use database db.acme.io" in told["description"]


def test_the_command_lists_who_uses_what(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    told = CliRunner().invoke(cli, ["knowledge", "services", str(shop), "--json"], catch_exceptions=False)
    found = json.loads(told.stdout)["dependencies"]
    assert {"service": "web", "kind": "service", "name": "cart"}.items() <= found[-1].items()
    shown = CliRunner().invoke(cli, ["knowledge", "services"], catch_exceptions=False)
    assert "database db.acme.io" in shown.stdout
