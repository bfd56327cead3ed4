"""What is counted before and after a fix, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.logs import fingerprint
from mcp_servers.logs.model import LogRecord, Severity
from mcp_servers.logs.verdicts.paths import folded
from mcp_servers.logs.verdicts.verdict import Clumping, compare
from mcp_servers.logs.verdicts.verification import Comparison, exposures

FIXED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOW = FIXED + timedelta(hours=1)


def thrown(kind: str = "KeyError", function: str = "total") -> StackTrace:
    return StackTrace("python", (ExceptionInfo(kind, "'tax'", (Frame("/srv/shop/cart.py", 7, function),)),))


def error(minute: float, trace_id: str = "", kind: str = "KeyError", path: str = "", release: str = "") -> LogRecord:
    attributes = {"http.request.method": "POST", "url.path": path} if path else {}
    at = FIXED + timedelta(minutes=minute)
    return LogRecord(at, Severity.ERROR, "failed", "api", trace_id, release, attributes=attributes, trace=thrown(kind))


def access(minute: float, path: str, trace_id: str = "", release: str = "", status: int = 200) -> LogRecord:
    attributes = {"http.request.method": "POST", "url.path": path, "http.response.status_code": status}
    return LogRecord(FIXED + timedelta(minutes=minute), Severity.INFO, "request", "api", trace_id, release, attributes=attributes)


def compared(records: list[LogRecord], since: datetime | None = FIXED - timedelta(hours=1), release: str = "") -> Comparison:
    found = fingerprint.of(error(0))
    assert found is not None
    return exposures(records, coarse=found.coarse, since=since, fixed_at=FIXED, now=NOW, release=release)


@pytest.mark.promise("S0.19")
def test_only_requests_that_take_the_code_path_are_chances():
    failing = [one for n in range(20) for one in (error(-40 + n, f"t{n}"), access(-40 + n, "/carts/7/pay", f"t{n}", status=500))]
    seen = compared(
        [*failing, *(access(n / 9, "/health") for n in range(-300, 300)), *(access(n, f"/carts/{n}/pay") for n in range(1, 31))]
    )

    assert seen.paths == ("POST /carts/<*>/pay",)
    assert (seen.before.events, seen.before.requests, seen.after.requests) == (20, 20, 30)


def test_the_path_is_known_whichever_of_the_two_records_comes_first():
    early, late = error(-30, "a"), error(-20, "b")
    seen = compared([access(-30, "/pay", "a", status=500), early, late, access(-20, "/pay", "b", status=500), access(5, "/pay")])

    assert (seen.paths, seen.before.requests, seen.after.requests) == (("POST /pay",), 2, 1)


def test_many_names_in_one_place_of_a_path_are_one_route():
    routes = folded({*(f"GET /shops/{name}/items" for name in "abcdefghijkl"), "GET /shops/a/owner", "GET /help"})

    assert set(routes.values()) == {"GET /shops/<*>/items", "GET /shops/a/owner", "GET /help"}


@pytest.mark.promise("S0.19")
def test_what_one_request_or_one_second_repeats_counts_once():
    of_one_request = [error(-30 + n / 100, "t1") for n in range(50)]
    storm = [error(-20 + n / 60_000) for n in range(40)]
    seen = compared([*of_one_request, *storm, error(-10, "t2")])

    assert (seen.before.events, seen.merged) == (3, 88)


def test_a_second_with_four_failed_requests_holds_four_errors():
    storm = [error(-20 + n / 60_000) for n in range(40)]
    failed = [access(-20 + n / 60_000, "/pay", status=500) for n in range(4)]

    assert compared([*storm, *failed]).before.events == 4


def test_a_line_without_a_trace_id_is_not_counted_beside_the_request_it_belongs_to():
    told_twice = [one for n in range(20) for one in (error(-40 + n, f"t{n}"), error(-40 + n), access(-40 + n, "/pay", f"t{n}", status=500))]

    assert compared(told_twice).before.events == 20


def test_requests_that_ended_well_are_not_events_of_a_failed_one():
    requests = [access(n, "/pay", status=502 if n < 0 and n % 2 else 200) for n in range(-40, 40)]
    failed = fingerprint.of(access(0, "/pay", status=502))
    assert failed is not None
    seen = exposures(requests, coarse=failed.coarse, since=FIXED - timedelta(hours=1), fixed_at=FIXED, now=NOW)

    assert (seen.before.events, seen.before.requests, seen.after.events, seen.after.requests) == (20, 40, 0, 40)


def test_a_service_with_releases_of_its_own_goes_on_to_serve_its_path():
    def page(minute: float, status: int) -> LogRecord:
        return replace(access(minute, "/", status=status, release="web-7"), service="web")

    web = [page(n, 502 if n < 0 else 200) for n in range(-40, 40)]
    api = [access(n, "/pay", release="r1" if n < 0 else "r2") for n in range(-40, 40)]
    failed = fingerprint.of(page(0, 502))
    assert failed is not None
    seen = exposures([*web, *api], coarse=failed.coarse, since=FIXED - timedelta(hours=1), fixed_at=FIXED, now=NOW, release="r2")

    assert (seen.after.requests, seen.after.minutes) == (40, 60)


def test_errors_that_come_in_bursts_are_told_as_clumped_and_steady_ones_are_not():
    bursts = [error(-60 + 15 * burst + n / 20, f"{burst}-{n}") for burst in range(4) for n in range(20)]
    steady = [error(-60 + 0.75 * n, f"s{n}") for n in range(80)]

    assert compared(bursts).clumping.before > 3
    assert compared(steady).clumping == Clumping(1, 1)


def test_without_a_begin_the_first_event_is_the_begin_and_no_evidence():
    seen = compared([access(-200, "/pay"), error(-50, "a"), error(-30, "b")], since=None)

    assert (seen.before.minutes, seen.before.events, seen.opening) == (50, 2, 1)


def test_a_begin_at_the_first_event_makes_it_no_evidence_either():
    records = [error(-50, "a"), error(-30, "b")]
    assert compared(records, since=FIXED - timedelta(minutes=50)).opening == 1
    assert compared(records, since=FIXED - timedelta(minutes=51)).opening == 0


@pytest.mark.promise("S0.19")
def test_a_release_that_nobody_has_heard_of_has_no_exposure():
    seen = compared([*(error(-50 + n, f"t{n}", release="r1") for n in range(30)), access(5, "/pay", release="r1")], release="r2")

    verdict = compare(seen.before, seen.after, clumping=seen.clumping, opening=seen.opening)
    assert (seen.after.minutes, verdict.word) == (0, "no_exposure")


@pytest.mark.promise("S0.19")
def test_a_new_error_on_the_fixed_path_is_told_and_one_elsewhere_is_not():
    before = [one for n in range(20) for one in (error(-40 + n, f"t{n}", path="/pay"), access(-40 + n, "/pay", f"t{n}", status=500))]
    after = [error(5, "n1", "TypeError", "/pay"), error(6, "n2", "TypeError", "/pay"), error(7, "n3", "OSError", "/help")]
    seen = compared([*before, access(5, "/pay", "n1"), access(7, "/help", "n3"), *after, error(-5, "old", "IndexError", "/pay")])

    assert [(new.title.rpartition(" | ")[2], new.count) for new in seen.fresh] == [("TypeError: 'tax'", 2)]
