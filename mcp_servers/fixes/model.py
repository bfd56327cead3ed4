"""The nouns of fixes: a change, a proposal, what a machine saw of it, and who may have caused the failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How far a proposal has come; the journal tells what is left to do of a step that was cut short."""

    PROPOSED = "proposed"
    CERTIFIED = "certified"
    REFUTED = "refuted"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the sandbox saw: red on the base as in production, green with the patch, red again without the fix, suite no worse.

    `sweep` tells what ended whatever the runs left behind: their cgroup, their process namespace, their container or their process group.
    """

    red_on_base: bool
    same_fingerprint: bool
    green_on_patch: bool
    red_without_fix: bool
    suite: str
    runs: int
    jail: str
    base: str
    result: str
    test: str
    reason: str
    log: str
    seconds: float
    revert: bool = False
    sweep: str = ""

    @property
    def passed(self) -> bool:
        """A revert has nothing to reproduce: it passes when the project's own tests are no worse without the fix."""
        return self.suite in {"no worse", "none"} and (self.revert or self._reproduced)

    @property
    def _reproduced(self) -> bool:
        return self.red_on_base and self.same_fingerprint and self.green_on_patch and self.red_without_fix

    @property
    def id(self) -> str:
        """Identity of what was seen; the log, the time it took and how it was cleared away are not part of it."""
        seen = {
            key: value
            for key, value in asdict(self).items()
            if key not in {"log", "seconds", "sweep"} and (key, value) != ("revert", False)
        }
        return digest_of(seen)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the policy holds against one path: `reject` refuses the proposal, `elevate` asks for a stronger approval."""

    code: str
    verdict: str
    path: str
    text: str
    line: int = 0

    @property
    def place(self) -> str:
        """`path:line`, or what is known of it."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit that may have caused the failure, best first, with why we think so."""

    commit: str
    author: str
    at: str
    subject: str
    score: float
    reasons: tuple[str, ...]
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """An immutable result tree on one base commit. `digest` is what a person approves; certification sets it anew."""

    id: str
    case: str
    title: str
    repository: str
    target: str
    base: str
    tree: str
    policy: str
    proposed: str
    test_path: str = ""
    test: str = ""
    draft: Mapping[str, Any] = field(default_factory=dict[str, Any])
    findings: tuple[Finding, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict[str, Any])
    certificate: Certificate | None = None
    state: State = State.PROPOSED
    branch: str = ""
    commit: str = ""
    expires: str = ""
    reverts: str = ""

    @property
    def digest(self) -> str:
        """`sha256:` over all that an approval binds to; any difference in any part makes another digest."""
        return "sha256:" + digest_of(
            {
                "repository": self.repository,
                "target": self.target,
                "base": self.base,
                "tree": self.tree,
                "plan": dict(self.plan),
                "certificate": self.certificate.id if self.certificate else "",
                "policy": self.policy,
                "expires": self.expires,
            }
        )

    @property
    def elevated(self) -> bool:
        return any(finding.verdict == "elevate" for finding in self.findings)

    @property
    def risk(self) -> str:
        """What the policy holds it for at least; who asks for the approval may call it graver, never lighter."""
        return "high" if self.elevated else "low"

    def lapsed(self, now: datetime) -> bool:
        """Whether it was certified too long ago to be approved or applied."""
        return bool(self.expires) and datetime.fromisoformat(self.expires) <= now

    def certified(self, certificate: Certificate) -> Proposal:
        return replace(self, certificate=certificate, state=State.CERTIFIED if certificate.passed else State.REFUTED)


def told_of(proposal: Proposal) -> dict[str, Any]:
    """A proposal as the ledger keeps it."""
    return {
        "fix": proposal.id,
        "digest": proposal.digest,
        "title": proposal.title,
        "base": proposal.base,
        "tree": proposal.tree,
        "risk": proposal.risk,
        **({"takes_back": proposal.draft["takes_back"]} if proposal.draft.get("takes_back") else {}),
    }


@dataclass(frozen=True, slots=True)
class Request:
    """What a pull request asks for: merge `head` (the tip of `branch`) into `target`, which stood at `base`."""

    fix: str
    repository: str
    branch: str
    target: str
    base: str
    head: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge has it. `state` is open, merged or closed; `merge` the commit that a merge made, where the forge says so;
    `waits_for` what holds an automatic merge back, where the policy has one."""

    id: str
    url: str
    state: str
    request: Request
    draft: bool = False
    merge: str = ""
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checks:
    """What machines and people say of the head of a pull request. `state` is none, pending, success or failure, over all checks together.

    `passed`, `pending` and `failed` hold names of checks; `approved` and `objected` hold people, by their last word on this head.
    """

    passed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()
    objected: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        return "failure" if self.failed else "pending" if self.pending else "success" if self.passed else "none"


def digest_of(value: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON of a value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
