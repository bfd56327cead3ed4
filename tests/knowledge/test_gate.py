"""The gate: what holds a release and the way out, and how risky a change is by the past of its own repository."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.commands.gate import gate
from kintsugi.shipping.history import history
from kintsugi.shipping.risk import DAY, Past, assess, wilson
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.git import Repository
from mcp_servers.knowledge.deployments import Deployment, DeploymentStore
from mcp_servers.knowledge.services import Dependency, ServiceStore
from mcp_servers.knowledge.services.model import Declared
from tests.cases.stories import DIGEST, anomaly
from tests.e2e.strangers import git

FIX = "fix_20261120_101500"


class Release:
    """A watched repository with two files and a ledger, where the second commit is about to ship."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        self.root.mkdir()
        git(self.root, "init", "-q", "-b", "main")
        self.commit("kintsugi.toml", '[project]\nname = "shop"\n', 1)
        self.commit("orders.py", "total = 1\n", 2)
        self.database = Database.open(f"sqlite:///{folder / 'home' / 'kintsugi.sqlite'}")
        self.ledger = Ledger(self.database, lambda: datetime.now(UTC))

    def commit(self, path: str, text: str, day: int, message: str = "Work") -> str:
        (self.root / path).write_text(text, "utf-8")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", message, date=f"2026-11-{day:02d}T09:00:00+00:00")
        return git(self.root, "rev-parse", "HEAD")

    def case(self, file: str, coarse: str = "1f3a9c0255aa10bb", **more: Any) -> str:
        case, _ = self.ledger.open_case("shop", anomaly(coarse, **more), actor="kintsugi")
        data = {"status": "confirmed", "cause": "a price may be missing", "file": file}
        return self.ledger.append(case.id, "diagnosed", data, actor="kintsugi").id

    def says(self, *words: str, code: int = 0) -> dict[str, Any]:
        result = CliRunner().invoke(gate, [*words, "--json"], standalone_mode=False)
        if result.exception:
            raise result.exception
        assert int(result.return_value or 0) == code, result.output
        return json.loads(result.stdout)


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / "home"))
    for name in ("KINTSUGI_DATABASE_URL", "KINTSUGI_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    made = Release(tmp_path)
    monkeypatch.chdir(made.root)
    return made


@pytest.mark.promise("S0.32")
def test_an_open_case_on_what_ships_holds_it_and_says_the_way_out(release: Release) -> None:
    assert release.says()["ships"]
    case = release.case("orders.py")
    told = release.says("--range", "HEAD^..HEAD", code=1)
    [held] = told["held"]
    assert (held["case"], held["way_out"]) == (case, f"kintsugi heal {case}")
    assert "orders.py" in held["why"]
    assert release.says("--service", "mail")["ships"]
    assert not release.says("--service", "api", code=1)["ships"]


def test_a_case_elsewhere_holds_nothing_and_one_whose_place_nobody_knows_could_be_anywhere(release: Release) -> None:
    release.case("kintsugi.toml")
    assert release.says("--range", "HEAD^..HEAD")["ships"]
    assert not release.says(code=1)["ships"]
    unplaced, _ = release.ledger.open_case("shop", anomaly("77aa77aa77aa77aa"), actor="kintsugi")
    assert [held["case"] for held in release.says("--range", "HEAD^..HEAD", code=1)["held"]] == [unplaced.id]


def test_a_trace_through_a_changed_file_holds_it(release: Release) -> None:
    frame = {"function": "total", "file": "/srv/shop/orders.py", "line": 1, "in_app": True}
    trace = {"language": "python", "exceptions": [{"type": "TypeError", "message": "", "frames": [frame]}]}
    case, _ = release.ledger.open_case("shop", anomaly("77aa77aa77aa77aa", trace=trace), actor="kintsugi")
    assert [held["case"] for held in release.says("--range", "HEAD^..HEAD", code=1)["held"]] == [case.id]
    assert release.says("--range", "HEAD..HEAD")["ships"]


def test_a_release_that_brings_the_fix_is_not_held_by_its_case(release: Release) -> None:
    case = release.case("orders.py")
    for kind in ("proposed", "certified", "approved"):
        release.ledger.append(case, kind, {"fix": FIX, "digest": DIGEST, "title": "zero"}, actor="kintsugi")
    commit = release.commit("orders.py", "total = 0\n", 3)
    release.ledger.append(case, "applied", {"fix": FIX, "branch": f"kintsugi/{FIX}", "commit": commit}, actor="kintsugi")
    assert release.says("--range", "HEAD^..HEAD")["ships"]
    [held] = release.says("--range", "HEAD~2..HEAD^", code=1)["held"]
    assert held["way_out"] == f"merge kintsugi/{FIX}: what ships does not have it yet"


def test_an_excuse_has_a_reason_and_is_told(release: Release) -> None:
    case = release.case("orders.py")
    told = release.says("--except", f"{case}=a hotfix for something else")
    assert (told["ships"], told["excused"]) == (True, {case: "a hotfix for something else"})
    with pytest.raises(Refusal, match="gives no reason"):
        release.says("--except", case)


@pytest.mark.promise("S0.32")
def test_what_is_worse_in_production_is_taken_back_before_anything_ships(release: Release) -> None:
    store = DeploymentStore(release.database)
    made, _ = store.add(Deployment("", "shop", "1.1", datetime.now(UTC)))
    store.judge(made.id, "worse")
    [held] = release.says(code=1)["held"]
    assert (held["case"], held["way_out"]) == ("1.1", "deploy the version before it again")


def past(seed: int = 1, commits: int = 400) -> list[Past]:
    """A repository where `core.py` is mended a week after one in two of its changes, and the other files never are."""
    chance, found = random.Random(seed), list[Past]()
    for number in range(commits):
        at = number * DAY
        files = {"core.py": 60} if number % 4 == 0 else {f"leaf{chance.randrange(40)}.py": chance.randrange(1, 20)}
        found.append(Past(f"{number:040x}", at, "Add a thing", (), files))
        if number % 8 == 0:
            found.append(Past(f"{number + 10_000:040x}", at + 7 * DAY, "fix: the thing", (), {"core.py": 3}))
    return sorted(found, key=lambda commit: commit.at)


@pytest.mark.promise("S1.24")
@pytest.mark.promise("S1.22")
def test_a_change_to_what_is_mended_often_is_riskier_than_one_to_a_quiet_leaf() -> None:
    known, now = past(), 400 * DAY
    core, leaf = assess(known, {"core.py": 60}, now, {"core.py": 2}), assess(known, {"leaf3.py": 5}, now)
    assert (core.band, leaf.band) == ("high", "low")
    assert leaf.high < core.base < core.low
    assert core.reasons[0] == "core.py had 2 production cases"
    assert any("core.py was mended" in reason for reason in core.reasons)
    assert core.of == leaf.of == 50


@pytest.mark.promise("S1.24")
def test_the_risk_of_a_change_names_who_calls_the_changed_service_and_who_shares_its_database(release: Release) -> None:
    services = {"cart": "services/cart", "web": "web"}
    uses = [
        Dependency("web", "service", "cart", "shop"),
        Dependency("app", "service", "web", "phone"),
        Dependency("cart", "database", "db.acme.io", "shop", place="services/cart/.env"),
        Dependency("billing", "database", "db.acme.io", "money"),
    ]
    store = ServiceStore(release.database)
    store.declare("shop", "c1", Declared(services, tuple(uses[:1] + uses[2:3])), datetime.now(UTC))
    store.declare("phone", "c1", Declared({}, (uses[1],)), datetime.now(UTC))
    store.declare("money", "c1", Declared({}, (uses[3],)), datetime.now(UTC))
    (release.root / "services" / "cart").mkdir(parents=True)
    release.commit("services/cart/.env", "DB_HOST=db.acme.io\n", 3)
    reasons = release.says("--range", "HEAD~1..HEAD")["risk"]["reasons"]
    assert reasons[:2] == ["web calls cart, 2 lean on it in all", "services/cart/.env names database db.acme.io, which billing uses too"]


@pytest.mark.promise("S1.24")
def test_the_risk_of_a_change_names_the_hours_in_which_it_tends_to_break(release: Release) -> None:
    now = datetime.now(UTC)
    for week in range(4):
        release.ledger = Ledger(release.database, lambda week=week: now - timedelta(weeks=week))
        release.case("elsewhere.py", f"{week:016x}")
    release.commit("orders.py", "total = 2\n", 3)
    reasons = release.says("--range", "HEAD~1..HEAD")["risk"]["reasons"]
    assert any("now is within " in reason and "when 4 of 4 incidents began" in reason for reason in reasons)


def test_the_share_that_is_told_is_that_of_the_next_commits_too() -> None:
    """Calibrated: what the first three quarters say of the core is what the last quarter shows, within the interval."""
    commits = past(seed=7, commits=800)
    cut = commits[: len(commits) * 3 // 4]
    told = assess(cut, {"core.py": 60}, cut[-1].at)
    fixes = [commit.at for commit in commits if commit.mends]
    later = [commit for commit in commits[len(cut) :] if "core.py" in commit.files and commit.at < commits[-1].at - 30 * DAY]
    share = sum(any(commit.at < at <= commit.at + 30 * DAY for at in fixes) for commit in later) / len(later)
    assert told.low <= share <= told.high


def test_too_little_history_is_not_called_a_risk() -> None:
    told = assess(past(commits=20), {"core.py": 60}, 20 * DAY)
    assert (told.band, told.of) == ("unknown", 0)
    assert "too few to compare with" in told.reasons[0]


@given(st.integers(1, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share_and_is_one(counted: tuple[int, int]) -> None:
    low, high = wilson(*counted)
    assert 0 <= low <= counted[0] / counted[1] + 1e-12
    assert counted[0] / counted[1] - 1e-12 <= high <= 1


def test_history_reads_reverts_lines_and_names_that_git_would_quote(release: Release) -> None:
    bad = release.commit("größe\tx.py", "a\nb\n", 3, "Add sizes")
    release.commit("größe\tx.py", "a\n", 4, f'Revert "Add sizes"\n\nThis reverts commit {bad}.')
    *_, added, reverted = history(Repository.at(release.root), "HEAD")
    sizes: Mapping[str, int] = {"größe\tx.py": 2}
    assert (added.subject, dict(added.files), added.mends) == ("Add sizes", sizes, False)
    assert (reverted.reverts, reverted.mends) == ((bad,), True)
