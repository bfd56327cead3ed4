"""Where the token comes from, and where it goes: to one host, and nowhere else."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kintsugi.commands.doctor import examine
from mcp_servers.fixes.forges import Place, chosen
from mcp_servers.fixes.forges.github.settings import Settings
from mcp_servers.fixes.store import Store
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import KintsugiError, Misconfigured
from mcp_servers.kit.push import Remote, push
from tests.conftest import Clock
from tests.fixes.repositories import Worktree, shop

SECRET = "ghp_" + "s3cret" * 6
HEADER = "Authorization: Basic " + base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()


class Host(HTTPServer):
    """A forge that knows nobody, and remembers who knocked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Doorman)
        self.seen: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Doorman(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Host)
        self.server.seen.append(self.headers.get("Authorization", ""))
        if "/redirected/" in self.path:
            self.send_response(302)
            self.send_header("Location", self.path.split("to=")[-1])
        else:
            self.send_response(403)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests print nothing."""


@pytest.fixture
def host() -> Generator[Host]:
    with Host() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def watching_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git on PATH that writes down its arguments and its environment before it does its work."""
    log, program = folder / "calls", folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{log}\nenv >>{log}\nexec {shutil.which("git")} "$@"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return log


def test_the_token_reaches_its_host_and_nothing_that_others_can_read(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    user, private = shop(tmp_path / "shop"), tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(private))
    before, log = user.state(), watching_git(tmp_path, monkeypatch)
    with pytest.raises(Misconfigured) as error:
        push(user.repository, Remote(f"{host.url}/ada/shop.git", HEADER), "refs/heads/kintsugi/x", user.repository.head("main"), None)
    assert error.value.code == "unauthorized"
    assert set(host.seen) == {HEADER.removeprefix("Authorization: ")}
    told = log.read_text("utf-8") + str(error.value) + repr(Remote(host.url, HEADER))
    assert not [secret for secret in (SECRET, HEADER, HEADER.split()[-1]) if secret in told]
    assert list(private.iterdir()) == []
    assert user.state() == before


def test_the_token_does_not_follow_to_another_host(tmp_path: Path, host: Host) -> None:
    user = shop(tmp_path / "shop")
    with Host() as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with pytest.raises(KintsugiError):
            push(
                user.repository,
                Remote(f"{host.url}/redirected/to={other.url}/x", HEADER),
                "refs/heads/kintsugi/x",
                user.repository.head(),
                None,
            )
        other.shutdown()
        thread.join()
    assert host.seen
    assert other.seen == []


def test_the_users_own_settings_do_not_lead_the_push_astray(tmp_path: Path, host: Host) -> None:
    user = shop(tmp_path / "shop")
    user.git("config", f"url.{tmp_path}/elsewhere/.insteadOf", f"{host.url}/")
    user.git("config", "credential.helper", f"!touch {tmp_path}/asked; echo")
    user.git("config", "http.extraHeader", "X-Mine: 1")
    with pytest.raises(KintsugiError):
        push(user.repository, Remote(f"{host.url}/ada/shop.git", HEADER), "refs/heads/kintsugi/x", user.repository.head(), None)
    assert host.seen
    assert not (tmp_path / "asked").exists()


def test_a_shallow_clone_and_a_linked_worktree_push_as_any_other(tmp_path: Path) -> None:
    whole, bare = shop(tmp_path / "shop"), Worktree(tmp_path / "bare.git")
    whole.commit("second", {"y.py": "y = 1\n"})
    whole.git("clone", "--quiet", "--bare", str(whole.root), str(bare.root))
    whole.git("clone", "--quiet", "--depth=1", f"file://{whole.root}", str(tmp_path / "shallow"))
    shallow = Worktree(tmp_path / "shallow")
    shallow.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    third = Worktree(tmp_path / "linked").commit("third", {"z.py": "z = 1\n"})
    for folder, name in (("shallow", "a"), ("linked", "b")):
        repository = Worktree(tmp_path / folder).repository
        push(repository, Remote(f"file://{bare.root}"), f"refs/heads/kintsugi/{name}", third, None)
        assert bare.git("rev-parse", f"refs/heads/kintsugi/{name}") == third


@pytest.fixture
def clone(tmp_path: Path) -> Worktree:
    return shop(tmp_path / "shop")


def place(clone: Worktree, clock: Clock, environ: dict[str, str], **settings: str) -> Place:
    store = Database.open(f"sqlite:///{clone.root.parent / 'k.db'}")
    return Place(clone.repository, lambda: Store(store), clone.root.parent, clock, {"type": "github", **settings}, environ)


