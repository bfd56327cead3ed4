"""What looks like a problem and is none: a retry that worked, an expected refusal, a warning with no failed request behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_servers.logs.anomalies import signals, topics
from mcp_servers.logs.anomalies.groups import Group
from mcp_servers.logs.anomalies.signals import Marked, Signal
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import Traffic

_MOSTLY = 0.9
_NEXT = 3


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Something that was seen and is not worth a case, with the reason in plain words."""

    title: str
    reason: str
    count: int


class Outcomes:
    """How requests ended, and what a service said next when no id joins its records."""

    def __init__(self, window: Sequence[Marked], traffic: Traffic) -> None:
        self._signal: dict[int, Signal] = {}
        self._last_of_trace: dict[str, LogRecord] = {}
        self._failed = traffic.failed()
        self._of_service: defaultdict[str, list[LogRecord]] = defaultdict(list)
        self._position: dict[int, int] = {}
        for record, signal in window:
            self._signal[id(record)] = signal
            if record.trace_id:
                self._last_of_trace[record.trace_id] = record
                if signal == Signal.ERROR and not signals.says_retry(record):
                    self._failed.add(record.trace_id)
            self._position[id(record)] = len(self._of_service[record.service])
            self._of_service[record.service].append(record)

    def settled(self, group: Group) -> str:
        """Why a group is no problem whatever else is found; empty when it may be one."""
        if group.signal == Signal.DEPRECATION:
            return "a deprecation warning: it announces a change, and nothing failed by it"
        retries = [record for record in group.records if signals.says_retry(record)]
        if not retries or len(retries) < _MOSTLY * group.count:
            return ""
        worked = sum(self._came_right(record) for record in retries)
        return "a retry that succeeded: what was tried again worked afterwards" if worked >= _MOSTLY * len(retries) else ""

    def _came_right(self, record: LogRecord) -> bool:
        if record.trace_id:
            last = self._last_of_trace[record.trace_id]
            return record.trace_id not in self._failed and last is not record and self._signal[id(last)] not in (Signal.ERROR, Signal.RETRY)
        following = self._of_service[record.service][self._position[id(record)] + 1 :][:_NEXT]
        return any(signals.says_success(later) for later in following)


def reason_to_leave(group: Group) -> str:
    """The plain words for a group that no rule made an anomaly."""
    if group.signal == Signal.CLIENT_ERROR:
        return "an expected refusal: the service answered a client's mistake with 4xx, as it should"
    rule = topics.of(group.lead.body)
    if rule and group.signal == Signal.CONCERN and group.count < rule.enough:
        return f"seen {_times(group.count)}: fewer than {rule.enough} of {rule.name} are what every day brings"
    if rule and group.before and group.signal != Signal.ERROR:
        return f"as often as ever: the baseline holds {len(group.before)} of it"
    if group.signal in (Signal.ERROR, Signal.FAILED_REQUEST):
        return f"seen {_times(group.count)} without a stack trace: fewer than three are not worth a case yet"
    if group.signal in (Signal.TRUNCATION, Signal.SLOW, Signal.DUPLICATE):
        return f"seen {_times(group.count)} only, and no request failed by it"
    if group.signal == Signal.RETRY:
        return "a retry, and no request failed by it"
    return "a warning only: no request failed by it"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
