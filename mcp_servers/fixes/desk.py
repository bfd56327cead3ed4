"""What happens behind each tool: the gate first, then the work, and its record in the transaction that keeps it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from mcp_servers.fixes import answers, options, proposals, suspects
from mcp_servers.fixes.apply import PROPOSER, Applier
from mcp_servers.fixes.certificate import Attempt
from mcp_servers.fixes.forges import Place, chosen
from mcp_servers.fixes.jail import Jail, default
from mcp_servers.fixes.jail.metered import Metered
from mcp_servers.fixes.model import Certificate, Proposal, PullRequest, State, Suspect, told_of
from mcp_servers.fixes.places.searching import Search
from mcp_servers.fixes.remaking import remade
from mcp_servers.fixes.rollback import Undone, examined_revert
from mcp_servers.fixes.store import Store
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.gate import Write
from mcp_servers.kit.git import Repository
from mcp_servers.kit.http import Circuit
from mcp_servers.kit.stack import ExceptionInfo, Failure, Frame, StackTrace

_REMEMBERED = 100
PAYER = "sandbox"
"""What the ledger calls the account of the sandbox's time."""


class Desk:
    """One per server. The repository is opened at each call: it may appear, move or vanish while the server runs."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self.store = Store(deps.database)
        self._circuit = Circuit()
        self._suites: dict[str, frozenset[str]] = {}  # the tests that pass in a tree: the next fix begins where this one ends
        self._shown: deque[str] = deque(maxlen=_REMEMBERED)  # tests that failed as production did

    def identity(self) -> str:
        repository = self._repository()
        return repository.identity(repository.head(self._deps.watched().branch))

    def suspects(
        self, case: str, trace: StackTrace | None, onset: datetime | None, releases: Sequence[str], keys: Mapping[str, str]
    ) -> list[Suspect]:
        """At most three suspects, for a trace, or for the place where the case failed."""
        if trace is None and case:
            trace = _place(self._deps.gate.failure(case))
        ref = self._deps.watched().branch
        return suspects.find(self._repository(), ref, trace, onset=onset, releases=releases, keys=keys)

    def places(self, trace: StackTrace | None) -> list[suspects.Place]:
        """The functions of the branch that most likely hold the mistake of a trace, best first."""
        repository = self._repository()
        return suspects.places(repository, repository.head(self._deps.watched().branch), trace) if trace else []

    def acquitted(self, releases: Sequence[str], found: Sequence[Suspect]) -> str:
        return suspects.acquitted(self._repository(), releases, found) if releases else ""

    def shown(self, fix: str) -> tuple[Proposal, list[str], str]:
        """The proposal, the files it changes, and its diff made anew."""
        repository, proposal = self._repository(), self.store.get(fix)
        return proposal, self._files(repository, proposal), repository.diff(proposal.base, proposal.tree)

    def attempts(
        self, write: Write, base: str, candidates: Sequence[tuple[str, str]], *, ranked: bool = False
    ) -> tuple[list[Attempt], Search | None]:
        """What each candidate did; and, where it is to be ranked, where the first one leads that failed as production did."""
        deps, project = self._deps, self._deps.watched()
        deps.gate.admit(write)
        failure = deps.gate.failure(write.case)
        with self._jail(write) as jail:
            repository, base = self._repository(), base or project.branch
            tried = proposals.attempts(repository, project, base, candidates, failure, jail, deps.scratch)
            shown = [(check, one.trace) for check, one in zip(candidates, tried, strict=True) if one.matches and one.trace]
            found = proposals.searched(repository, project, base, *shown[0], jail, deps.scratch) if ranked and shown else None
        self._shown += [test for (_, test), one in zip(candidates, tried, strict=True) if one.matches]
        return tried, found

    def propose(self, write: Write, draft: Mapping[str, Any]) -> tuple[Proposal, list[str], Proposal | None]:
        """The proposal with its id, recorded on the case, its files, and the option beside it that takes the suspected commit back.
        The same draft again finds the proposal there is."""
        deps, repository = self._deps, self._repository()
        deps.gate.admit(write)
        made = proposals.propose(repository, deps.watched(), write.case, draft, deps.gate.evidence(write.case), deps.policy)

        def record(added: Proposal, connection: Any) -> None:
            by = replace(write, actor=PROPOSER) if added.draft.get("takes_back") else write
            deps.gate.record(by, "proposed", told_of(added), connection)

        made, option = self._with_option(repository, write.case, made)
        proposal = self.store.add(made, deps.clock(), record, beside=option)
        if proposal.state is State.REFUTED and proposal.certificate:
            raise Refusal(f"{proposal.id} was the same and is refuted: {proposal.certificate.reason}", code="already_refuted")
        return proposal, self._files(repository, proposal), self._option(write.case)

    def _with_option(self, repository: Repository, case: str, made: Proposal) -> tuple[Proposal, Proposal | None]:
        """The proposal, and beside it the suspected commit taken back, once for each commit; or why that cannot be, told with the proposal."""
        gate = self._deps.gate
        suspect = gate.suspect(case)
        known = self._option(case)
        if not suspect or (known and known.draft["takes_back"] == suspect):
            return made, None
        try:
            option = options.without(repository, self._deps.watched(), made, suspect, gate.evidence(case), self._deps.policy)
        except Refusal as refusal:
            return replace(made, draft={**made.draft, "no_way_back": f"{suspect[:12]} is no option: {refusal}"}), None
        return made, option

    def _option(self, case: str) -> Proposal | None:
        """The newest proposal of the case that takes a suspected commit back."""
        return next((one for one in self.store.proposals(case=case) if one.draft.get("takes_back")), None)

    def certify(self, write: Write, fix: str) -> tuple[Proposal, Certificate]:
        """The proposal under the digest that a person approves, and its certificate; one that passed is not made twice. Where its base or the
        policy moved, it is made again first; what was approved of it is void then."""
        deps, proposal = self._deps, self.store.get(fix)
        write = replace(write, case=proposal.case)
        deps.gate.admit(write)
        proposal = self._up_to_date(write, proposal)
        if proposal.certificate is not None and proposal.certificate.passed and not proposal.lapsed(deps.clock()):
            return proposal, proposal.certificate
        with self._jail(write) as jail:
            made = self._examined(proposal, jail)
        made = replace(made, expires=(deps.clock() + deps.policy.offered).isoformat(timespec="seconds"))
        assert made.certificate is not None
        data = {"fix": fix, "digest": made.digest, "certificate": answers.event(made.certificate)}
        with deps.database.transaction() as connection:
            self.store.save(made, connection)
            deps.gate.record(write, "certified", data, connection)
        return made, made.certificate

    def _up_to_date(self, write: Write, proposal: Proposal) -> Proposal:
        if proposal.state in {State.APPLIED, State.ROLLED_BACK} or self.store.intent(proposal.id, "apply"):
            return proposal
        gate = self._deps.gate
        made = remade(self._repository(), proposal, gate.evidence(proposal.case), self._deps.policy)
        if made is None:
            return proposal
        gone = {"fix": proposal.id, "digest": proposal.digest, "reason": f"made again on {made.base[:12]}: the base or the policy moved"}
        with self._deps.database.transaction() as connection:
            self.store.save(made, connection)
            gate.record(write, "superseded", gone, connection)
            gate.record(write, "revert_proposed" if made.reverts else "proposed", told_of(made), connection)
        return made

    @contextmanager
    def _jail(self, write: Write) -> Generator[Jail]:
        """The sandbox. The case is charged for its runs, also where they were ended early or for nothing."""
        jail = Metered(default(self._deps.allow_bare_jail, self._deps.policy.jail))
        try:
            yield jail
        finally:
            if jail.seconds:
                with suppress(Refusal):  # of a driver whose case went to another one meanwhile
                    self._deps.gate.record(replace(write, actor=PAYER), "spent", {"sandbox_ms": jail.milliseconds})

    def _examined(self, proposal: Proposal, jail: Jail) -> Proposal:
        deps, repository = self._deps, self._repository()
        if proposal.reverts:
            return examined_revert(repository, deps.watched(), proposal, jail, deps.scratch)
        failure = deps.gate.failure(proposal.case)
        return proposals.certified(
            repository, deps.watched(), proposal, failure, jail, deps.scratch, deps.clock(), self._suites, proposal.test in self._shown
        )

    def apply(self, write: Write, fix: str) -> Proposal:
        return self._applier().apply(fix, self._admitted(write, fix))

    def open_pull_request(self, write: Write, fix: str) -> PullRequest:
        return self._applier().open_pull_request(fix, self._admitted(write, fix))

    def rollback(self, write: Write, fix: str) -> Undone:
        return self._applier().rollback(fix, self._admitted(write, fix))

    def _admitted(self, write: Write, fix: str) -> Write:
        write = replace(write, case=self.store.get(fix).case)
        self._deps.gate.admit(write)
        return write

    def _applier(self) -> Applier:
        deps, repository = self._deps, self._repository()
        place = Place(repository, lambda: self.store, deps.scratch, deps.clock, deps.watched().forge, deps.environ, self._circuit)
        return Applier(repository, self.store, deps.gate, chosen(place), deps.scratch, deps.clock, deps.policy)

    def _repository(self) -> Repository:
        return Repository.at(self._deps.watched().root)

    def _files(self, repository: Repository, proposal: Proposal) -> list[str]:
        return [change.path for change in repository.changes(proposal.base, proposal.tree)]


def _place(failure: Failure) -> StackTrace | None:
    """A trace of the one frame that a failure names; its line is not known."""
    if not failure.file:
        return None
    frame = Frame(failure.file, 0, failure.function)
    return StackTrace("", (ExceptionInfo(failure.exception, failure.message, (frame,)),))
