"""How a person's word reaches us: at the client in both eras of the protocol, by a key, and never by a program alone."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ElicitResult

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.cases.ssh import NAMESPACE, sign
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Misconfigured, Refusal
from mcp_servers.kit.policy import Policy
from mcp_servers.kit.project import Project
from mcp_servers.launch import assemble, server
from tests.cases.stories import DIGEST, certified
from tests.conftest import Clock

pytestmark = pytest.mark.anyio
FIX = "fix_20261120_101500"
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])
YES = {"digest": "ab12cd34"}


class Person:
    """Sits at a client and answers what they are asked, or presses escape."""

    def __init__(self, deps: Deps, mode: Any, answer: dict[str, Any] | str | None) -> None:
        self.ledger = Ledger(deps.database, deps.clock)
        self.approvals = Approvals(self.ledger, deps.policy)
        self.questions: list[str] = []
        self._server, self._mode, self._answer = server(["cases"], deps, frozenset({"cases"})), mode, answer

    async def ask(self, **more: Any) -> Any:
        able = {} if self._answer is None else {"elicitation_callback": self._told}
        async with Client(self._server, mode=self._mode, **able) as client:  # type: ignore[arg-type]
            result = await client.call_tool("request_approval", {"fix_id": FIX, "risk": "low", **more})
        return result.content[0].text if result.is_error else result.structured_content  # type: ignore[union-attr]

    async def _told(self, _context: Any, params: Any) -> ElicitResult:
        self.questions.append(params.message)
        if isinstance(self._answer, dict):
            return ElicitResult(action="accept", content=self._answer)
        return ElicitResult(action=self._answer)  # type: ignore[arg-type]


@pytest.fixture
def deps(tmp_path: Path, clock: Clock) -> Deps:
    made = assemble(Project(tmp_path, "shop"), home=tmp_path, clock=clock)
    certified(Ledger(made.database, clock))
    return made


@MODES
async def test_a_person_at_the_client_approves_exactly_what_they_were_shown(deps: Deps, mode: str) -> None:
    person = Person(deps, mode, YES)
    assert (await person.ask())["decide"] == f"approved by {getpass.getuser()}"
    assert len(person.questions) == 1
    assert "ab12cd34" in person.questions[0][:150], "a client may show the first lines alone"
    assert "Its author says: " in person.questions[0]
    asked = person.approvals.asked(DIGEST)
    assert asked is not None
    assert (await person.ask())["decide"].startswith("approved by")
    assert len(person.questions) == 1, "what is decided is not asked again"


@MODES
@pytest.mark.parametrize(
    "answer", [None, "decline", "cancel", {}, {"digest": "00000000"}, {"digest": "ab12cd3"}, {"digest": "ab12cd34", "reason": "or not"}]
)
async def test_no_answer_and_half_an_answer_leave_it_waiting(deps: Deps, mode: str, answer: Any) -> None:
    person = Person(deps, mode, answer)
    assert "kintsugi approve" in (told := (await person.ask())["decide"])
    assert ("nothing was" in told) == (answer not in (None, "decline", "cancel", {})), "an answer that decides nothing is told as such"
    assert [request.fix for request in person.approvals.waiting()] == [FIX]


@MODES
async def test_a_person_at_the_client_may_say_no_and_why(deps: Deps, mode: str) -> None:
    person = Person(deps, mode, {"reason": "too broad"})
    await person.ask()
    assert person.ledger.cases()[0].reason == "too broad"


@MODES
async def test_more_than_a_low_risk_is_not_asked_at_the_client(deps: Deps, mode: str) -> None:
    person = Person(deps, mode, YES)
    await person.ask(risk="medium")
    assert person.questions == []
    assert (await person.ask())["risk"] == "medium", "asked again more lightly, it stays what it was"
    assert person.questions == []


@MODES
async def test_an_answer_counts_for_one_request(deps: Deps, mode: str, clock: Clock) -> None:
    person = Person(deps, mode, YES)
    await person.ask()
    first = person.approvals.asked(DIGEST)
    assert first is not None
    person.approvals.revoke(DIGEST, person="ada")
    with pytest.raises(Refusal, match="already revoked"):
        person.approvals.approve(DIGEST, person="ada", channel="elicitation", nonce=first.nonce)
    person.approvals.request(FIX, risk="low", actor="agent")
    with pytest.raises(Refusal, match="asked about anew"):
        person.approvals.approve(DIGEST, person="ada", channel="elicitation", nonce=first.nonce)


async def test_the_asking_tool_says_that_a_person_has_to_be_there(deps: Deps) -> None:
    async with Client(server(["cases"], deps, frozenset({"cases"})), mode="legacy") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools["request_approval"].meta == {"anthropic/requiresUserInteraction": True}
    assert set(tools["request_approval"].input_schema["properties"]) == {"fix_id", "risk"}


needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed: apt-get install openssh-client")


class Keys:
    """Keys of people, and a list of those that may sign."""

    def __init__(self, folder: Path, deps: Deps) -> None:
        self.folder, self.allowed = folder, folder / "allowed_signers"
        self.approvals = Approvals(Ledger(deps.database, deps.clock), Policy(signers=str(self.allowed)))

    def make(self, name: str, *, listed: bool = True, namespace: str = NAMESPACE) -> Path:
        key = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key], check=True)
        if listed:
            with self.allowed.open("a", encoding="utf-8") as file:
                file.write(f'{name} namespaces="{namespace}" {key.with_suffix(".pub").read_text("utf-8")}')
        return key

    def signature(self, key: Path, statement: str, namespace: str = NAMESPACE) -> str:
        words = ["ssh-keygen", "-Y", "sign", "-q", "-n", namespace, "-f", str(key)]
        return subprocess.run(words, input=statement, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def keys(tmp_path: Path, deps: Deps) -> Keys:
    return Keys(tmp_path, deps)


@needs_ssh
def test_a_listed_key_approves_this_request_and_nothing_else(keys: Keys) -> None:
    ada = keys.make("ada")
    request = keys.approvals.request(FIX, risk="high", actor="kintsugi")
    for altered in (request.statement + " ", request.statement.replace("high", "low"), "hello"):
        with pytest.raises(Refusal, match="does not cover this request"):
            keys.approvals.approve_signed(DIGEST, keys.signature(ada, altered))
    with pytest.raises(Refusal, match="does not cover this request"):
        keys.approvals.approve_signed(DIGEST, keys.signature(ada, request.statement, namespace="git"))
    with pytest.raises(Refusal, match="by no key"):
        keys.approvals.approve_signed(DIGEST, "hello")
    good = keys.signature(ada, request.statement)
    assert keys.approvals.approve_signed(DIGEST, good).state == "approved"
    keys.approvals.revoke(DIGEST, person="ada")
    keys.approvals.request(FIX, risk="high", actor="kintsugi")
    with pytest.raises(Refusal, match="does not cover this request"):
        keys.approvals.approve_signed(DIGEST, good)


@needs_ssh
def test_a_key_that_is_not_listed_or_asks_for_nobody_signs_nothing(keys: Keys) -> None:
    mallory = keys.make("mallory", listed=False)
    request = keys.approvals.request(FIX, risk="low", actor="kintsugi")
    with pytest.raises(Misconfigured, match="no list of signers"):
        keys.approvals.approve_signed(DIGEST, keys.signature(mallory, request.statement))
    keys.make("ada")
    with pytest.raises(Refusal, match="by no key"):
        keys.approvals.approve_signed(DIGEST, keys.signature(mallory, request.statement))
    with pytest.raises(Refusal, match="has no passphrase"):
        sign(request.statement, mallory)
