"""Attacks as the log tells them: failed logins by address and account, and requests that carry an injection. Single ones are the noise of the net."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote_plus

from mcp_servers.logs.anomalies import topics
from mcp_servers.logs.anomalies.anomaly import Finding, Level, Noticed
from mcp_servers.logs.anomalies.census import times
from mcp_servers.logs.anomalies.quiet import LeftAlone
from mcp_servers.logs.model import LogRecord
from mcp_servers.logs.traffic import is_access, request_of

_LONGEST = 4096
_BURST = timedelta(minutes=10)
_A_FEW, _MANY, _OVER_ALL, _ACCOUNTS = 5, 10, 50, 5
_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{1,4})(?![\w.:])", re.I)
_NAMED = re.compile(
    r"\b(?:(?:invalid |unknown )?user(?:name)?|account|login|for)[ =:]+['\"]?(?!user\b|invalid\b|from\b|name\b|the\b)([\w.@+\\-]{1,80})",
    re.I,
)
_LOGIN = re.compile(r"/(?:log-?in|sign-?in|auth\w*|session|token|wp-login\.php|xmlrpc\.php)s?(?:[/?]|$)", re.I)
_WENT_IN = re.compile(
    r"accepted (?:password|publickey)|log(?:ged|in) (?:in\b|succe)|login successful|authentication succeeded|session opened for user", re.I
)
_SUSPECT = re.compile(r"['\"<>;`|]|\.\.|\$\{|\{\{|\$\(|\(\)|%[0-9a-f]{2}|/\.|/etc/|union|select|sleep", re.I)
_ATTACKS = (
    ("SQL injection", re.compile(
        r"\bunion\b[\s/*(]+(?:all[\s/*]+)?select\b|['\"]\s*\)?\s*(?:or|and)\s+['\"(\d]|\bor\s+\d+\s*=\s*\d+|;\s*(?:drop|insert|delete|update|alter|exec)\s"
        r"|\b(?:sleep|benchmark|pg_sleep|extractvalue)\s*\(|information_schema|xp_cmdshell|waitfor\s+delay|'\s*(?:--|#|/\*)", re.I)),
    ("path traversal", re.compile(r"(?:\.\.[/\\]){2,}|\.\.[/\\].*(?:etc|passwd|win\.ini|boot\.ini)|/etc/(?:passwd|shadow)|/proc/self|\bwin\.ini\b|php://|file:///", re.I)),
    ("cross-site scripting", re.compile(r"<\s*script|javascript:|<[^>]{0,80}\bon(?:error|load|click|mouseover|focus)\s*=|<\s*(?:iframe|svg|object)\b|document\.cookie", re.I)),
    ("template or lookup injection", re.compile(r"\$\{\s*(?:jndi|lower|upper|env|sys|::-)|\{\{.{0,60}(?:\*|config|self|request|__).{0,60}\}\}|<%=.{1,60}%>|\$\{\d+\*\d+\}|__class__", re.I)),
    ("command injection", re.compile(r"[;|&`]\s*(?:cat|wget|curl|id|ls|uname|whoami|nc|bash|sh|ping)\b(?:[\s;|&]|$)|\$\((?:cat|id|curl|wget|whoami)|\(\)\s*\{\s*:", re.I)),
)  # fmt: skip
_CLIENT = (
    "client.address",
    "source.ip",
    "source.address",
    "client.ip",
    "client_ip",
    "remote_addr",
    "remote_ip",
    "net.peer.ip",
    "ip",
    "clientip",
)
_USER = ("user.name", "user.id", "enduser.id", "user.email", "username", "user", "user_id", "email", "login")


@dataclass(frozen=True, slots=True)
class _Failure:
    record: LogRecord
    address: str
    account: str


def is_failed_login(record: LogRecord) -> bool:
    """Whether a record tells of a refused login, in words or as the answer of a login route."""
    if record.trace is not None:
        return False
    if is_access(record):
        request = request_of(record)
        return request.status in (401, 403, 429) and bool(_LOGIN.search(request.target.partition("?")[0]))
    return topics.of(record.body) is topics.FAILED_LOGIN


def client_of(record: LogRecord) -> str:
    """The address that a record is about; empty when it tells none."""
    told = _attribute(record, _CLIENT)
    found = None if told else _ADDRESS.search(record.body[:500])
    return told or (found[0] if found else "")


def user_of(record: LogRecord) -> str:
    """The account or user that a record names in its attributes; empty when it names none."""
    return _attribute(record, _USER)


def address_of(record: LogRecord) -> str:
    """The client's address in the attributes of a record; empty when it names none."""
    return _attribute(record, _CLIENT)


def logins(suspects: Iterable[LogRecord], everything: Iterable[LogRecord]) -> Noticed:
    """Brute force, account enumeration and attacks on one account among the suspects; a few failures are left alone."""
    failures: defaultdict[str, list[_Failure]] = defaultdict(list)
    for record in suspects:
        if is_failed_login(record):
            failures[record.service].append(_Failure(record, client_of(record), _account(record)))
    went_in = [record for record in everything if _WENT_IN.search(record.body[:500])] if failures else []
    findings: list[Finding] = []
    left: list[LeftAlone] = []
    for service, found in failures.items():
        told = _attacks(service, found, went_in)
        findings += told
        if not told:
            where = f" in {service}" if service else ""
            left.append(LeftAlone(f"failed logins{where}", f"people mistype: at most {_A_FEW - 1} failed logins of one address or account in ten minutes", len(found)))  # fmt: skip
    return Noticed(tuple(findings), tuple(left))


