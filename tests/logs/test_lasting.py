"""Ids of templates that last: over calls, windows, processes and broken files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kintsugi.tools import Tools
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import assemble
from mcp_servers.logs.lasting import Lasting
from mcp_servers.logs.templates import Miner
from mcp_servers.logs.templates.catalogue import Mined, united

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLACES = ("alpha", "beta", "gamma", "delta", "omega")
Open = Callable[[], Tools]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    project = Project(tmp_path, "shop", sources=(Source("app", "files", {"paths": ["app.log"]}),))
    return lambda: Tools(assemble(project, home=tmp_path / "home", clock=lambda: NOW), ["logs"])


def write(folder: Path, *lines: tuple[float, str]) -> None:
    with (folder / "app.log").open("a", encoding="utf-8") as file:
        file.writelines(
            f"{NOW - timedelta(minutes=ago):%Y-%m-%dT%H:%M:%S}Z INFO api: {body}\n" for ago, body in sorted(lines, reverse=True)
        )


def mined(*messages: str) -> list[Mined]:
    miner = Miner()
    for message in messages:
        miner.add(message)
    return miner.forms()


async def ids(tools: Tools, **asked: Any) -> dict[str, str]:
    return {one["text"]: one["template"] for one in (await tools.call("digest_logs", **asked))["templates"]}


async def test_a_template_keeps_its_id_when_more_data_rewords_it(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, (9, "copied from alpha now"))
    first = await ids(opened())
    write(tmp_path, *((8 - n, f"copied from {place} now") for n, place in enumerate(PLACES)))
    again = await ids(opened())

    assert again == {"copied from <*> now": first["copied from alpha now"]}


async def test_the_ids_of_before_still_open_what_was_merged(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, (9, "copied from alpha now"), (9, "copied from beta now"))
    old = await ids(opened())
    write(tmp_path, *((8 - n, f"copied from {place} now") for n, place in enumerate(PLACES)))

    assert len(set(old.values())) == 2
    for id_ in old.values():
        found = await opened().call("query_logs", template=id_)
        assert found["total"] == 2 + len(PLACES)
    with pytest.raises(Refusal, match="No template 'abc'"):
        await opened().call("query_logs", template="abc")


async def test_a_narrow_window_does_not_narrow_what_is_known(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, *((50 - n, f"copied from {place} now") for n, place in enumerate(PLACES)), (1, "copied from sigma now"))
    (whole,) = (await ids(opened(), until="5m")).values()

    assert await ids(opened(), since="5m") == {"copied from sigma now": whole}
    write(tmp_path, (0.5, "copied from rho now"))
    assert await ids(opened(), since="40s") == {"copied from rho now": whole}


async def test_what_was_there_yesterday_is_not_new_today(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, *((1500 - n / 10, f"nightly report of {n} rows written") for n in range(5)))
    steady = [(60 - n / 10, f"request {n} done") for n in range(590)]
    burst = [
        (5 - n / 10, text) for n in range(12) for text in (f"nightly report of {n} rows written", f"quota of tenant {n} doubled at last")
    ]
    write(tmp_path, *steady, *burst)

    before = await opened().call("find_anomalies", since="10m", baseline="50m")
    await opened().call("digest_logs")
    after = await opened().call("find_anomalies", since="10m", baseline="50m")

    def new(answer: dict[str, Any]) -> set[str]:
        return {one["title"] for one in answer["anomalies"] if one["kind"] == "new_template"}

    assert new(before) == {"nightly report of <*> rows written", "quota of tenant <*> doubled at last"}
    assert new(after) == {"quota of tenant <*> doubled at last"}
    assert [one["reason"] for one in after["left_alone"] if one["title"].startswith("nightly")] == [
        "not new: missing in the baseline, and known since 2026-11-19 11:00"
    ]


async def test_a_broken_file_is_set_aside_and_said(opened: Open, tmp_path: Path) -> None:
    write(tmp_path, (1, "took 12 ms"))
    first = await ids(opened())
    (file,) = (tmp_path / "home" / "scratch" / "templates").glob("*.json")
    file.write_text("{broken", "utf-8")

    answer = await opened().call("digest_logs")

    assert {one["text"]: one["template"] for one in answer["templates"]} == first
    assert any("was set aside as" in note for note in answer["notes"])
    (aside,) = file.parent.glob("*.broken-*")
    assert aside.read_text("utf-8") == "{broken"
    assert "notes" not in await opened().call("digest_logs")


def test_those_who_settle_at_once_do_not_lose_what_the_others_learned(tmp_path: Path) -> None:
    def settle(number: int) -> str:
        notes: list[str] = []
        (one,) = (
            Lasting(tmp_path, tmp_path)
            .settled(mined("".join(f"{chr(97 + int(digit))}word " for digit in str(number)) + "ended"), notes)
            .lasting.values()
        )
        assert notes == []
        return one

    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(settle, range(40)))
    known = Lasting(tmp_path, tmp_path).settled([], []).catalogue
    assert len(set(given)) == 40
    assert set(known.resolved) == set(given)


def test_a_folder_that_cannot_be_written_leaves_an_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    notes: list[str] = []

    ids = Lasting(tmp_path / "file", tmp_path).settled(mined("took 1 ms"), notes)

    assert list(ids.lasting.values()) == [one.id for one in mined("took 1 ms")]
    assert "hold for this answer only" in notes[0]


def test_services_that_share_a_form_share_the_id_and_secrets_are_not_kept(tmp_path: Path) -> None:
    general, special = mined(*(f"login of user {place} failed" for place in PLACES)), mined("login of user alpha failed")
    lasting = Lasting(tmp_path, tmp_path)

    ids = [lasting.settled(united([*general, *special]), []) for _ in range(2)]
    assert {one.of(template.id) for one in ids for template in (*general, *special)} == {general[0].id}
    lasting.settled(mined("connected with password=hunter-swordfish today"), [])
    assert not any("swordfish" in path.read_text("utf-8") for path in tmp_path.glob("*.json"))
