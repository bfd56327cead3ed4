"""Three repositories and one mistake: the first pays for it in production, the second may not commit it, the third is healed without a model."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.components import needs
from tests.e2e.story.services import Service
from tests.e2e.strangers import GIT_ENV, git
from tests.e2e.terminal import User

BAKERY = Service("bakery", "orders", "receipt", "order", "id", "total")
DEPOT = Service("depot", "parcels", "label", "parcel", "code", "weight")
CAUSE = "json.dumps has no word for a Decimal"
CINEMA = """\
import json


class Desk:
    def stub(self, seat):
        return json.dumps([seat.row, seat.starts_at])
"""
OFFLINE = ("bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--")
REQUESTS = 300


def watching(service: Service, place: Path) -> User:
    """A person with a service in production, whose home is shared with everyone in that place."""
    (place / "home").mkdir(exist_ok=True)
    user = User(service.build(place / service.package), place / "home")
    service.serve(user.folder, REQUESTS)
    assert user.run("init").code == 0
    assert user.run("watch", "--once").code == 0
    return user


def case(user: User) -> Mapping[str, Any]:
    (only,) = json.loads(user.run("cases", "--json").out)["cases"]
    return only


def mended(service: Service, user: User) -> None:
    """The person's patch is proposed, proven, approved at a terminal, applied, merged, and judged by what production then says."""
    assert case(user)["state"] == "inconclusive", "nobody knows this mistake yet"
    (user.folder.parent / "mend.patch").write_text(service.patch, "utf-8")
    told = ("--title", "Say how to write what JSON has no word for", "--cause", CAUSE)
    proposed = user.run("fix", "propose", "../mend.patch", "--case", case(user)["id"], *told)
    assert proposed.code == 0, proposed.text
    fix = re.findall(r"kintsugi fix certify (\w+)", proposed.out)[0]
    (digest,) = re.findall(r"under the digest (\w{8})", user.run("fix", "certify", fix).out)
    assert user.type("approve", fix, prompt="anything else to leave it", answer=digest).code == 0
    assert user.run("fix", "apply", fix).code == 0
    git(user.folder, "merge", "-q", "--ff-only", f"kintsugi/{fix}")
    assert "in production:" in user.run("heal").out
    assert case(user)["state"] == "deployed"
    service.serve(user.folder, REQUESTS)
    assert user.run("heal").code == 0
    assert case(user)["state"] == "verified"


def guarded(user: User) -> str:
    """The guard that the lesson brought, from now on one that blocks."""
    (guard,) = json.loads(user.run("guard", "list", "--json").out)["guards"]
    assert guard["state"] == "warning"
    assert user.type("guard", "accept", guard["id"], prompt="Type its id", answer=guard["id"]).code == 0
    return guard["id"]


def committed(user: User, path: str, text: str) -> subprocess.CompletedProcess[str]:
    """The answer of `git commit` where there is no network at all."""
    (user.folder / path).write_text(text, "utf-8")
    git(user.folder, "add", path)
    command = [*OFFLINE, "git", "commit", "-qm", "Print stubs"]
    return subprocess.run(command, cwd=user.folder, env=GIT_ENV | user.environment, capture_output=True, text=True, timeout=60, check=False)


@needs("bubblewrap")
@pytest.mark.promise("S0.37", "S0.28")
def test_a_mistake_of_one_repository_is_refused_in_the_second_and_healed_in_the_third(tmp_path: Path) -> None:
    bakery = watching(BAKERY, tmp_path)
    mended(BAKERY, bakery)
    guard, origin = guarded(bakery), case(bakery)["id"]

    cinema = bakery.at(tmp_path / "cinema")
    cinema.folder.mkdir()
    git(cinema.folder, "init", "-q", "-b", "main")
    assert cinema.run("hooks", "install").code == 0
    refused = committed(cinema, "desk.py", CINEMA)
    assert refused.returncode == 1
    for part in ("desk.py:6", guard, CAUSE, f"learned in bakery, {origin}", "0 in 300 after"):
        assert part in refused.stderr + refused.stdout
    assert git(cinema.folder, "rev-list", "--all") == ""
    assert committed(cinema, "desk.py", CINEMA.replace("_at])", "_at], default=str)")).returncode == 0

    depot = watching(DEPOT, tmp_path)
    healed = case(depot)
    (fix,) = healed["fixes"]
    assert (healed["state"], fix["certified"], healed["spent"].get("tokens", 0)) == ("proposed", True, 0)
    assert any(origin in claim["text"] and "in bakery" in claim["text"] for claim in healed["diagnosis"]["claims"])
    shown = json.loads(depot.run("fix", "show", fix["id"], "--json").out)
    assert '+    return json.dumps({"code": parcel["code"], "weight": parcel["weight"]}, default=str)' in shown["diff"].splitlines()
