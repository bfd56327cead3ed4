"""Replay bundles: an incident as a folder that can be asked again anywhere, without the repository, the logs or a network; secrets are masked.

incident.json          what happened, how it failed, what was answered, and what a replay has to show
before/… and after/…   the files that were mended, on both sides
tests/…                the tests that came with the fix
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kintsugi.backtest.model import Told
from kintsugi.backtest.scene import LONGEST, Scene
from mcp_servers.kit.errors import KintsugiError, Refusal
from mcp_servers.kit.redaction import clean
from mcp_servers.knowledge.guards import compiling
from mcp_servers.knowledge.guards.checking import check
from mcp_servers.knowledge.recipes.learning import story_of, unfit
from mcp_servers.knowledge.recipes.proving import learned

VERSION = 1
FILE_NAME = "incident.json"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one bundle showed when it was asked again; `changed` is empty when it shows what it showed then."""

    name: str
    changed: tuple[str, ...]


def write(told: Told, scene: Scene, folder: Path) -> Path:
    """Writes the bundle of an incident below `folder`; raises `Refusal` where something else is in its place."""
    commit = told.incident.commit
    place = folder / f"{commit.at:%Y%m%d}-{commit.id[:12]}"
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise Refusal(f"{place} is no folder of ours; name an empty folder for --bundles.", code="not_a_folder")
    sides = {"before": _masked(scene.before), "after": _masked(scene.after), "tests": _masked(_tests(told, scene))}
    for side, texts in sides.items():
        for path, text in texts.items():
            _put(place / side / path, text)
    evidence = {"trace": told.failure.trace.as_json()} if told.failure else {}
    record = {
        "version": VERSION,
        "commit": commit.id,
        "parent": commit.parent,
        "at": commit.at.isoformat(),
        "kind": told.incident.kind,
        "subject": clean(commit.subject),
        "why": told.incident.why,
        "references": list(told.incident.references),
        "culprits": dict(told.culprits),
        "evidence": clean(evidence),
        "answers": {stage: clean(asdict(answer)) for stage, answer in told.answers.items()},
        "shows": _shown(sides["before"], sides["after"], clean(evidence)),
    }
    _put(place / FILE_NAME, json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
    return place


def replay(folder: Path) -> list[Replayed]:
    """Every bundle below a folder, asked again; raises `Refusal` when there is none, or one cannot be read."""
    places = sorted(file.parent for file in folder.glob(f"*/{FILE_NAME}"))
    if not places:
        raise Refusal(f"{folder} holds no bundle; `kintsugi backtest --bundles {folder}` writes them.", code="no_bundles")
    return [_replayed(place) for place in places]


def _replayed(place: Path) -> Replayed:
    try:
        record: dict[str, Any] = json.loads((place / FILE_NAME).read_text("utf-8"))
        if record["version"] != VERSION:
            raise ValueError(f"it is of version {record['version']}, not {VERSION}")
        then: dict[str, Any] = record["shows"]
        now = _shown(_read(place / "before"), _read(place / "after"), record["evidence"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"{place / FILE_NAME} is no bundle that we can read ({error}); write it again with --bundles.", code="bad_bundle"
        ) from error
    keys = sorted(then.keys() | now.keys())
    return Replayed(
        place.name, tuple(f"{key} was {then.get(key)!r} and is {now.get(key)!r}" for key in keys if then.get(key) != now.get(key))
    )


def _shown(before: Mapping[str, str], after: Mapping[str, str], evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What has to come out of the same files again: the guard that they prove and what it finds, and the forms of a recipe."""
    there = {path: text for path, text in before.items() if text}
    try:
        guard = compiling.compile(there, {path: after.get(path, "") for path in there}, "replayed")
    except KintsugiError:
        guard = None
    found = sorted({f"{one.path}:{one.line}" for one in check(guard, before)}) if guard and guard["kind"] != "required-test" else []
    changes = [{"path": path, "before": text, "after": after.get(path, "")} for path, text in there.items()]
    forms = learned(story_of(changes, evidence, tuple(before))) if evidence and not unfit(changes) else ()
    return {"guard": guard["id"] if guard else "", "finds": found, "recipe": [str(form.level) for form in forms]}


def _tests(told: Told, scene: Scene) -> dict[str, str]:
    return {path: scene.repository.text(told.incident.commit.id, path) for path in told.incident.tests}


def _masked(texts: Mapping[str, str]) -> dict[str, str]:
    return {path: str(clean(text)) for path, text in texts.items() if _inside(path) and len(text) <= LONGEST}


def _inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and "\\" not in path


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="replace", newline="")


def _read(folder: Path) -> dict[str, str]:
    files: Sequence[Path] = sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return {file.relative_to(folder).as_posix(): file.read_bytes()[:LONGEST].decode("utf-8", "replace") for file in files}
