"""What a commit's message claims: that it mends something, that it takes a commit back, and which issues it speaks of. Pure.

The forms are those of the field: Conventional Commits, leading verbs (fix, correct, prevent), gitmoji, closing keywords of the forges,
trailers, and git's own words for reverts. A message is a claim only: whether the change touches what runs is asked elsewhere.
"""

from __future__ import annotations

import re

_TAGS = re.compile(
    r"^(?:\[[^\]]{1,40}\]|\([^)]{1,40}\)|(?:gh|bpo|[A-Z][A-Z0-9]+)-\d+:?|#\d+:?|:\w+:|[^\w\s\[(\"'`*]+|v?\d+(?:\.\d+)+:)\s*", re.IGNORECASE
)
_TYPED = re.compile(r"^(\w+)(?:\([^)]*\))?(!)?:\s*", re.ASCII)
_SCOPE = re.compile(r"^[\w./*,{}+-]{1,60}(?:\s[\w./-]{1,20})?:\s+")
_MENDS = frozenset({"fix", "fixes", "fixed", "hotfix", "bugfix", "bug"})
_OTHER = frozenset(
    {
        "feat",
        "feature",
        "docs",
        "doc",
        "style",
        "test",
        "tests",
        "ci",
        "build",
        "chore",
        "refactor",
        "perf",
        "bench",
        "release",
        "deps",
        "lint",
    }
)
_VERB = re.compile(
    r"(?:(?:quick|hot|bug)?[\s-]?fix(?:e[sd]|ing)?|bug[\s-]?fix(?:es)?|correct(?:s|ed|ly)?|repair(?:s|ed)?|mend(?:s|ed)?|patch(?:es|ed)?)\b",
    re.IGNORECASE,
)
_PREVENTS = re.compile(
    r"(?:prevent|avoid|stop|do(?:es)?\s?n[o']t|never|no\s+longer|handle|guard\s+against|work(?:s|ed)?[\s-]?around|resolve)(?:s|ed|ing)?\b",
    re.IGNORECASE,
)
_SHUTS = re.compile(
    r"(?:reject|disallow|forbid|refuse|sanitize|escape|encode|mitigate|protect|remove|break|check|validate|verify|limit|bound)(?:e?s|d|ed|ing)?\b",
    re.IGNORECASE,
)
_GRAVE = re.compile(
    r"\b(?:crash\w*|traceback|panic\w*|segfault\w*|regress\w*|leak\w*|deadlock\w*|race condition|overflow\w*|infinite loop|quadratic|exponential|unbound(?:ed)?"
    r"|(?:unlimited|infinite) recursion|injection\w*|traversal|denial of service|dos|redos|vulnerab\w*|malformed|malicious|backtracking|corrupt\w*"
    r"|use[\s-]after[\s-]free|ref(?:erence)? cycles?|control char(?:acter)?s?)\b",
    re.IGNORECASE,
)
_VULNERABILITY = re.compile(r"\b(?:CVE[- ]\d{4}-\d{4,}|GHSA(?:-\w{4}){3})\b")
_WRONG = re.compile(
    r"\b(?:bugs?|crash\w*|error(?:s|ed)?|exceptions?|traceback|panic\w*|segfault\w*|regress\w*|broken?|breaks|breaking|breakage|incorrect\w*|wrong\w*"
    r"|fail(?:s|ed|ing|ures?)?|leak\w*|deadlock\w*|races?|race condition|overflow\w*|underflow\w*|null|none|nil|undefined|nan|infinite loop|hang(?:s|ing)?"
    r"|stuck|timeouts?|corrupt\w*|off-by-one|division by zero|missing|invalid|unhandled|uncaught|double[\s-]free|use[\s-]after[\s-]free|[A-Z]\w+(?:Error|Exception))\b",
    re.IGNORECASE,
)
_NOT_CODE = re.compile(
    r"^\W*(?:(?:some|a|an|the|few|minor|more|all|another|several|small|various|remaining)\s+)*(?:[\w./-]+\s+){0,2}?(?:typos?|spelling|grammar|lint\w*|flake8|ruff|pylint|mypy"
    r"|pyright|eslint|checkstyle|format(?:ting)?|white\s?space|indentation|style|docs?|docstrings?|documentation|comments?|changelog|readme|links?"
    r"|tests?|test\s+suite|unit\s+tests?|ci|build|travis|github\s+actions?|workflows?|pipelines?|merge(?:\s+conflicts?)?|imports?\s+order|isort|types?\s+hints?"
    r"|annotations?|typing|warnings?|deprecat\w+|copyright|licen[cs]e|release\s+notes|version(?:\s+number)?|badges?|pre-commit)\b(?!\s+(?:fail\w*\s+)?(?:because|when|that\s+crash))",
    re.IGNORECASE,
)
_GITMOJI = re.compile(r"^(?:\U0001f41b|\U0001f691|:bug:|:ambulance:|\[(?:(?:hot|bug)[\s-]?)?fix(?:e[sd])?\]|\[bug\])", re.IGNORECASE)
_FIXES_ISSUE = re.compile(
    r"\b(?:fix(?:e[sd])?|resolve[sd]?)\b:?\s+(?:[\w./-]*#\d+|gh-\d+|https?://\S+/(?:issues?|bugs?)/\S+)", re.IGNORECASE
)
_TRAILER = re.compile(r"^(?:fixes|fixed-by|bug|closes-bug|bugzilla)\s*:\s*\S+", re.IGNORECASE | re.MULTILINE)
_REFERENCE = re.compile(
    r"(?<![\w/])(?:#\d{1,7}|gh-\d{1,7}|bpo-\d{1,7}|(?!(?:UTF|ISO|RFC|SHA|PEP|HTTP|MD|CVE)-)[A-Z][A-Z0-9]{1,9}-\d{1,7})\b"
)
_REVERTS = re.compile(
    r"\b(?:this\s+reverts\s+commit|reverts?\s+commit|reverts|revert|back(?:s|ed)?\s+out(?:\s+(?:changeset|commit))?|revert-of:|reverts:)\s+([0-9a-f]{7,64})\b",
    re.IGNORECASE,
)
_REVERTED_SUBJECT = re.compile(r"^(?:[\w()/.-]{1,40}:\s*)?revert(?:ed|s|ing)?:?\s+[\"'“](.+)[\"'”]", re.IGNORECASE)
_CONVENTIONAL_REVERT = re.compile(r"^revert(?:\([^)]*\))?!?:\s*(.+)", re.IGNORECASE)
_AGAIN = re.compile(r"^(?:reapply|re-?land|roll\s?forward)\b|^revert(?:ed|s)?:?\s+[\"'“]revert", re.IGNORECASE)
_AUTOSQUASH = re.compile(r"^(?:fixup|squash|amend)!\s")
_MOST_TAGS = 4


