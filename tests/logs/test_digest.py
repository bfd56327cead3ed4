from __future__ import annotations

from mcp_servers.logs import stacktrace
from mcp_servers.logs.digest import Digest, text_of
from mcp_servers.logs.model import LogRecord, Severity


def record(body: str, severity: Severity = Severity.INFO, service: str = "api") -> LogRecord:
    return LogRecord(None, severity, body, service, trace=stacktrace.parse(body))


def digested(*records: LogRecord) -> Digest:
    digest = Digest()
    for one in records:
        digest.add(one)
    return digest


def test_grave_and_rare_comes_first_then_the_bulk() -> None:
    bulk = [record(f"order {n} stored") for n in range(50)]
    failed = [record(f"job {n} failed", Severity.ERROR) for n in range(9)]

    lines = digested(record("started"), *bulk, *failed, record("disk is full", Severity.ERROR), record("slow", Severity.WARN)).lines()

    assert [(line.template.count, line.template.text) for line in lines] == [
        (1, "disk is full"),
        (9, "job <*> failed"),
        (1, "slow"),
        (50, "order <*> stored"),
        (1, "started"),
    ]


def test_counts_add_up_and_each_record_finds_its_template() -> None:
    records = [record(f"order {n} stored", service=f"s{n % 3}") for n in range(60)]
    digest = digested(*records)

    assert sum(line.template.count for line in digest.lines()) == digest.records == 60
    assert {digest.template_of(one) for one in records} == {line.template.id for line in digest.lines()}
    assert digest.template_of(record("order 1 stored", service="unknown")) == ""


def test_a_trace_is_told_by_its_cause_in_one_line() -> None:
    trace = 'Traceback (most recent call last):\n  File "/app/shop.py", line 3, in total\n    x.y\nAttributeError: no y'

    assert text_of(record(trace)) == "AttributeError: no y"
    assert text_of(record(f"request failed\n{trace}")) == "request failed | AttributeError: no y"
    assert text_of(record("")) == "(no message)"
