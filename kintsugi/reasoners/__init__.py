"""The port of those who judge: what is the cause, and what would mend it. They propose; machines check and people decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from kintsugi.tools import Tools
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.deps import Deps
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
    """One way to mend a case: edits, candidate reproductions (best first) and the guard that would find the mistake elsewhere.

    `after` says how many refuted proposals it takes into account.
    """

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
    after: int = 0

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


@dataclass(frozen=True, slots=True)
class Review:
    """What a second pair of eyes says of a certified fix. It decides nothing: a `refuted` fix is put before the person as high risk."""

    word: Literal["upheld", "refuted", "inconclusive"]
    reasons: tuple[str, ...] = ()


@runtime_checkable
class Reviewer(Protocol):
    """A reasoner that also looks at what was certified, in a role of its own that edits nothing."""

    name: str

    async def review(self, case: Mapping[str, Any], fix: Mapping[str, Any], tree: Tree) -> Review | None:
        """Its word on a fix as `get_fix` shows it; None for one that no model wrote."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """What a reasoner is made with: the tools, the ledger that its costs go to, and what `[models.NAME]` of kintsugi.toml says."""

    deps: Deps
    tools: Tools
    ledger: Ledger
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


REASONERS = LazyTable(
    "reasoner",
    {
        "recipes": "kintsugi.reasoners.recipes:Recipes",
        "learned": "kintsugi.reasoners.learned:reasoner",
        "anthropic": "kintsugi.reasoners.models.anthropic:reasoner",
        "claude_code": "kintsugi.reasoners.models.claude_code:reasoner",
        "scripted": "kintsugi.reasoners.models.scripted:reasoner",
    },
)
"""Each is called with a `Given`, and returns a `Reasoner`."""
FREE = ("recipes", "learned")
"""Those that cost nothing, in the order in which they are asked."""


def ladder(named: Iterable[str]) -> tuple[str, ...]:
    """Who is asked, in order: the free ones, then those of `named` that cost something. Raises `Refusal` for a name nobody has."""
    wanted = dict.fromkeys(named)
    for name in wanted:
        REASONERS.check(name)
    return (*FREE, *(name for name in wanted if name not in FREE))
