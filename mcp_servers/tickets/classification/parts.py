"""What a request says about itself that can be counted: criteria, components, dependencies, files, topics. Nothing here is made up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mcp_servers.kit.inert import plain
from mcp_servers.tickets.classification.cues import is_type
from mcp_servers.tickets.classification.text import Request

MOST = 12

_GHERKIN = re.compile(r"^[^\w\n]*((?:given|when|then|scenario)\b.+)$", re.I | re.M)
_REFERENCE = r"(?:[\w.-]+/[\w.-]+)?#\d+|[A-Z][A-Z0-9]{1,9}-\d+"
_DEPENDS = re.compile(
    rf"\b(?:depends? on|blocked by|requires?|waits? (?:for|on)|needs|after|once|follow-?up (?:to|of)|builds on)[:\s]+((?:{_REFERENCE})(?:(?:,| and|, and)\s+(?:{_REFERENCE}))*)",
    re.I,
)
_FILE = re.compile(r"(?<![\w/.:@-])(?:[\w.-]+/)*[\w.-]*\.[a-z]{1,7}(?![\w/-])")
_FOLDER = re.compile(r"`((?:[\w.-]+/)+)`")
_DECLARED = re.compile(
    r"^[^\w\n]*(?:components?|areas?|modules?|services?|packages?|affected (?:components?|services?|areas?))\W*[:\n]\W*([^\n]+)",
    re.I | re.M,
)
_SCOPE = re.compile(r"^\W*(?:\[([\w .-]{2,30})\]|\w+\(([\w .,/-]{2,40})\):|([\w.-]{2,24}):\s)")
_CODE_FILES = re.compile(
    r"\.(?:py|js|jsx|ts|tsx|go|rs|java|kt|rb|php|cs|c|h|cc|cpp|swift|scala|ex|exs|dart|vue|svelte|html|css|scss|sql|sh|ya?ml|toml|json|ini|xml|tf|md|twig|module|inc)$"
)
_TOPICS = {
    "security": r"vulnerab|CVE-\d|\bXSS\b|CSRF|injection|\bauth(?:entication|orization|n|z)?\b|permission|password|\btokens?\b|encrypt|secret",
    "performance": r"\bslow|latency|\bperformance|memory (?:leak|usage)|\btime[- ]?outs?\b|timed out|throughput|\bcache|N\+1|\bp9[59]\b",
    "documentation": r"\bdocs?\b|documentation|readme|changelog|typo",
    "ui": r"\bui\b|\bux\b|button|layout|\bcss\b|dialog|modal|screen|responsive|dark mode|icon",
    "accessibility": r"accessib|a11y|screen reader|\baria\b|contrast",
    "api": r"\bapi\b|endpoint|\brest\b|graphql|webhook",
    "database": r"database|\bsql\b|schema|migration|\bindex(?:es)?\b|postgres|mysql|sqlite",
    "infrastructure": r"deploy|docker|kubernetes|\bci\b|pipeline|terraform|\bhelm\b|certificate",
    "testing": r"\btests?\b|coverage|flaky",
    "dependencies": r"dependenc|upgrade|\bbump\b",
}
_KINDS = {"Bug": "bug", "Story": "feature", "Task": "chore", "Spike": "research", "Epic": "epic"}


def acceptance_criteria(request: Request) -> tuple[str, ...]:
    """The criteria that the author wrote down: lists under such a heading, and Given/When/Then. None is an answer."""
    listed = [item for section in request.sections if section.is_criteria for item in section.items]
    return _few([*listed, *_GHERKIN.findall(request.prose)], 300)


def components(request: Request) -> tuple[str, ...]:
    """What the text names as its place: a scope in the title, a line that says component, folders of files."""
    return _few(_components(request), 60)


def files(request: Request) -> tuple[str, ...]:
    """Files of code that the text names."""
    named = (found[0] for found in _FILE.finditer(f"{request.title}\n{request.description}"))
    return _few((name for name in named if _CODE_FILES.search(name)), 200)


def dependencies(request: Request) -> tuple[str, ...]:
    """Tickets that must come first, as the text refers to them."""
    groups = _DEPENDS.findall(f"{request.title}\n{request.prose}")
    return tuple(dict.fromkeys(reference for group in groups for reference in re.findall(_REFERENCE, group)))[:MOST]


def labels(request: Request, type: str) -> tuple[str, ...]:
    """The type's own label, then the topics that the text names."""
    text = f"{request.title}\n{request.prose}"
    return (_KINDS[type], *(topic for topic, words in _TOPICS.items() if re.search(words, text, re.I)))


def _components(request: Request) -> Iterator[str]:
    if scope := _SCOPE.search(request.title):
        name = next(group for group in scope.groups() if group)
        if not is_type(name):
            yield name
    for declared in _DECLARED.findall(request.prose):
        yield from (part.strip(" `*_.") for part in re.split(r",|;| and ", declared))
    folders = (file.rpartition("/")[0] for file in files(request))
    for folder in (*folders, *_FOLDER.findall(request.prose)):
        yield "/".join(folder.strip("./").split("/")[:2])


def _few(values: Iterable[str], length: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values if (text := plain(value, length))))[:MOST]