def mends(message: str) -> str:
    """By which words a message claims to mend something, as a phrase; empty when it does not."""
    subject, _, body = message.strip().partition("\n")
    if _AUTOSQUASH.match(subject):
        return ""
    bare, kind = _bare(subject)
    if kind in _OTHER:
        return ""
    if _NOT_CODE.match(_VERB.sub("", bare, count=1) if _VERB.match(bare) else bare):
        return ""
    if kind in _MENDS:
        return f"its type is {kind}"
    if _GITMOJI.match(subject.strip()):
        return "its sign is that of a mended bug"
    if verb := _VERB.match(bare):
        return f"it begins with {verb[0].strip().lower()}"
    if (_PREVENTS.match(bare) and _WRONG.search(bare)) or (_SHUTS.match(bare) and _GRAVE.search(bare)):
        return "it prevents what goes wrong"
    if _VULNERABILITY.search(message):
        return "it names a vulnerability"
    if _FIXES_ISSUE.search(message) or _TRAILER.search(body):
        return "it closes an issue as fixed"
    return ""


def reverts(message: str) -> tuple[str, str]:
    """The commit id that a message takes back (may be short) and the subject of it, each empty when it does not say."""
    subject = message.strip().partition("\n")[0].strip()
    if again(message):
        return "", ""
    named = _REVERTS.search(message)
    quoted = _REVERTED_SUBJECT.match(subject) or _CONVENTIONAL_REVERT.match(subject)
    return (named[1].lower() if named else ""), (quoted[1].strip() if quoted else "")


def again(message: str) -> bool:
    """Whether a message takes a revert back: the change comes again, and nothing is mended."""
    return bool(_AGAIN.match(message.strip()))


def references(message: str) -> tuple[str, ...]:
    """The issues that a message names, in its order."""
    return tuple(dict.fromkeys(_REFERENCE.findall(message)))


def _bare(subject: str) -> tuple[str, str]:
    """The subject without tags, issue numbers, signs and scopes, and its conventional type ('' for none)."""
    text, kind = subject.strip(), ""
    for _ in range(_MOST_TAGS):
        if (typed := _TYPED.match(text)) and typed[1].lower() in _MENDS | _OTHER:
            return text[typed.end() :], typed[1].lower()
        untagged = _TAGS.sub("", text, count=1)
        shorter = untagged if _VERB.match(untagged) else _SCOPE.sub("", untagged, count=1)
        if shorter == text or not shorter:
            break
        text = shorter
    return text, kind