def injections(accesses: Iterable[LogRecord]) -> Noticed:
    """Requests whose URL carries an attack, by kind; told when they come in a burst or when one of them broke the service."""
    seen: defaultdict[tuple[str, str], list[LogRecord]] = defaultdict(list)
    for record in accesses:
        if attack := attack_of(record):
            seen[record.service, attack].append(record)
    findings: list[Finding] = []
    left: list[LeftAlone] = []
    for (service, attack), found in seen.items():
        broke = sum(request_of(record).status >= 500 for record in found)
        if broke or _in_burst(found) >= _A_FEW:
            findings.append(_attempts(service, attack, found, broke))
        else:
            left.append(LeftAlone(f"{attack} attempts in {service or 'the log'}", "scanners try this everywhere: no burst, and nothing broke by it", len(found)))  # fmt: skip
    return Noticed(tuple(findings), tuple(left))


def attack_of(record: LogRecord) -> str:
    """Which attack the URL of a request carries; empty for none."""
    target = request_of(record).target[:_LONGEST]
    if not target or not _SUSPECT.search(target):
        return ""
    text = unquote_plus(unquote_plus(target))
    return next((name for name, words in _ATTACKS if words.search(text)), "")


def _attacks(service: str, failures: Sequence[_Failure], went_in: Sequence[LogRecord]) -> list[Finding]:
    by_address, by_account = _grouped(failures, "address"), _grouped(failures, "account")
    loud = {address: found for address, found in by_address.items() if address and _told(found)}
    where = f" in {service}" if service else ""
    findings: list[Finding] = []
    for kind in ("account enumeration", "brute force"):
        chosen = {address: found for address, found in loud.items() if (_names(found) >= _ACCOUNTS) == (kind == "account enumeration")}
        if chosen:
            findings.append(_attack(service, f"{kind}: failed logins of {_listed(chosen)}{where}", chosen, went_in))
    covered = {id(failure) for found in loud.values() for failure in found}
    accounts = {
        account: rest
        for account, found in by_account.items()
        if account and _told(rest := [failure for failure in found if id(failure) not in covered])
    }
    if accounts:
        findings.append(_attack(service, f"attack on an account: failed logins as {_listed(accounts)}{where}", accounts, went_in))
    nameless = [failure for failure in failures if not failure.address and not failure.account]
    if not findings and _in_burst([failure.record for failure in nameless]) >= _MANY:
        findings.append(_attack(service, f"many failed logins{where}", {"": nameless}, went_in))
    return findings


def _attack(service: str, title: str, found: dict[str, list[_Failure]], went_in: Sequence[LogRecord]) -> Finding:
    failures = [failure for some in found.values() for failure in some]
    records = [failure.record for failure in failures]
    addresses = {failure.address for failure in failures if failure.address}
    first = next((record.timestamp for record in records if record.timestamp), None)
    succeeded = [one for one in went_in if client_of(one) in addresses and first and one.timestamp and one.timestamp > first]
    many = succeeded or max(_in_burst([failure.record for failure in some]) for some in found.values()) >= _MANY
    level: Level = "HIGH" if many else "MEDIUM"
    told = f"{len(failures)} failed logins from {len(addresses) or 'unknown'} {'address' if len(addresses) == 1 else 'addresses'} as {_names(failures) or 'unknown'} {'account' if _names(failures) == 1 else 'accounts'}."
    if succeeded:
        told += f" {len(succeeded)} logins of the same addresses succeeded afterwards: look at them first."
    numbers = {"addresses": len(addresses), "accounts": _names(failures), "succeeded": len(succeeded)}
    return Finding(
        "security", level, service, title[:160], told, len(failures), tuple(records), None, numbers, first, error_type="security"
    )


def _attempts(service: str, attack: str, found: Sequence[LogRecord], broke: int) -> Finding:
    clients = Counter(client_of(record) for record in found if client_of(record))
    whom = f" from {_listed(clients)}" if clients else ""
    statuses = ", ".join(
        f"{number} with {status}" for status, number in sorted(Counter(request_of(record).status for record in found).items())
    )
    told = f"{len(found)} requests carry it; they ended {statuses}." + (
        " What ended with 5xx broke the service by its input." if broke else ""
    )
    ordered = sorted(found, key=lambda record: request_of(record).status < 500)
    first = next(iter(times(found)), None)
    title = f"{attack} attempts in {service or 'the log'}{whom}"[:160]
    numbers = {"clients": len(clients), "broke": broke}
    return Finding("security", "HIGH" if broke else "MEDIUM", service, title, told, len(found), tuple(ordered), None, numbers, first, error_type="security")  # fmt: skip


def _told(found: Sequence[_Failure]) -> bool:
    return len(found) >= _OVER_ALL or _in_burst([failure.record for failure in found]) >= _A_FEW


def _in_burst(records: Sequence[LogRecord]) -> int:
    """The most that came within ten minutes (all, when no times are known)."""
    moments = times(records)
    return max((bisect_left(moments, start + _BURST) - place for place, start in enumerate(moments)), default=len(records))


def _grouped(failures: Sequence[_Failure], by: str) -> dict[str, list[_Failure]]:
    found: defaultdict[str, list[_Failure]] = defaultdict(list)
    for failure in failures:
        found[getattr(failure, by)].append(failure)
    return dict(found)


def _names(failures: Sequence[_Failure]) -> int:
    return len({failure.account for failure in failures if failure.account})


def _listed(found: Iterable[str]) -> str:
    names = list(found)
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _account(record: LogRecord) -> str:
    told = user_of(record)
    found = None if told else _NAMED.search(record.body[:500])
    return told or (found[1] if found else "")


def _attribute(record: LogRecord, names: Sequence[str]) -> str:
    if not record.attributes:
        return ""
    return next((str(value) for name in names if (value := record.attributes.get(name)) not in (None, "", "-")), "")
