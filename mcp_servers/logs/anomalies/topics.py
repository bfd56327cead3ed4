"""Words that name a problem whatever the severity of their line: closed vocabularies, one configuration, each with its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Topic = Literal["error", "security", "resource", "business", "infrastructure"]

_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class Rule:
    """What such lines are called, how many of one kind in a window are told, how grave that is, and whether code or configuration could end it.

    A message that holds none of the `hints` (lower case) is not searched for the words: most lines cost no regular expression.
    """

    topic: Topic
    name: str
    enough: int
    level: Literal["HIGH", "MEDIUM", "LOW"]
    healable: bool
    hints: tuple[str, ...]
    words: re.Pattern[str]


def _rule(
    topic: Topic, name: str, enough: int, level: Literal["HIGH", "MEDIUM", "LOW"], hints: str, words: str, *, healable: bool = False
) -> Rule:
    return Rule(topic, name, enough, level, healable, tuple(hints.split("|")), re.compile(words, re.I))


FAILED_LOGIN = _rule(
    "security", "failed logins", 5, "MEDIUM",
    "password|publickey|login|log-in|logon|authenti|invalid|credential|sign-in|signin|access denied for|user unknown|sign in",
    r"failed (?:password|publickey|keyboard-interactive|login|logon|sign-?in|authentication)|(?:login|logon|log-in|sign-?in) (?:attempt )?(?:failed|failure|rejected)"
    r"|authentication (?:failure|failed|error)|failed to authenticate|invalid (?:user|username|credentials?|password|login)|bad (?:credentials|password)"
    r"|(?:incorrect|wrong) (?:user|password|credentials)|password (?:mismatch|check failed|is incorrect)|access denied for user|user unknown|maximum authentication attempts",
)  # fmt: skip

RULES = (
    FAILED_LOGIN,
    _rule("security", "suspicious activity", 3, "MEDIUM",
        "break|sudoers|csrf|locked|too many|brute|injection|escalation|reuse|replay|traversal|signature|jwt|blocked|modsecurity",
        r"break-?in attempt|not in (?:the )?sudoers|csrf.{0,30}(?:mismatch|fail|invalid|missing)|account (?:is |was |has been )?locked|too many (?:failed )?(?:login|authentication|password)"
        r"|brute.?force|(?:sql|code|command) injection|privilege escalation|(?:token|nonce) (?:reuse|replay)|path traversal|(?:jwt|token|webhook|request) signature (?:is )?(?:invalid|mismatch)"
        r"|invalid (?:jwt|(?:webhook|request|token) signature)|blocked by (?:waf|mod_?security)|ModSecurity: Access denied"),
    _rule("resource", "a process was killed for its memory", 1, "HIGH",
        "oom|killed|sigkill|137|out of memory",
        r"out of memory: kill|oom[-_ ]?kill|OOMKilled|oom_reaper|killed process \d+|exit(?:ed)?(?: with)?(?: code| status)? ?[=:]? ?137\b|worker .{0,40}\bSIGKILL\b"),
    _rule("resource", "memory ran out", 1, "HIGH",
        "heap|memory|gc overhead",
        r"java heap space|heap out of memory|gc overhead limit|OutOfMemoryError|allowed memory size of|memory (?:is )?exhausted|cannot allocate memory|\bMemoryError\b|out of memory\b",
        healable=True),
    _rule("resource", "a disk is full", 1, "HIGH",
        "space|enospc|disk|filesystem|quota|file system|extend file", r"no space left on device|\bENOSPC\b|disk (?:is |was )?full|disk quota exceeded|file ?system.{0,30}\bfull\b|could not extend file"),
    _rule("resource", "inodes ran out", 1, "HIGH",
        "inode", r"(?:out of|no (?:free|more)) inodes?|inodes?.{0,20}(?:exhausted|\bfull\b|100 ?%)"),
    _rule("resource", "too many files are open", 1, "HIGH",
        "open files|emfile|enfile|descriptor", r"too many open files|\bE[MN]FILE\b|file descriptors?.{0,20}exhausted", healable=True),
    _rule("resource", "a pool or a queue is exhausted", 2, "HIGH",
        "pool|queue|slots|rejectedexec|maxrequest|max_children|worker_conn|too many cl|too many con|connection is not|no free|no idle|no avail",
        r"\bpool\b.{0,40}(?:exhausted|timed out|\bfull\b|limit)|QueuePool limit|Connection is not available, request timed out|too many (?:clients|connections)\b|remaining connection slots"
        r"|RejectedExecution|thread ?pool.{0,30}(?:exhausted|\bfull\b|saturated)|queue (?:is )?full|no (?:free|idle|available) (?:threads?|workers?|connections?)"
        r"|MaxRequestWorkers|server reached pm\.max_children|worker_connections are not enough", healable=True),
    _rule("resource", "the processor is throttled", 3, "MEDIUM",
        "throttl|lockup|load average", r"cpu.{0,20}throttl|throttl\w* .{0,20}\bcpu\b|soft lockup|load average.{0,20}(?:too )?high"),
    _rule("business", "declined payments", 5, "MEDIUM",
        "declined|funds|honor|honour", r"\b(?:card|payment|charge|transaction)s?\b.{0,30}\bdeclined|insufficient funds|do not honou?r"),
    _rule("business", "failing payments", 3, "HIGH",
        "payment|charge|refund|billing|invoice|capture|to bill",
        r"\b(?:payment|charge|refund|billing|invoice)\w*\b.{0,40}\b(?:fail(?:ed|ure|s|ing)?|error|rejected|timed? ?out|not (?:processed|captured|completed))"
        r"|fail(?:ed|ure|s)? to (?:charge|refund|capture|process (?:the )?payment|bill)", healable=True),
    _rule("business", "failing checkouts", 3, "HIGH",
        "checkout", r"\bcheckout\b.{0,40}\b(?:fail(?:ed|ure|s|ing)?|error|abort(?:ed)?|timed? ?out|abandoned after)", healable=True),
    _rule("business", "failing form submissions", 3, "MEDIUM",
        "form|submi",
        r"\bform\b.{0,40}\b(?:fail(?:ed|ure|s)?|error|rejected|not (?:sent|saved|submitted))|submission.{0,20}(?:fail|reject|error)|fail(?:ed|ure)? to submit", healable=True),
    _rule("business", "stuck orders", 3, "MEDIUM",
        "order|shipment|delivery|booking|subscription|oversold|mismatch",
        r"\b(?:order|shipment|delivery|booking|subscription)s?\b.{0,40}(?:\bstuck\b|not (?:shipped|fulfilled|processed|delivered|paid)|pending (?:for|since)|could not be|\bfail(?:ed|ure|s)?\b)|oversold|stock mismatch",
        healable=True),
    _rule("infrastructure", "a certificate expires or is refused", 1, "HIGH",
        "certificate|x509|ssl|tls|issuer",
        r"certificate.{0,30}(?:\bexpire[sd]?\b|verify failed|not yet valid)|x509:|(?:ssl|tls).{0,30}handshake.{0,20}fail|unable to get local issuer"),
    _rule("infrastructure", "names do not resolve", 3, "HIGH",
        "resol|enotfound|eai_again|getaddrinfo|nxdomain|servfail|such host|unknown host",
        r"name resolution|\bENOTFOUND\b|\bEAI_AGAIN\b|no such host|getaddrinfo|\bNXDOMAIN\b|\bSERVFAIL\b|could not resolve host|unknown host"),
    _rule("infrastructure", "connections are refused or lost", 3, "HIGH",
        "refused|reset|aborted|econn|connect|sqlstate|unreachable|gone away|no route",
        r"connection (?:was )?(?:refused|reset by peer|aborted)|\bECONN(?:REFUSED|RESET|ABORTED)\b|(?:could not|can't|cannot|unable to|failed to) connect|lost connection to|server has gone away"
        r"|SQLSTATE\[(?:HY000|08\w{3})\]|no route to host|(?:host|network) (?:is )?unreachable"),
    _rule("infrastructure", "a service is unavailable", 3, "HIGH",
        "unavailable|upstream|circuit|gateway|crashloop|back-off|probe|read-only|health|database",
        r"service (?:is )?(?:temporarily )?unavailable|no (?:live|healthy) upstream|upstream.{0,40}(?:unavailable|unhealthy|timed out)|circuit.?breaker.{0,20}\bopen|bad gateway|gateway time-?out"
        r"|CrashLoopBackOff|back-off restarting|health ?check.{0,30}fail|(?:liveness|readiness|startup) probe failed|read-only file ?system|database (?:system )?is (?:starting up|shutting down|unavailable)"),
    _rule("error", "a fatal error", 1, "HIGH",
        "segfault|segmentation|sigsegv|php fatal|php parse|core dumped|kernel panic|fatal error|fatal exception", r"\bPHP (?:Fatal|Parse) error|\bsegmentation fault|\bSIGSEGV\b|\bsegfault\b|core dumped|kernel panic|^fatal error:|FATAL EXCEPTION", healable=True),
)  # fmt: skip


def of(text: str) -> Rule | None:
    """The first rule that a message falls under; None for most messages."""
    text = text[:_LONGEST]
    low = text.lower()
    for rule in RULES:
        for hint in rule.hints:
            if hint in low:
                if rule.words.search(text):
                    return rule
                break
    return None
