"""One full answer of every tool, from one story told in both protocol modes, as it was reviewed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from mcp_servers.kit.budget import DEFAULT_BUDGET, tokens
from tests.surface.snapshots import HERE, same_as_stored
from tests.surface.story import Story


@pytest.fixture(scope="module", params=["auto", "legacy"])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("story")
    story = Story(folder, request.param)
    anyio.run(story.tell)
    assert set(story.answers) == story.tools, "the story leaves no tool out"
    names = named(story.answers)
    return {name: steady(answer, folder, names) for name, answer in story.answers.items()}


def named(answers: dict[str, Any]) -> dict[str, str]:
    """What follows from the version of the policy, each under a name that does not."""
    digests = [answers["propose_fix"]["digest"], answers["certify_fix"]["digest"]]
    names = {digest: f"sha256:{number}" + "0" * 63 for number, digest in enumerate(digests, start=1)}
    short = {digest[7:15]: name[7:15] for digest, name in names.items()}
    return {**names, **short, answers["apply_fix"]["commit"]: "3" * 40}


def steady(answer: Any, folder: Path, names: dict[str, str]) -> Any:
    """The answer without what no two runs share: the folder, how long something ran, and which jail this machine has."""
    text = json.dumps(answer, ensure_ascii=False).replace(str(folder), "/story")
    for name, steady_name in names.items():
        text = text.replace(name, steady_name)
    text = re.sub(r'"seconds": [\d.]+', '"seconds": 1.0', text)
    text = re.sub(r"passed in [\d.]+s", "passed in 0.01s", text)
    text = re.sub(r"sandbox_ms=\d+", "sandbox_ms=1", text)
    text = re.sub(r'"sweep": "[\w ]+"', '"sweep": "cgroup"', text)
    return json.loads(re.sub(r'"jail": "\w+"', '"jail": "bubblewrap"', text))


def values(answer: Any) -> Iterator[Any]:
    yield answer
    inner = list(cast(dict[str, Any], answer).values()) if isinstance(answer, dict) else answer
    for value in cast(list[Any], inner) if isinstance(inner, list) else ():
        yield from values(value)


def test_every_answer_is_the_one_that_was_reviewed(answers: dict[str, Any]) -> None:
    for name, answer in answers.items():
        same_as_stored(answer, f"answers/{name}.json")
    assert {path.stem for path in (HERE / "answers").glob("*.json")} == set(answers)


def test_no_answer_holds_a_null(answers: dict[str, Any]) -> None:
    assert [name for name, answer in answers.items() if any(value is None for value in values(answer))] == []


def test_every_answer_fits_and_its_counts_add_up(answers: dict[str, Any]) -> None:
    for name, answer in answers.items():
        assert tokens(answer) < DEFAULT_BUDGET, name
        if "returned" in answer:
            assert answer["returned"] + answer["omitted"] == answer["total"], name
