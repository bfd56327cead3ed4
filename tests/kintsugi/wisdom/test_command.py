"""`kintsugi wisdom` as it is typed: a clone with papers, reports and git is enough for every page."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from kintsugi.commands.wisdom import wisdom
from kintsugi.tools import Tools
from kintsugi.wisdom.history import history
from kintsugi.workspace import open_deps
from mcp_servers.fixes.forges.local import LocalForge
from mcp_servers.fixes.model import Request
from mcp_servers.fixes.store import Store
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Project
from tests.fixes.repositories import Worktree
from tests.kintsugi.wisdom.runs import went_wrong

PAGES = (
    "summary artifact_audit test_analysis coverage_trend issue_correlation regression_blame timeline"
    " metrics_verification log_verification trace_verification learnings playbook test_gaps"
)


@dataclass(frozen=True)
class Done:
    shop: Worktree
    answer: dict[str, Any]
    pages: Mapping[str, str]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return went_wrong(tmp_path_factory.mktemp("original") / "shop").root


def copied(original: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Worktree:
    for name in ("KINTSUGI_DATABASE_URL", "KINTSUGI_PROJECT", "KINTSUGI_ALLOW_WRITES", "LOGS_ENDPOINT", "METRICS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KINTSUGI_HOME", str(folder / "home"))
    made = Worktree(Path(shutil.copytree(original, folder / "shop")))
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def shop(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worktree:
    return copied(original, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def done(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """What one look back answered and wrote."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        shop = copied(original, tmp_path_factory.mktemp("done"), monkeypatch)
        return Done(shop, told(), pages(shop))