@pytest.mark.parametrize(
    ("address", "environ", "name"),
    [
        ("https://github.com/ada/shop.git", {}, "ada/shop"),
        ("https://github.com/ada/shop/", {}, "ada/shop"),
        ("https://x:y@github.com/ada/shop", {}, "ada/shop"),
        ("git@github.com:ada/shop.io.git", {}, "ada/shop.io"),
        ("ssh://git@github.com:22/ada/shop.git", {}, "ada/shop"),
        ("ssh://git@ssh.github.com:443/ada/shop.git", {}, "ada/shop"),
        ("https://git.corp.example/ada/shop.git", {"GITHUB_API_URL": "https://git.corp.example/api/v3"}, "ada/shop"),
        ("https://corp.ghe.com/ada/shop.git", {"GITHUB_API_URL": "https://api.corp.ghe.com"}, "ada/shop"),
        ("https://gitlab.com/ada/other.git", {"GITHUB_REPOSITORY": "ada/shop"}, "ada/shop"),
    ],
)
def test_the_repository_is_known_from_the_remote_or_from_the_settings(
    clone: Worktree, clock: Clock, address: str, environ: dict[str, str], name: str
) -> None:
    clone.git("remote", "add", "origin", address)
    assert Settings.of(place(clone, clock, {"GH_TOKEN": SECRET, **environ})).repository == name
    assert Settings.of(place(clone, clock, {"GITHUB_TOKEN": SECRET, **environ}, repository="grace/fork")).repository == "grace/fork"


@pytest.mark.parametrize(
    ("environ", "settings", "code"),
    [
        ({}, {}, "no_token"),
        ({"GITHUB_TOKEN": " "}, {}, "no_token"),
        ({"GITHUB_TOKEN": SECRET}, {}, "no_repository"),
        ({"GITHUB_TOKEN": SECRET}, {"repository": "../../user"}, "no_repository"),
        ({"GITHUB_TOKEN": SECRET}, {"repo": "ada/shop"}, "unknown_key"),
        ({"GITHUB_TOKEN": SECRET, "GITHUB_API_URL": "http://github.example.com"}, {}, "bad_address"),
        ({"GITHUB_TOKEN": SECRET, "GITHUB_API_URL": "https://me:pw@github.example.com"}, {}, "bad_address"),
        ({"GITHUB_TOKEN": SECRET, "GITHUB_API_URL": "github.example.com"}, {}, "bad_address"),
    ],
)
def test_settings_that_cannot_be_used_are_told(
    clone: Worktree, clock: Clock, environ: dict[str, str], settings: dict[str, str], code: str
) -> None:
    with pytest.raises(Misconfigured) as error:
        chosen(place(clone, clock, environ, **settings))
    assert error.value.code == code
    assert SECRET not in str(error.value)


def test_a_token_is_never_shown(clone: Worktree, clock: Clock) -> None:
    given = place(clone, clock, {"GITHUB_TOKEN": SECRET}, repository="ada/shop")
    assert SECRET not in repr(given) + repr(Settings.of(given))


def test_the_doctor_says_whether_the_forge_lets_us_write_and_shows_no_token(clone: Worktree, host: Host, tmp_path: Path) -> None:
    (clone.root / "kintsugi.toml").write_text('[forge]\ntype = "github"\nrepository = "ada/shop"\n', "utf-8")
    environ = {"KINTSUGI_HOME": str(tmp_path / "home"), "GITHUB_TOKEN": SECRET, "GITHUB_API_URL": host.url}
    report = examine(clone.root, environ)
    (forge,) = [finding for finding in report if finding.name == "forge"]
    assert forge.status == "missing"
    assert "The token may not GET" in forge.advice
    assert host.seen == [f"Bearer {SECRET}"]
    assert SECRET not in repr(report)
    (unset,) = [finding for finding in examine(clone.root, {"KINTSUGI_HOME": str(tmp_path)}) if finding.name == "forge"]
    assert "GITHUB_TOKEN is not set" in unset.advice


def test_the_doctor_asks_nobody_where_pull_requests_are_local(clone: Worktree, tmp_path: Path) -> None:
    (clone.root / "kintsugi.toml").write_text("[project]\n", "utf-8")
    (forge,) = [finding for finding in examine(clone.root, {"KINTSUGI_HOME": str(tmp_path)}) if finding.name == "forge"]
    assert (forge.status, forge.text) == ("found", "local: pull requests are kept here")
