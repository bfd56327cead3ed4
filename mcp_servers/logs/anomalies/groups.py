"""Records that report the same thing, as one group: errors with a stack by coarse fingerprint, requests by route, the rest by template."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from mcp_servers.kit.stack import StackTrace
from mcp_servers.logs import fingerprint
from mcp_servers.logs.anomalies.kinds import kind_of
from mcp_servers.logs.anomalies.signals import Marked, Signal
from mcp_servers.logs.fingerprint import Fingerprint
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.templates import Miner, Template
from mcp_servers.logs.traffic import answered, request_of

_LONGEST_TITLE = 160
_LONGEST_LINE = 2048
_EVENT_WITH_ID = re.compile(r"\b(?:event|message|msg|job|order|task|delivery|webhook|id)\b[\s_:=#]*[\w-]*\d", re.I)
_MANY = 10

Key = tuple[str, Signal, str]


@dataclass
class Group:
    """`records` of the window and how often the same was seen in the baseline; `template` is what its messages share."""

    service: str
    signal: Signal
    key: str
    template: Template
    records: list[LogRecord]
    before: list[LogRecord] = field(default_factory=list[LogRecord])

    @property
    def count(self) -> int:
        return len(self.records)

    @cached_property
    def trace_ids(self) -> frozenset[str]:
        return frozenset(record.trace_id for record in self.records if record.trace_id)

    @cached_property
    def lead(self) -> LogRecord:
        """The record that tells most: with a frame of ours, with a stack, the first."""
        return max(self.records, key=lambda record: (_in_app(record.trace) > 0, record.trace is not None))

    @cached_property
    def fingerprint(self) -> Fingerprint | None:
        """The most frequent fingerprint: messages of one template may differ in words."""
        found = Counter(one for record in self.records[:200] if (one := fingerprint.of(record)) is not None)
        return min(found, key=lambda one: (-found[one], one.coarse, one.fine), default=None)

    @cached_property
    def times(self) -> list[datetime]:
        return sorted(record.timestamp for record in self.records if record.timestamp is not None)

    @cached_property
    def first_by_trace(self) -> dict[str, datetime]:
        first: dict[str, datetime] = {}
        for record in self.records:
            if record.trace_id and record.timestamp is not None:
                first[record.trace_id] = min(record.timestamp, first.get(record.trace_id, record.timestamp))
        return first

    @property
    def depth(self) -> int:
        """How many frames of ours its stack shows."""
        return _in_app(self.lead.trace)

    @property
    def title(self) -> str:
        trace = self.lead.trace
        if trace is None:
            told = self.template.text if self.signal in (Signal.FAILED_REQUEST, Signal.CLIENT_ERROR) else headline(self.lead, self.signal)
            return told[:_LONGEST_TITLE]
        frame = trace.top_in_app
        place = f" in {frame.function}" if frame and frame.function else ""
        return f"{_bare(trace.root.type)}{place}: {_first_line(trace.root.message)}".removesuffix(": ")[:_LONGEST_TITLE]


def collect(window: Sequence[Marked], baseline: Sequence[Marked]) -> list[Group]:
    """The groups of everything in the window that hints at something, in the order of their first record."""
    hints = [one for one in (*window, *_repeated(window)) if one[1]]
    past = [one for one in baseline if one[1]]
    miner = Miner()
    numbers = [_counted(record, signal, miner) for record, signal in (*hints, *past)]
    members: defaultdict[Key, list[LogRecord]] = defaultdict(list)
    templates: dict[Key, Template] = {}
    for (record, signal), number in zip(hints, numbers, strict=False):
        template = miner.template_of(number)
        key = record.service, signal, _identity(record, signal, template)
        members[key].append(record)
        templates.setdefault(key, template)
    before: defaultdict[Key, list[LogRecord]] = defaultdict(list)
    for (record, signal), number in zip(past, numbers[len(hints) :], strict=True):
        before[record.service, signal, _identity(record, signal, miner.template_of(number))].append(record)
    return [_group(key, found, before.get(key, []), templates[key]) for key, found in members.items()]


def headline(record: LogRecord, signal: Signal) -> str:
    """The one line that tells a record apart: type and message of its root error, the route and status of a request, or its text."""
    if record.trace is not None:
        return f"{_bare(record.trace.root.type)}: {_first_line(record.trace.root.message)}"
    if signal in (Signal.FAILED_REQUEST, Signal.CLIENT_ERROR):
        return answered(request_of(record))
    return _first_line(record.body)


def _repeated(window: Sequence[Marked]) -> list[Marked]:
    """Events of one id that were reported again and again though nothing says so."""
    quiet = [record for record, signal in window if not signal and _EVENT_WITH_ID.search(record.body[:_LONGEST_LINE])]
    counts = Counter((record.service, record.body) for record in quiet)
    return [(record, Signal.DUPLICATE) for record in quiet if counts[record.service, record.body] > _MANY]


def _counted(record: LogRecord, signal: Signal, miner: Miner) -> int:
    number = kind_of(record, headline(record, signal), miner)
    miner.count(number, 1, record.timestamp, record.timestamp)
    return number


def _identity(record: LogRecord, signal: Signal, template: Template) -> str:
    if signal in (Signal.FAILED_REQUEST, Signal.CLIENT_ERROR):
        return headline(record, signal)
    if record.trace is not None:
        found = fingerprint.of(record)
        return found.coarse if found else ""
    resource = fingerprint.resource_of(record) if signal == Signal.ERROR else ""
    return resource or template.id


def _group(key: Key, records: list[LogRecord], before: list[LogRecord], template: Template) -> Group:
    service, signal, identity = key
    if signal in (Signal.FAILED_REQUEST, Signal.CLIENT_ERROR):
        text = headline(records[0], signal)
        template = Template(sha256(text.encode()).hexdigest()[:12], text, len(records), None, None, records[0].body)
    return Group(service, signal, identity, template, records, before)


def _in_app(trace: StackTrace | None) -> int:
    return sum(frame.in_app for exception in trace.exceptions for frame in exception.frames) if trace else 0


def _bare(kind: str) -> str:
    return kind.rpartition(".")[2]


def _first_line(text: str) -> str:
    return next((line.strip() for line in text[:_LONGEST_LINE].splitlines() if line.strip()), "")
