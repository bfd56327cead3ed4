"""What each part of the loop would have said about an incident, asked with what it would have had then, and compared with what people did."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from kintsugi.backtest.model import Answer, Failure
from kintsugi.backtest.scene import Scene
from kintsugi.reasoners import Draft
from kintsugi.reasoners.recipes import Recipes
from kintsugi.tree import CommitTree
from mcp_servers.fixes import suspects
from mcp_servers.fixes.edits.making import make
from mcp_servers.fixes.edits.workspace import Workspace
from mcp_servers.fixes.places import Spot
from mcp_servers.fixes.suspects.history import same_code
from mcp_servers.kit.errors import KintsugiError

PLACES = 5
NOT_SEEN = "no failure was seen (--logs and --run-tests look for one)"


def blamed(scene: Scene, culprits: Mapping[str, int], failure: Failure | None) -> Answer:
    """Whether the suspects hold a culprit. Asked with the failure where one was seen, else with the names of the mended functions alone."""
    if not culprits:
        return Answer(None, "no culprit: the fix only adds lines, or what it mended is as old as the history")
    trace = failure.trace if failure else scene.named
    if trace is None:
        return Answer(None, "no place is known")
    found = suspects.find(scene.repository, scene.base, trace)
    rank = next((number for number, one in enumerate(found, start=1) if one.commit in culprits), 0)
    asked = f"the failure seen in the {failure.by}" if failure else "the functions that were mended"
    return Answer(bool(rank), f"asked with {asked}", rank, {"suspects": [one.commit for one in found]})


def placed(scene: Scene, failure: Failure | None) -> Answer:
    """Whether the functions that the failure leads to hold one that was mended."""
    wanted = {spot for spot in scene.spots if spot.function}
    if failure is None or not wanted:
        return Answer(None, NOT_SEEN if failure is None else "what was mended is no function that we can parse")
    found = suspects.places(scene.repository, scene.base, failure.trace)[:PLACES]
    rank = next((number for number, place in enumerate(found, start=1) if place.spot in wanted), 0)
    return Answer(bool(rank), f"asked with the failure seen in the {failure.by}", rank, {"places": [_shown(place.spot) for place in found]})


def proposed(scene: Scene, failure: Failure | None, suspected: Answer) -> Answer:
    """Whether a shipped recipe proposes the change that was made; `said` tells what else it proposed."""
    if failure is None:
        return Answer(None, NOT_SEEN)
    case = {"id": "", "title": failure.name, "evidence": {"trace": failure.trace.as_json(), "message": failure.trace.root.message}}
    drafts = asyncio.run(_drafts(scene, case, [{"commit": one} for one in suspected.said.get("suspects", ())]))
    if not drafts:
        return Answer(False, "no recipe fits", 0, {"recipe": "none"})
    rank = next((number for number, draft in enumerate(drafts, start=1) if _same(scene, draft)), 0)
    return Answer(bool(rank), "the same change" if rank else "another change", rank, {"recipe": drafts[max(rank, 1) - 1].recipe})


async def _drafts(scene: Scene, case: Mapping[str, Any], suspected: list[Mapping[str, Any]]) -> list[Draft]:
    tree, reasoner = CommitTree(scene.repository, scene.base), Recipes()
    diagnosis = await reasoner.diagnose(case, tree, suspected)
    return list(await reasoner.propose(case, diagnosis, tree, suspected))


def _same(scene: Scene, draft: Draft) -> bool:
    """Whether a draft leaves the mended files the same programs as the fix did. Nothing is written: the result stays in memory."""
    work = Workspace(scene.repository, scene.base)
    try:
        make(work, draft.edits)
        made = {path: work.content(path).decode("utf-8", "replace") for path in scene.after if work.holds(path)}
    except KintsugiError:
        return False
    return all(path in made and same_code(path, made[path], text) for path, text in scene.after.items())


def _shown(spot: Spot) -> str:
    return f"{spot.file}:{spot.function}"