def told(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(wisdom, [*words, "--json"], standalone_mode=False)
    assert result.exception is None, result.output
    assert result.return_value == 1, "the release has findings"
    return json.loads(result.stdout)


def pages(shop: Worktree, run: str = "runs/2") -> Mapping[str, str]:
    return {path.name: path.read_text("utf-8") for path in (shop.root / run / "wisdom").iterdir()}


def rows(page: str, of: str) -> list[str]:
    return [line.replace("\\_", "_") for line in page.splitlines() if line.startswith("|") and of in line.replace("\\_", "_")]


@pytest.mark.promise("S4.1")
@pytest.mark.promise("S4.9")
def test_a_clone_with_papers_and_git_gets_every_page_in_the_folder_of_its_run(done: Done) -> None:
    answer, shop = done.answer, done.shop
    assert answer["run"] == str(shop.root / "runs/2")
    assert answer["release"]["chosen"] == "all since the tag v1.0.0"
    assert [page["file"] for page in answer["pages"]] == [f"{name}.md" for name in PAGES.split()]
    assert {name for name in done.pages if name.endswith(".md")} == {f"{name}.md" for name in PAGES.split()}
    assert not (shop.root / "wisdom").exists()


@pytest.mark.promise("S4.1")
def test_where_nothing_is_every_page_is_there_and_says_that_it_is_unknown(shop: Worktree) -> None:
    (shop.root / "empty").mkdir()
    (shop.root / "runs/1/junit.xml").unlink()
    (shop.root / "runs/1/coverage.json").unlink()
    for name in ("junit.xml", "coverage.json"):
        (shop.root / "runs/2" / name).unlink()
    answer = told("--run", "empty")
    unknown = {page["file"] for page in answer["pages"] if page["standing"] == "unknown"}
    assert {"artifact_audit.md", "test_analysis.md", "coverage_trend.md", "metrics_verification.md"} <= unknown
    assert len(pages(shop, "empty")) == len(PAGES.split()) + 1


@pytest.mark.promise("S4.2")
def test_each_page_tells_what_went_wrong_with_its_numbers(done: Done) -> None:
    summaries = {page["file"]: page["summary"] for page in done.answer["pages"]}
    assert summaries["test_analysis.md"] == "2 tests: 1 passed, 1 failed. Since 1: 1 newly failing, 0 mended, 0 new, 0 gone."
    assert summaries["coverage_trend.md"].startswith("41.7% of 12 lines reached, -58.3 points since 1.")
    assert summaries["regression_blame.md"] == "1 failing test, 1 with a suspect; 1 commit taken back in this release."
    shown = done.pages
    (blamed,) = rows(shown["regression_blame.md"], "tests.test_prices.test_label")
    assert "fix: labels are rounded | Linus | HIGH" in blamed
    assert rows(shown["issue_correlation.md"], "SHOP-12 | unknown here")
    assert rows(shown["timeline.md"], "2026-11-09 11:00 | reverted")
    assert rows(shown["learnings.md"], "Revert")
    assert rows(shown["playbook.md"], "1 fix without a test")
    assert "▁" in shown["coverage_trend.md"]
    assert shown["coverage_trend.svg"].count("<circle") == 2


@pytest.mark.promise("S4.2")
@pytest.mark.promise("S4.9")
def test_the_papers_are_held_against_the_repository(done: Done) -> None:
    audit = done.pages["artifact_audit.md"]
    contradicted, rest = audit.partition("## Contradicted")[2].split("## Still open")
    gone = [line.split(" | ")[2].replace("\\_", "_") for line in rows(contradicted, "md:")]
    assert gone.count("shop/coupons.py") == gone.count("shop/legacy.py") == 1
    assert {"test_discount_is_never_negative", "shop_orders", "shop_total_cents", "order {id} placed"} <= set(gone)
    assert rows(rest, "Tell the finance people")
    assert rows(rest.partition("## Borne out")[2], "test | test_total")
    assert [line.split(" | ")[2:] for line in rows(audit, "deployment_decision.md")[:2]] == [
        ["GO", "Ada Lovelace", "2026-11-10 |"],
        ["keep the old tables", "Ada Lovelace", "2026-11-10 |"],
    ]


def test_what_strangers_wrote_cannot_act_on_any_page(shop: Worktree) -> None:
    shop.commit("fix: **[x](https://evil.example)** | @everyone <img src=x> #99", {"shop/more.py": "x = 1\n" * 9})
    told()
    everything = "\n".join(pages(shop).values())
    for hostile in ("<script", "<img", "@everyone", "](https://evil", "/etc/passwd is there"):
        assert hostile not in everything


def test_running_again_writes_the_same_and_touches_nothing(shop: Worktree) -> None:
    first = told()
    times = {path.name: path.stat().st_mtime_ns for path in (shop.root / "runs/2/wisdom").iterdir()}
    state = pages(shop)
    assert told() == first
    assert pages(shop) == state
    assert {path.name: path.stat().st_mtime_ns for path in (shop.root / "runs/2/wisdom").iterdir()} == times


def test_a_pull_request_is_found_by_the_commit_that_brought_it(shop: Worktree) -> None:
    repository = shop.repository
    assert [one.subject for one in history(repository, 7).released] == ["feat: discounts (#7)"]
    assert history(repository, 7).span.chosen.startswith("pull request #7")
    assert "no commit says that it brought pull request #8; all since" in history(repository, 8).span.chosen


def found_tickets(shop: Worktree) -> list[dict[str, Any]]:
    deps = open_deps(Project(shop.root, shop.root.name))
    answer = asyncio.run(Tools(deps, ["tickets"]).call("search_tickets", limit=100))
    deps.database.close()
    return answer["tickets"]


def test_nothing_is_posted_unasked_or_where_writing_is_not_allowed(shop: Worktree) -> None:
    told()
    with pytest.raises(Refusal, match="KINTSUGI_ALLOW_WRITES does not name tickets"):
        CliRunner().invoke(wisdom, ["--post"], standalone_mode=False, catch_exceptions=False)
    assert found_tickets(shop) == []


@pytest.mark.promise("S4.2")
def test_each_test_gap_gets_one_ticket_in_all_time(shop: Worktree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_ALLOW_WRITES", "tickets")
    gaps = told("--post")["gaps"]
    titles = [gap["title"] for gap in gaps]
    assert "Write the promised test test_discount_is_never_negative" in titles
    assert any("fix" in title and "shop/prices.py" in title for title in titles)
    assert "Test the new lines of shop/prices.py" in titles
    opened = found_tickets(shop)
    assert sorted(one["title"] for one in opened) == sorted(titles)
    assert all("test-gap" in one["labels"] for one in opened)
    closed = open_deps(Project(shop.root, shop.root.name))
    asyncio.run(Tools(closed, ["tickets"], writes=True).call("transition_ticket", ticket_id=opened[0]["id"], status="closed"))
    closed.database.close()
    first = pages(shop)
    assert {gap["ticket"] for gap in told("--post")["gaps"]} == {one["id"] for one in opened}
    assert len(found_tickets(shop)) == len(opened)
    assert pages(shop) == first


def test_a_remark_under_a_pull_request_needs_the_forge_to_be_writable_too(shop: Worktree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_ALLOW_WRITES", "tickets")
    with pytest.raises(Refusal, match="does not name fixes"):
        CliRunner().invoke(wisdom, ["--post", "--pr", "7"], standalone_mode=False, catch_exceptions=False)
    monkeypatch.setenv("KINTSUGI_ALLOW_WRITES", "tickets,fixes")
    with pytest.raises(Refusal, match="There is no pull request 7 here"):
        CliRunner().invoke(wisdom, ["--post", "--pr", "7"], standalone_mode=False, catch_exceptions=False)


@pytest.mark.promise("S4.2")
def test_the_summary_is_said_once_under_the_pull_request(shop: Worktree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_ALLOW_WRITES", "all")
    deps = open_deps(Project(shop.root, shop.root.name))
    repository = shop.repository
    head = repository.head()
    repository.update_ref("refs/heads/kintsugi/fix_1", head, None)
    identity = repository.identity(head)
    forge = LocalForge(repository, Store(deps.database), deps.scratch, deps.clock)
    opened = forge.open(Request("fix_1", identity, "kintsugi/fix_1", "refs/heads/main", head, head, "A title", "A body", ()))
    deps.database.close()
    for _ in range(2):
        assert told("--post", "--pr", opened.id)["remark"] == opened.url
    assert Path(unquote(opened.url).removeprefix("file://")).read_text("utf-8").count("Kintsugi looked back.") == 1


def test_a_store_that_cannot_be_used_stops_no_page(shop: Worktree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINTSUGI_DATABASE_URL", "sqlite:////dev/null/nowhere.sqlite")
    assert len(told()["pages"]) == len(PAGES.split())
    assert "cases, tickets and lessons:" in pages(shop)["learnings.md"]


def test_a_folder_outside_of_the_repository_is_refused(shop: Worktree, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is not inside of"):
        CliRunner().invoke(wisdom, ["--run", str(tmp_path)], standalone_mode=False, catch_exceptions=False)


def test_the_screen_is_one_line_for_each_page(shop: Worktree) -> None:
    result = CliRunner().invoke(wisdom, [], standalone_mode=False)
    assert result.exception is None
    assert all(f"{name}.md" in result.stdout for name in PAGES.split()[1:])
    assert "have findings" in result.stdout
