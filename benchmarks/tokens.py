"""What a case costs in tokens when a model judges it, against pasting the raw window of the log into one question.

The demo's shop runs under its load for a few seconds, broken as it is. Then each of its errors is taken to a certified proposal by the
reasoner `anthropic` against a scripted endpoint, which counts what it is sent, byte by byte, those read from the cache too. The script
reads the places of the trace first and then answers what is right. The peer pastes the log of the same seconds once, into one question of
one role, without its answer: the least that the naive way can cost. It grows with the window (half of the demo here);
ours does not.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Say, met
from kintsugi.commands.cases import costs
from kintsugi.demo.deploy import BRANCH
from kintsugi.demo.load import Load
from kintsugi.demo.shop import Shop, build, export
from kintsugi.driver import build_loop
from kintsugi.loop import intake
from kintsugi.loop.suspects import Suspects
from kintsugi.reasoners import Diagnosis, Draft
from kintsugi.reasoners.recipes import Recipes
from kintsugi.tools import Tools
from kintsugi.tree import CommitTree
from kintsugi.workspace import ledger_of
from mcp_servers.cases.model import Case
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, Source, Tests
from mcp_servers.launch import assemble
from tests.e2e.messages_api import BYTES_PER_TOKEN, Answer, MessagesApi, Request, Turn, Use

SECONDS = 30.0
REACH, BEYOND = 20.0, 60.0
Known = Mapping[str, tuple[Diagnosis, Draft]]


def run(say: Say) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="tokens-") as place:
        folder = Path(place)
        say(f"the shop breaks for {SECONDS:.0f} s")
        window = _broken_shop(folder)
        say("a scripted model heals it")
        healed = asyncio.run(_healed(folder))
    return _figures(window, healed)


def _broken_shop(folder: Path) -> int:
    """Bytes of log that the shop wrote."""
    repository = Repository.at(build(folder / "shop"))
    repository.update_ref(f"refs/heads/{BRANCH}", repository.head("main"), None)
    release = next(name for name, commit in repository.tags().items() if commit == repository.head(BRANCH))
    shop, load = Shop(folder / "run"), Load(folder / "run")
    try:
        shop.start(export(folder / "shop", BRANCH, folder / "release"), release)
        load.start(shop.url("web"), shop.url("api"))
        time.sleep(SECONDS)
    finally:
        load.stop()
        shop.stop()
    return sum(path.stat().st_size for path in shop.logs.glob("*.log"))


async def _healed(folder: Path) -> list[tuple[Case, dict[str, dict[str, int]]]]:
    """The cases that got a certified proposal, each with its costs by phase."""
    logs = Source("shop", "files", {"paths": [str(folder / "run" / "logs" / "*.log")]})
    project = Project(folder / "shop", "shop", BRANCH, (logs,), Tests(python=sys.executable), models={"anthropic": {"model": "scripted"}})
    known: dict[str, tuple[Diagnosis, Draft]] = {}
    with MessagesApi(lambda request: _answer(request, known)) as api:
        environ = {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": api.url}
        deps = assemble(project, home=folder / "state", environ=environ, allow_bare_jail=True)
        tools, ledger = Tools(deps, writes=True), ledger_of(deps)
        opened = (await intake.look(tools, "", baseline="0m")).opened
        known |= await _right_answers(deps, tools, [ledger.case(case) for case in opened])
        async with build_loop(deps, reasoners=("anthropic",), tools=tools) as loop:
            for case in known:
                await loop.start(case)
            await loop.settle()
        cases = [ledger.case(case) for case in known]
        if sum(case.spent.get("tokens", 0) for case in cases) != api.usage.total:
            raise RuntimeError("the ledger and the endpoint count differently")
        return [(case, costs(ledger.events(case.id))) for case in cases if case.fix and case.fix.certified]


async def _right_answers(deps: Deps, tools: Tools, cases: list[Case]) -> dict[str, tuple[Diagnosis, Draft]]:
    """For the cases that have one in the code: the recipes' answer, which the scripted model then gives as its own."""
    repository = Repository.at(deps.watched().root)
    tree, recipes = CommitTree(repository, repository.head(BRANCH)), Recipes()
    suspects, found = Suspects(tools, [recipes]), dict[str, tuple[Diagnosis, Draft]]()
    for case in cases:
        asked = {"id": case.id, "title": case.title, "service": case.service, "evidence": {**case.evidence, "other_failures": []}}
        named = await suspects.of(case, tree)
        diagnosis = await recipes.diagnose(asked, tree, named)
        drafts = await recipes.propose(asked, diagnosis, tree, named)
        if drafts and drafts[0].tests and all(edit.get("kind") == "replace" for edit in drafts[0].edits):
            found[case.id] = diagnosis, drafts[0]
    return found


def _answer(request: Request, known: Known) -> Answer:
    asked = str(request.messages[0]["content"][0]["text"])
    diagnosis, draft = known[re.findall(r'"case":"(case_\w+)"', asked)[0]]
    if not request.turns:
        return Turn([Use("Read", {"file_path": diagnosis.file}), Use("Grep", {"pattern": diagnosis.function or diagnosis.file})])
    if request.system.startswith("You are the diagnoser"):
        place = f"{diagnosis.file}:{diagnosis.line}"
        claims = [{"text": diagnosis.cause[:300], "evidence": place}]
        said = {key: getattr(diagnosis, key) for key in ("cause", "file", "line", "function")}
        return Turn([Use("answer", {"status": "likely", "claims": claims, **said})])
    if request.system.startswith("You are the fixer"):
        tests = [{"path": test.path, "content": test.content} for test in draft.tests[:4]]
        edits = [{key: edit[key] for key in ("path", "search", "replace")} for edit in draft.edits]
        return Turn([Use("answer", {"drafts": [{"title": draft.title, "cause": draft.cause, "edits": edits, "tests": tests}]})])
    return Turn([Use("answer", {"word": "upheld"})])


def _figures(window: int, healed: list[tuple[Case, dict[str, dict[str, int]]]]) -> list[Figure]:
    if not healed:
        raise RuntimeError("no case of the shop was healed")
    naive = window // BYTES_PER_TOKEN
    tokens = [case.spent["tokens"] for case, _ in healed]
    worst = naive / max(tokens)
    phases: dict[str, list[int]] = {}
    for _, by_phase in healed:
        for phase, amounts in by_phase.items():
            if "tokens" in amounts:
                phases.setdefault(phase.partition("/")[2], []).append(amounts["tokens"])
    told = json.dumps({phase: round(median(found)) for phase, found in phases.items()})[1:-1].replace('"', "")
    cached = sum(case.spent["tokens_cached"] for case, _ in healed) / sum(tokens)
    return [
        Figure(
            f"tokens of a case, log to certified proposal, worst of {len(healed)}",
            f"{max(tokens):,} (median {round(median(tokens)):,})",
            f"{naive:,} (window of {SECONDS:.0f} s pasted once)",
            f"1/{worst:.0f}",
            f"of ours {cached:.0%} read from the cache",
            f"1/{REACH:.0f}",
            f"1/{BEYOND:.0f}",
            met(worst, REACH, BEYOND),
        ),
        Figure("tokens of a case by phase, median", told),
    ]
