"""The port of those who judge: what is the cause, and what would mend it. They propose; machines check and people decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mcp_servers.kit.lazy import LazyTable

Status = Literal["confirmed", "likely", "inconclusive"]
Edit = Mapping[str, Any]


class Tree(Protocol):
    """The watched repository at the base commit. A tree may also offer `read_at(commit, path) -> str` for older versions."""

    def files(self) -> Sequence[str]: ...

    def read(self, path: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One checkable statement and where its evidence lies: `file:line`, `message`, `request`, `commit <id>`."""

    text: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is believed about a case. `inconclusive` is a result; its `reason` says what was missing."""

    status: Status
    cause: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    recipe: str = ""
    claims: tuple[Claim, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CandidateTest:
    """A reproduction that might show the production failure. `kind` names the strategy that wrote it."""

    path: str
    content: str
    kind: str


@dataclass(frozen=True, slots=True)
class Draft:
    """One way to mend a case: edits, candidate reproductions (best first) and the guard that would find the mistake elsewhere."""

    title: str
    cause: str
    reasoning: str
    risk: Literal["low", "medium", "high"]
    edits: tuple[Edit, ...]
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    recipe: str = ""
    tests: tuple[CandidateTest, ...] = ()
    guard: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def as_json(self, test: CandidateTest) -> dict[str, Any]:
        """The value that `propose_fix` takes, with the reproduction that was chosen."""
        return {
            "title": self.title,
            "cause": self.cause,
            "reasoning": self.reasoning,
            "risk": self.risk,
            "pros": list(self.pros),
            "cons": list(self.cons),
            "recipe": self.recipe,
            "edits": [dict(edit) for edit in self.edits],
            "test": {"path": test.path, "content": test.content},
        }


class Reasoner(Protocol):
    """Who judges. No method changes anything; a reasoner that does not know says so."""

    name: str

    async def reproduce(self, case: Mapping[str, Any], tree: Tree) -> Sequence[CandidateTest]:
        """Tests that might show the failure again, best first, before anything is known of its cause; none is an answer."""
        ...

    async def diagnose(self, case: Mapping[str, Any], tree: Tree, suspects: Sequence[Mapping[str, Any]]) -> Diagnosis: ...

    async def propose(
        self, case: Mapping[str, Any], diagnosis: Diagnosis, tree: Tree, suspects: Sequence[Mapping[str, Any]]
    ) -> Sequence[Draft]: ...


REASONERS = LazyTable("reasoner", {"recipes": "kintsugi.reasoners.recipes:Recipes"})
