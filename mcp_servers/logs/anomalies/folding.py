"""One failing request, one problem: what else the same requests said belongs to it, and what its callers said follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mcp_servers.logs import fingerprint
from mcp_servers.logs.anomalies.groups import Group
from mcp_servers.logs.anomalies.signals import Signal

_SAME = 0.8
_COVERED = 0.9
_LIFT = 1.5


@dataclass(slots=True)
class Problem:
    """A leading group with the groups of the same requests, which are symptoms of it."""

    lead: Group
    also: list[Group] = field(default_factory=list[Group])


@dataclass(frozen=True, slots=True)
class Folded:
    """What leads, the groups left over (symptoms of no problem), and what only follows from deeper problems."""

    problems: list[Problem]
    others: list[Group]
    consequences: list[tuple[Group, tuple[Group, ...]]]


def fold(groups: Sequence[Group], all_requests: Iterable[str]) -> Folded:
    """Errors lead, the deepest first; a symptom joins the error whose requests it shares, whichever it fits best."""
    errors = [group for group in groups if group.signal in (Signal.ERROR, Signal.FAILED_REQUEST)]
    ordered = sorted(errors, key=lambda group: (-_rank(group, errors), group.signal, group.service, group.key))
    problems: list[Problem] = []
    consequences: list[tuple[Group, tuple[Group, ...]]] = []
    for group in ordered:
        same = next((problem for problem in problems if _same_requests(problem.lead, group)), None)
        causes = _causes(group, [problem.lead for problem in problems])
        if same is not None:
            same.also.append(group)
        elif causes:
            consequences.append((group, causes))
        else:
            problems.append(Problem(group))
    others = _join([group for group in groups if group not in errors], problems, set(all_requests))
    return Folded(problems, others, consequences)


def deeper(one: Group, other: Group) -> bool:
    """Whether the first is nearer the cause: it alone shows our code, or it was logged first by most of the requests they share."""
    if bool(one.depth) != bool(other.depth):
        return bool(one.depth)
    if one.signal != other.signal:
        return one.signal == Signal.ERROR
    shared = one.first_by_trace.keys() & other.first_by_trace.keys()
    lead = sum(
        (one.first_by_trace[trace] < other.first_by_trace[trace]) - (one.first_by_trace[trace] > other.first_by_trace[trace])
        for trace in shared
    )
    return lead > 0 or (lead == 0 and one.depth > other.depth)


def _rank(group: Group, errors: Sequence[Group]) -> int:
    """How many of the errors it shares requests with it is deeper than."""
    rivals = [other for other in errors if other is not group and other.trace_ids & group.trace_ids]
    return sum(1 if deeper(group, other) else -1 for other in rivals) + 2 * len(errors) * (group.depth > 0)


def _same_requests(one: Group, other: Group) -> bool:
    union = one.trace_ids | other.trace_ids
    return bool(union) and len(one.trace_ids & other.trace_ids) >= _SAME * len(union)


def _causes(group: Group, leads: Sequence[Group]) -> tuple[Group, ...]:
    """The deeper problems that together explain at least nine in ten of a group's requests, the largest first."""
    if starving := [lead for lead in leads if _starves(lead, group)]:
        return tuple(starving)
    if not group.trace_ids:
        return _causes_without_ids(group, leads)
    causes = [lead for lead in leads if lead.trace_ids & group.trace_ids and deeper(lead, group)]
    covered = group.trace_ids.intersection(*[frozenset[str]().union(*(cause.trace_ids for cause in causes))])
    if not causes or len(covered) < _COVERED * len(group.trace_ids):
        return ()
    return tuple(sorted(causes, key=lambda cause: (-len(cause.trace_ids & group.trace_ids), cause.key)))


_CUT_OFF = re.compile(r"Timeout|TimedOut|Connect|Connection|ReadError|WriteError|Protocol|Disconnected|Reset|Refused|BrokenPipe")


def _starves(lead: Group, group: Group) -> bool:
    """Whether a process that ran out of a resource explains the group: what failed later in it outside our code, or what its callers missed."""
    if not lead.times or not group.times or group.times[0] < lead.times[0] or not fingerprint.resource_of(lead.lead):
        return False
    if group.service == lead.service:
        return group.depth == 0 and group.signal == Signal.ERROR
    trace = group.lead.trace
    return group.signal == Signal.FAILED_REQUEST or (trace is not None and any(_CUT_OFF.search(e.type) for e in trace.exceptions))


def _causes_without_ids(group: Group, leads: Sequence[Group]) -> tuple[Group, ...]:
    """An access log without ids cannot be joined; failed requests of a service that logged as many errors are these errors."""
    if group.signal != Signal.FAILED_REQUEST:
        return ()
    logged = [lead for lead in leads if lead.signal == Signal.ERROR and lead.service == group.service]
    return tuple(logged) if sum(lead.count for lead in logged) >= _SAME * group.count else ()


def _join(symptoms: Sequence[Group], problems: Sequence[Problem], all_requests: set[str]) -> list[Group]:
    left: list[Group] = []
    for symptom in symptoms:
        fits = [(share, problem) for problem in problems if (share := _fit(symptom, problem.lead, all_requests))]
        if fits and symptom.signal not in (Signal.DEPRECATION, Signal.CLIENT_ERROR):
            max(fits, key=lambda fit: fit[0])[1].also.append(symptom)
        else:
            left.append(symptom)
    return left


def _fit(symptom: Group, lead: Group, all_requests: set[str]) -> float:
    """The larger share that symptom and error have of each other's requests; 0 when that may be chance or is what every request says."""
    both = len(symptom.trace_ids & lead.trace_ids)
    if not both:
        return 0.0
    of_error, of_symptom = both / len(lead.trace_ids), both / len(symptom.trace_ids)
    usual = len(symptom.trace_ids) / max(len(all_requests | symptom.trace_ids | lead.trace_ids), 1)
    telling = of_symptom >= _SAME or (of_error >= _SAME and of_error >= _LIFT * usual)
    return max(of_error, of_symptom) if telling else 0.0
