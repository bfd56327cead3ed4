"""What documents claim and how it is judged, whatever they hold; and what production is asked where somebody can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsugi.wisdom.artifacts import INPUTS, Artifact, artifact, decisions, parts_of
from kintsugi.wisdom.audit import audit
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.looking import LookBack, look_back, run_folder
from kintsugi.wisdom.page import cell
from kintsugi.wisdom.paths import Paths
from kintsugi.wisdom.regressions import suspects
from kintsugi.wisdom.told import Told
from kintsugi.wisdom.verifiers import VERIFIERS
from kintsugi.wisdom.writing import write
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Project, Source
from tests.components import ROOT
from tests.fixes.repositories import Worktree, shop
from tests.kintsugi.wisdom.runs import SPEC, junit


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Worktree:
    made = shop(tmp_path_factory.mktemp("papers") / "shop")
    made.commit("feat: orders", {"shop/orders.py": "TOTAL = 'shop_orders'\nSAID = f'order {id} placed'\n", "docs/plan.txt": "test_ghost\n"})
    return made


def looked(made: Worktree, told: Told | None = None, sources: tuple[Source, ...] = (), **environ: str) -> LookBack:
    return look_back(made.root, made.root, Project(made.root, "shop", sources=sources), lambda _: told or Told(), environ)


def papers(made: Worktree, **texts: str) -> Gathered:
    return replace(looked(made).gathered, artifacts=tuple(written(made, name, text) for name, text in texts.items()))


def written(made: Worktree, name: str, text: str) -> Artifact:
    path = made.root / f"{name}.md"
    path.write_text(text, "utf-8")
    try:
        return artifact(made.root, made.root, path.name)
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("line", "verdicts"),
    [
        ("see `shop/customers.py` and [tests](tests/test_greet.py)", {"borne out"}),
        ("customers.py is done", {"borne out"}),
        ("`shop/customers.py:3` and `shop/` and `shop/*.py`", {"borne out"}),
        ("`shop/nothing.py`", {"contradicted"}),
        ("removes `shop/nothing.py` and `shop/never.py`", {"borne out"}),
        ("removes `shop/customers.py`", {"contradicted"}),
        ("`tests/test_greet.py::test_greet` stays", {"borne out"}),
        ("`tests/test_greet.py::test_other`, `test_ghost`", {"contradicted"}),
        ("`/etc/hostname`, `../other/file.py`, `~/.ssh/id_rsa.pub`", {"unknown"}),
        ("https://example.com/shop/nothing.py and `make test`", set[str]()),
        ("commit `deadbeef01`", {"contradicted"}),
        ("- [x] all is well", {"unknown"}),
        ("- [ ] not yet", {"open"}),
        ("- [x] wrote `shop/nothing.py`", {"contradicted"}),
        ("- [x] wrote `shop/orders.py`", {"borne out"}),
    ],
)
def test_a_claim_is_as_good_as_what_it_names(made: Worktree, line: str, verdicts: set[str]) -> None:
    assert {one.verdict for one in audit(papers(made, work_plan=f"# Plan\n\n{line}\n"))} == verdicts


def test_commits_that_are_there_are_found_and_fenced_text_claims_nothing(made: Worktree) -> None:
    head = made.git("rev-parse", "HEAD")[:10]
    assert [one.verdict for one in audit(papers(made, work_plan=f"`{head}`\n"))] in (["borne out"], [])
    plan = "```\n# not a heading\n```\n# A heading\n"
    assert [part.title for part in written(made, "work_plan", plan).parts] == ["", "A heading"]


@pytest.mark.parametrize(
    ("text", "owner", "date"),
    [
        ("Decision: go\nOwner: Ada\nDate: 2026-11-10\n", "Ada", "2026-11-10"),
        ("| Field | Value |\n|---|---|\n| Decision | go |\n| Approver | Ada |\n| Date | 10 Nov 2026 |\n", "Ada", "10 Nov 2026"),
        ("**Verdict**: no-go\n- **Decided by:** Ada\n- **When:** November 10, 2026\n", "Ada", "November 10, 2026"),
        ("Decision: go\nOwner: TBD\nDate: <date>\n", "", ""),
        ("# D\n\nOwner: Ada\n\n## Decision\n\nWe go, on 2026-11-10.\n", "Ada", "2026-11-10"),
    ],
)
def test_a_decision_is_found_with_who_took_it_and_when(made: Worktree, text: str, owner: str, date: str) -> None:
    (found,) = decisions(written(made, "deployment_decision", text))
    assert (found.owner, found.date) == (owner, date)


def test_papers_that_are_no_text_or_too_large_or_lead_outside_are_said_to_be_missing(made: Worktree, tmp_path: Path) -> None:
    folder = made.root / "hostile"
    folder.mkdir()
    (folder / "work_plan.md").write_bytes(b"# Plan\0\xff")
    with (folder / "observability_spec.md").open("wb") as huge:
        huge.truncate(1 << 30)
    (tmp_path / "secret.md").write_text("Decision: go", "utf-8")
    (folder / "deployment_decision.md").symlink_to(tmp_path / "secret.md")
    found = look_back(made.root, folder, Project(made.root, "shop"), lambda _: Told(), {})
    why = {one.name: one.missing for one in found.gathered.artifacts}
    assert "no text" in why["work_plan.md"]
    assert "more than" in why["observability_spec.md"]
    assert "cannot be read" in why["deployment_decision.md"]
    assert len(found.pages({})) == 13
    (folder / "wisdom").symlink_to(tmp_path)
    with pytest.raises(Refusal, match="is a link"):
        write(folder, found.pages({}))
    assert [path.name for path in tmp_path.iterdir()] == ["secret.md"]


@given(text=st.text(st.sampled_from("`[](){}|#-*: \n/.ax_Decision~<>@!\\\"'0é\u202e"), max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_text_stops_the_reading_or_leaves_its_cell(text: str) -> None:
    told = Artifact("observability_spec.md", tuple(parts_of(text)))
    for claim in told.claims():
        assert not set("\n`<").intersection(cell(claim.text))
        assert "|" not in cell(claim.text).replace("\\|", "")
    decisions(told)


def test_a_path_of_another_machine_is_the_file_whose_end_it_has() -> None:
    paths = Paths(["src/a.py", "lib/a.py", "go/pkg/x.go", "setup.py"])
    told = ["/ci/build/src/a.py", "C:\\ci\\lib\\a.py", "example.com/mod/go/pkg/x.go", "./setup.py", "a.py", "/etc/passwd", "other/a.py"]
    assert [paths.of(one) for one in told] == ["src/a.py", "lib/a.py", "go/pkg/x.go", "setup.py", "", "", ""]


@pytest.mark.parametrize("name", ["tests.test_greet", "test_greet", "shop.tests.test_other"])
def test_a_failure_that_names_no_place_leads_no_further_than_its_test(made: Worktree, name: str) -> None:
    report = junit("test_greet").replace("tests.test_prices", name)
    folder = made.root / "runs/now"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "junit.xml").write_text(report, "utf-8")
    found = look_back(made.root, folder, Project(made.root, "shop"), lambda _: Told(), {})
    (suspect,) = suspects(found.gathered)
    expected = ("LOW", "first") if name.endswith("greet") else ("", "")
    assert (suspect.sure, suspect.commit.subject if suspect.commit else "") == expected


def test_the_newest_papers_tell_which_run_is_meant(made: Worktree, tmp_path: Path) -> None:
    two = shop(tmp_path / "two")
    assert run_folder(two.root, two.repository) == two.root
    two.commit("run", {"runs/b/work_plan.md": "x"}, at="2026-11-02T09:00:00+00:00")
    two.commit("run", {"runs/a/work_plan.md": "x"}, at="2026-11-03T09:00:00+00:00")
    assert run_folder(two.root, two.repository).name == "a"
    two.write({"runs/0/work_plan.md": "not committed yet"})
    assert run_folder(two.root, two.repository).name == "0"


# production


@pytest.fixture
def expecting(made: Worktree) -> Worktree:
    made.write({"observability_spec.md": SPEC})
    return made


def page(found: LookBack, file: str) -> tuple[str, str, str]:
    (one,) = (one for one in found.pages({}) if one.file == file)
    return one.standing, one.summary, one.render().replace("\\_", "_")


@pytest.mark.promise("S4.10")
def test_without_an_address_the_artifacts_speak_and_say_so(expecting: Worktree) -> None:
    standing, summary, shown = page(looked(expecting), "log_verification.md")
    assert (standing, "LOGS_ENDPOINT is not set" in summary) == ("unknown", True)
    assert "| order {id} placed | PASS | in shop/orders.py:2 |" in shown
    standing, summary, shown = page(looked(expecting), "metrics_verification.md")
    assert (standing, "METRICS_ENDPOINT is not set" in summary) == ("findings", True)
    assert "| shop_orders | PASS |" in shown
    assert "| shop_total_cents | FAIL |" in shown


def lines(*said: str) -> str:
    start = datetime.now(UTC) - timedelta(minutes=30)
    return "".join(f"{(start + timedelta(seconds=number)).isoformat()} INFO shop {one}\n" for number, one in enumerate(said))


@pytest.mark.promise("S4.10")
def test_with_an_address_the_logs_are_asked(expecting: Worktree, tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text(lines("order 1 placed", "order 2 placed", "order 3 paid"), "utf-8")
    _, summary, shown = page(looked(expecting, LOGS_ENDPOINT=str(log)), "log_verification.md")
    assert summary.endswith("Of 1 expected line 0 were not written. Source: live logs.")
    assert "| order {id} placed | PASS | 2 lines |" in shown
    log.write_text(lines("nothing of that sort"), "utf-8")
    named = looked(expecting, sources=(Source("api", "files", {"paths": [str(log)]}),), LOGS_ENDPOINT="api")
    assert "| order {id} placed | FAIL | no line since the release |" in page(named, "log_verification.md")[2]


@pytest.mark.promise("S4.10")
@pytest.mark.parametrize("address", ["https://logs.example.com:9200", "no/such/place.log"])
def test_one_that_does_not_answer_falls_back_and_all_pages_are_there(expecting: Worktree, address: str) -> None:
    found = looked(expecting, LOGS_ENDPOINT=address, METRICS_ENDPOINT="http://127.0.0.1:9", TRACE_ENDPOINT="http://127.0.0.1:9")
    files = [one.file for one in found.pages({})]
    assert files.index("trace_verification.md") < files.index("learnings.md"), "verifiers come before the learnings"
    assert len(files) == 13
    for file, variable in (("log_verification.md", "LOGS_ENDPOINT"), ("metrics_verification.md", "METRICS_ENDPOINT")):
        _, summary, shown = page(found, file)
        assert f"Source: artifacts, since {variable} is set and did not answer" in summary.replace("\\_", "_")
        assert "| PASS |" in shown


@pytest.mark.promise("S4.2")
def test_cases_tickets_and_lessons_are_told_where_they_belong(made: Worktree) -> None:
    head = made.git("rev-parse", "HEAD")
    diagnosis = {"cause": "orders without a phone", "file": "shop/orders.py", "suspect_commit": head[:12]}
    history = [{"at": "2026-11-20T10:15:00+00:00", "kind": "opened", "summary": ""}]
    case = {"id": "case_1f3a9c02", "title": "AttributeError in label", "state": "verified", "diagnosis": diagnosis, "history": history}
    tickets = ({"id": "KIN-1", "title": "shop/orders.py fails", "status": "open"}, {"id": "KIN-2", "title": "other", "status": "open"})
    lesson = {"id": "l", "symptom": "no phone", "cause": "optional", "fix": "guard it", "provenance": "verified"}
    found = looked(made, Told((case,), tickets, (lesson,), ("search_tickets: 3 more than were shown.",)))
    shown = {one.file: one.render().replace("\\_", "_") for one in found.pages({})}
    issues, alone = shown["issue_correlation.md"].split("## Known here")
    assert "| case_1f3a9c02 | AttributeError in label | verified |" in issues
    assert "its diagnosis names this commit" in issues
    assert "possible: it names shop/orders.py" in issues
    assert ("KIN-2" in alone, "KIN-1" in alone) == (True, False)
    assert "2026-11-20 10:15 | opened | AttributeError in label | case_1f3a9c02" in shown["timeline.md"]
    assert "| no phone | optional | guard it | verified |" in shown["learnings.md"]
    assert "orders without a phone" in shown["learnings.md"]
    assert "3 more than were shown" in shown["learnings.md"]


def test_this_repository_can_be_looked_back_on() -> None:
    found = looked(Worktree(ROOT))
    pages = {one.file: one for one in found.pages({})}
    commits = int(Worktree(ROOT).git("rev-list", "--count", found.gathered.head))
    assert len(found.gathered.history.commits) == min(commits, 1_000)
    assert pages["timeline.md"].standing == "good"
    assert all(len(one.render()) < 200_000 for one in pages.values())


@pytest.mark.promise("S4.9")
@pytest.mark.promise("S4.11")
def test_people_are_told_every_input_page_and_variable_and_how_to_try_it_in_staging() -> None:
    page = (ROOT / "docs/wisdom.md").read_text("utf-8")
    files = [one.file for one in VERIFIERS]
    for word in (*INPUTS, *files, *(name for one in VERIFIERS for name in one.variables)):
        assert f"`{word}`" in page
    assert "against staging" in page
