"""The policy of whoever runs Kintsugi: what patches and approvals have to meet. Its file lies outside every watched repository."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import platformdirs

from mcp_servers.kit import budgets
from mcp_servers.kit.budgets import UNCHANGED, Budgets
from mcp_servers.kit.errors import Misconfigured

VARIABLE = "KINTSUGI_POLICY"
RISKS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Policy:
    """Read from `policy.toml`. Proof: 1 somebody who answers here, 2 a key of their own, 3 two different people with one each."""

    span: int = 16
    protected: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    proof: tuple[int, int, int] = (1, 1, 2)
    approvers: tuple[int, int, int] = (1, 1, 1)
    signers: str = ""
    minutes: int = 60
    days: int = 7
    auto_merge: bool = False
    require_passing_ci: bool = True
    require_qa_pass: bool = True
    qa_checks: tuple[str, ...] = ("qa*",)
    merge_proof: int = 1
    budgets: Budgets = UNCHANGED
    jail: str = ""
    block: str = "accepted"

    @property
    def version(self) -> str:
        """Names these settings; part of what every approval binds to. What healing may cost and
        which guards block is no part of what was approved."""
        told = {name: value for name, value in asdict(self).items() if name not in ("budgets", "block")}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def lifetime(self) -> timedelta:
        """How long an approval may be used."""
        return timedelta(minutes=self.minutes)

    @property
    def offered(self) -> timedelta:
        """How long a certified proposal may be approved."""
        return timedelta(days=self.days)

    def needed(self, risk: str) -> tuple[int, int]:
        """The least proof and the number of different people that a risk asks for."""
        at = RISKS.index(risk) if risk in RISKS else len(RISKS) - 1
        proof = self.proof[at]
        return min(proof, 2), max(self.approvers[at], 2 if proof >= 3 else 1)


SHIPPED = Policy()
"""What holds where nobody wrote a policy."""


def place(environ: Mapping[str, str]) -> Path:
    """Where the policy is read from: `KINTSUGI_POLICY`, else the user's configuration folder."""
    return Path(environ.get(VARIABLE) or Path(platformdirs.user_config_dir("kintsugi", appauthor=False)) / "policy.toml")


def load(environ: Mapping[str, str], watched: Path | None = None) -> Policy:
    """The policy, or the one that ships when there is no file; raises `Misconfigured` for one inside the repository or one that cannot be read."""
    path = place(environ)
    beside = str(path.with_name("allowed_signers"))
    if not path.exists():
        if environ.get(VARIABLE):
            raise Misconfigured(f"{VARIABLE} names {path}, which is not there; write it, or take the variable away.", code="no_policy")
        return replace(SHIPPED, signers=beside)
    if watched is not None and path.resolve().is_relative_to(watched.resolve()):
        raise Misconfigured(
            f"The policy {path} lies in the watched repository, where a fix could change it; move it out.", code="policy_inside"
        )
    try:
        return parse(tomllib.loads(path.read_text("utf-8")), str(path), beside)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(
            f"The policy {path} cannot be read: {error}. Mend it; nothing is allowed meanwhile.", code="bad_policy"
        ) from error


def parse(data: Mapping[str, Any], where: str = "policy.toml", signers: str = "") -> Policy:
    """The policy of `[patches]` (span, protected, hosts) and `[approvals]` (people, proof, approvers, signers, minutes, days)
    and `[merge]` (auto_merge, require_passing_ci, require_qa_pass, qa_checks, proof)
    and `[sandbox]` (jail) and `[guards]` (block)."""
    unknown = sorted(set(data) - {"patches", "approvals", "merge", "sandbox", "guards", "budgets"})
    if unknown:
        raise _bad(where, unknown[0], "it knows [patches], [approvals], [merge], [sandbox], [guards] and [budgets]")
    sections = ("patches", "approvals", "merge", "sandbox", "guards")
    patches, approvals, merge, sandbox, guards = (dict(data.get(name, {})) for name in sections)
    shipped = SHIPPED
    policy = Policy(
        span=_number(patches.pop("span", shipped.span), where, "span", 8, 200),
        protected=_words(patches.pop("protected", ()), where, "protected"),
        hosts=_words(patches.pop("hosts", ()), where, "hosts"),
        people=_words(approvals.pop("people", ()), where, "people"),
        proof=_by_risk(approvals.pop("proof", {}), shipped.proof, where, "proof", 3),
        approvers=_by_risk(approvals.pop("approvers", {}), shipped.approvers, where, "approvers", 9),
        signers=str(approvals.pop("signers", signers)),
        minutes=_number(approvals.pop("minutes", shipped.minutes), where, "minutes", 1, 1440),
        days=_number(approvals.pop("days", shipped.days), where, "days", 1, 90),
        auto_merge=_switch(merge.pop("auto_merge", shipped.auto_merge), where, "auto_merge"),
        require_passing_ci=_switch(merge.pop("require_passing_ci", shipped.require_passing_ci), where, "require_passing_ci"),
        require_qa_pass=_switch(merge.pop("require_qa_pass", shipped.require_qa_pass), where, "require_qa_pass"),
        qa_checks=_words(merge.pop("qa_checks", shipped.qa_checks), where, "qa_checks"),
        merge_proof=_number(merge.pop("proof", shipped.merge_proof), where, "proof", 1, 2),
        budgets=budgets.parse(dict(data.get("budgets", {})), where),
        jail=_jail(sandbox.pop("jail", shipped.jail), where),
        block=_block(guards.pop("block", shipped.block), where),
    )
    for left in (*patches, *approvals, *merge, *sandbox, *guards):
        raise _bad(where, left, "look at the page on configuration")
    return policy


def _by_risk(value: Any, shipped: tuple[int, int, int], where: str, name: str, most: int) -> tuple[int, int, int]:
    if not isinstance(value, Mapping) or set(value) - set(RISKS):  # pyright: ignore[reportUnknownArgumentType]
        raise _bad(where, name, f"write {name} = {{ low = 1, medium = 1, high = 2 }}")
    low, medium, high = (_number(value.get(risk, default), where, name, 1, most) for risk, default in zip(RISKS, shipped, strict=True))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return low, medium, high


def _number(value: Any, where: str, name: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _bad(where, name, f"it is a whole number from {least} to {most}, not {value!r}")
    return value


def _switch(value: Any, where: str, name: str) -> bool:
    if type(value) is not bool:
        raise _bad(where, name, f"it is true or false, not {value!r}")
    return value


def _jail(value: Any, where: str) -> str:
    if value not in {"", "bubblewrap", "docker", "sandbox-exec"}:
        raise _bad(where, "jail", f"it is bubblewrap, docker or sandbox-exec, not {value!r}")
    return str(value)


def _block(value: Any, where: str) -> str:
    if value not in {"accepted", "verified"}:
        raise _bad(where, "block", f"it is accepted (by a person) or verified (in production), not {value!r}")
    return str(value)


def _words(value: Any, where: str, name: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item for item in value):  # pyright: ignore[reportUnknownVariableType]
        raise _bad(where, name, "it is a list of strings")
    return tuple(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _bad(where: str, name: str, told: str) -> Misconfigured:
    return Misconfigured(f"{where} has a bad {name!r}: {told}.", code="bad_policy")
