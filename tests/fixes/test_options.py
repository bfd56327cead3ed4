"""Where a commit is blamed, taking it back is one of the options: drafted by no model, proven by the same test, chosen by a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from kintsugi.commands import fix_story
from mcp_servers.cases.model import State
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble
from tests.components import needs
from tests.conftest import Clock
from tests.fixes.repositories import BROKEN, shop
from tests.fixes.test_server import EDIT, FILE, Shop

pytestmark = pytest.mark.anyio
CAREFUL = BROKEN.replace("phone.strip()", "(phone or '').strip()")


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> Shop:
    """A shop that was careful about phones until its second commit, which is blamed."""
    watched = shop(tmp_path / "shop")
    watched.commit("be careful", {FILE: CAREFUL})
    blamed = watched.commit("tidy up phones", {FILE: BROKEN, "shop/tidy.py": "TIDY = True\n"}, at="2026-11-02T09:00:00+00:00")
    here = Shop(watched, assemble(Project(watched.root, "shop"), home=tmp_path / "home", clock=clock), clock)
    here.ledger.append(here.case, "diagnosed", {"status": "likely", "cause": "x", "suspect_commit": blamed}, actor="kintsugi")
    return here


@needs("bubblewrap")
@pytest.mark.promise("S3.15")
async def test_the_suspected_commit_taken_back_stands_beside_a_fix_and_may_be_chosen(
    made: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    fix = await made.propose()
    assert "tidy up phones" in fix["option"]
    option = fix["option"].partition(":")[0]
    case = made.ledger.case(made.case)
    assert (case.fix and case.fix.id, len(case.fixes)) == (fix["id"], 2), "the case is about what was proposed"
    certified = await made.call("certify_fix", fix_id=option)
    assert certified["certificate"]["passed"] is True

    listed = (await made.call("list_fixes", case_id=made.case))["fixes"]
    shown = [await made.call("get_fix", fix_id=one["id"]) for one in listed]
    fix_story.compared({"fixes": shown})
    told = capsys.readouterr().out
    for words in ("2 files, +6 −1", "none yet", "3 files, +6 −2", "proven", "shop/tidy.py", "writes no new code"):
        assert words in " ".join(told.split()), words

    made.approvals.request(option, risk="low", actor="kintsugi")
    made.approvals.approve(certified["digest"], person="grace", channel="terminal")
    chosen = made.ledger.case(made.case).fix
    assert chosen is not None
    assert chosen.id == option, "the case is about what a person chose"
    applied = await made.call("apply_fix", fix_id=option)
    assert made.watched.repository.text(applied["commit"], FILE) == CAREFUL
    assert made.ledger.case(made.case).state is State.APPLIED


async def test_each_commit_is_offered_once_and_never_beside_the_same_change(made: Shop) -> None:
    await made.propose()
    await made.propose(edits=[{**EDIT, "replace": "str(phone or '').strip()"}])
    assert (await made.call("list_fixes", case_id=made.case))["total"] == 3

    blamed = made.watched.git("rev-parse", "HEAD")
    same = await made.propose(edits=[{"kind": "revert", "commit": blamed}])
    assert (await made.call("list_fixes", case_id=made.case))["total"] == 3
    assert "option" not in same


async def test_a_commit_that_cannot_be_taken_back_by_itself_is_told_as_such(made: Shop) -> None:
    made.watched.commit("trim more", {FILE: BROKEN.replace("phone.strip()", "phone.strip(' +')")})
    fix = await made.propose(edits=[{"kind": "replace", "path": FILE, "search": "phone.strip", "replace": "(phone or '').strip"}])
    assert "is no option" in fix["no_way_back"]
    assert "later commits changed the same lines" in fix["no_way_back"]
    assert (await made.call("list_fixes", case_id=made.case))["total"] == 1
