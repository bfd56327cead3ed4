"""One change for every repository that needs it: a parent ticket, and for each a case, a ticket and a proposal that waits for its proof."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from kintsugi.shipping.rounds import ACTOR, named
from kintsugi.tools import Tools
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError
from mcp_servers.kit.git import Repository
from mcp_servers.kit.project import Project, find_project
from mcp_servers.knowledge.patterns import Notice, PatternStore, Use, shown, slug
from mcp_servers.knowledge.patterns.scanning import scan
from mcp_servers.launch import assembled

_NEAR = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """The value that a pattern shall have everywhere, as it is written, and why."""

    pattern: str
    parameter: str
    value: str
    reason: str

    @property
    def key(self) -> str:
        return sha256(f"{slug(self.pattern)}\0{self.parameter}\0{self.value}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that holds the value, and the same line as it shall be."""

    path: str
    number: int
    old: str
    new: str


def users(store: PatternStore, pattern: str) -> list[Path]:
    """The folders of the repositories that use a pattern, of those that are on this machine."""
    roots = [Path(store.known(name)[0]) for name in sorted({name for name, _ in store.users(slug(pattern))}) if store.known(name)[0]]
    return [root for root in roots if root.is_dir()]


async def coordinate(deps: Deps, wanted: Wanted, folders: Sequence[Path]) -> dict[str, Any]:
    """The parent ticket, and what was done in each repository. Asking again finds what there is; one that cannot be changed says why."""
    parent = await Tools(deps, ["tickets"], writes=True).call(
        "create_ticket",
        title=f"[Pattern] {slug(wanted.pattern)}: {wanted.parameter} = {wanted.value} everywhere",
        description=wanted.reason,
        type="Epic",
        priority="HIGH",
        labels=["pattern", "coordinated"],
        fingerprint=f"pattern:{wanted.key}",
        actor=ACTOR,
    )
    rows = [await _in_one(deps, wanted, folder.resolve(), str(parent["id"])) for folder in folders]
    return {"parent": parent["id"], "repositories": rows}


async def _in_one(deps: Deps, wanted: Wanted, folder: Path, parent: str) -> dict[str, Any]:
    repository, name = Repository.at(folder), named(folder)
    store = PatternStore(deps.database)
    scan(store, repository, name)
    uses = [use for _, use in store.users(slug(wanted.pattern), name) if _differs(use, wanted)]
    if not uses:
        return {"repository": name, "note": f"has no other value of {wanted.parameter}"}
    project = find_project(folder) or Project(folder, name)
    tools = Tools(assembled(project, {**os.environ, **deps.environ}), writes=True)
    lines = [line for use in uses if (line := _line(repository, project, use, wanted))]
    told = [notice for notice in store.notices(name) if _about(notice, wanted)]
    also = [*dict.fromkeys(notice.ticket for notice in told if notice.ticket)]
    row: dict[str, Any] = {"repository": name}
    try:
        row |= await _proposed(tools, wanted, name, uses, lines, parent + (f"; told before in {', '.join(also)}" if also else ""))
        for notice in told:
            if not notice.ticket:  # the coordinated ticket tells of it, and no round opens another
                store.ticketed(notice, str(row["ticket"]))
    except KintsugiError as error:
        row["note"] = str(error)
    return row


def _about(notice: Notice, wanted: Wanted) -> bool:
    """Whether a notice tells of the value that is wanted."""
    change = notice.change
    return (change.pattern, change.parameter, shown(change.new)) == (slug(wanted.pattern), wanted.parameter, wanted.value)


def _differs(use: Use, wanted: Wanted) -> bool:
    has = use.parameters.get(wanted.parameter)
    return has is not None and shown(has) != wanted.value


def _line(repository: Repository, project: Project, use: Use, wanted: Wanted) -> _Line | None:
    """The line near the use that names the parameter and its value, changed; None where the value is written in another way."""
    has = shown(use.parameters[wanted.parameter])
    text = repository.text(repository.head(project.branch), use.path)
    value = re.compile(rf"(?<![\w.]){re.escape(has)}(?![\w.])")
    words = wanted.parameter.split("_")
    for number, line in list(enumerate(text.splitlines(), 1))[max(use.line - 1, 0) : use.line + _NEAR]:
        if value.search(line) and all(word in line.lower() for word in words) and text.count(line) == 1:
            return _Line(use.path, number, line, value.sub(wanted.value.replace("\\", r"\\"), line, count=1))
    return None


async def _proposed(tools: Tools, wanted: Wanted, name: str, uses: Sequence[Use], lines: Sequence[_Line], parent: str) -> dict[str, Any]:
    title = f"{slug(wanted.pattern)}: {wanted.parameter} is not {wanted.value}"
    now = tools.deps.clock().isoformat()
    anomaly = {
        "title": title, "fingerprint": {"coarse": wanted.key}, "service": name, "severity": "MEDIUM", "error_type": "configuration",
        "message": wanted.reason, "count": 1, "first_seen": now, "last_seen": now,
    }  # fmt: skip
    case = (await tools.call("open_case", anomaly=anomaly, actor=ACTOR))["id"]
    where = lines[0] if lines else None
    file, number = (where.path, where.number) if where else (uses[0].path, uses[0].line)
    known = await tools.call("get_case", case_id=case)
    if known["state"] == "open":
        diagnosis = {"status": "confirmed", "cause": wanted.reason, "file": file, "line": number}
        await tools.call("record_diagnosis", case_id=case, **diagnosis, actor=ACTOR)
    ticket = await tools.call(
        "create_ticket", case_id=case, title=f"[Pattern] {name}: {title}", description=f"{wanted.reason}\n\nPart of {parent}.",
        type="Task", priority="MEDIUM", labels=["pattern", "coordinated"], fingerprint=f"{wanted.key}:{name}"[:120], actor=ACTOR,
    )  # fmt: skip
    row: dict[str, Any] = {"case": case, "ticket": ticket["id"]}
    if not lines:
        return row | {"note": f"{file}:{number} writes the value in its own way; change it by hand"}
    if known["state"] not in ("open", "diagnosed"):
        return row | {"note": f"the case is {known['state']}"}
    fix = await tools.call("propose_fix", case_id=case, draft=_draft(wanted, lines), actor=ACTOR)
    return row | {"fix": fix["id"]}


def _draft(wanted: Wanted, lines: Sequence[_Line]) -> Mapping[str, Any]:
    edits = [{"kind": "replace", "path": one.path, "search": one.old, "replace": one.new} for one in lines]
    slugged = re.sub(r"\W+", "_", f"{slug(wanted.pattern)}_{wanted.parameter}")
    return {
        "title": f"Set {wanted.parameter} of {slug(wanted.pattern)} to {wanted.value}",
        "cause": wanted.reason,
        "reasoning": "The same value was agreed for every repository that shares the dependency.",
        "risk": "medium",
        "pros": ["One value everywhere: the sum stays under the limit that is shared."],
        "cons": ["A change in one repository alone does not help."],
        "edits": edits,
        "test": {"path": f"tests/test_agreed_{slugged}.py", "content": _test(lines, slugged)},
    }


def _test(lines: Sequence[_Line], slugged: str) -> str:
    checks = [
        f"    assert {one.new.strip()!r} in ROOT.joinpath({PurePosixPath(one.path).as_posix()!r}).read_text('utf-8')" for one in lines
    ]
    head = "from pathlib import Path\n\nROOT = Path(__file__).resolve().parents[1]\n\n\n"
    return f"{head}def test_{slugged}_is_the_agreed_one():\n" + "\n".join(checks) + "\n"
