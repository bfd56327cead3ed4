"""What speaks for a type of work, and how strongly: weights are added like log-odds, so that one plain word never outvotes the author's own label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mcp_servers.tickets.classification.text import Request
from mcp_servers.tickets.model import TicketType

TAG, STRONG, PLAIN, WEAK = 4.0, 2.0, 1.0, 0.4

_NAMES: dict[TicketType, str] = {
    "Bug": r"bug|fix|hotfix|defect|regression|crash|error report|incident",
    "Story": r"user ?story|story|feature(?: request)?|feat|enhancement|improvement|new feature|proposal|suggestion|idea|wish",
    "Task": r"task|chore|docs?|documentation|refactor(?:ing)?|build|ci|deps|dependenc(?:y|ies)|test|tests|style|maintenance|clean-?up",
    "Spike": r"spike|research|investigation|question|support|help(?: wanted)?|rfc|discussion|poc|proof of concept",
    "Epic": r"epic|initiative|umbrella|meta|tracking issue|roadmap",
}
"""How trackers and their forms call the types."""

_LEADING: dict[TicketType, str] = {
    "Bug": r"fix|repair|resolve|correct",
    "Story": r"add|allow|support|enable|implement|introduce|provide|show|let|offer|expose|create|improve|enhance|extend|make",
    "Task": r"refactor|upgrade|migrate|rename|remove|delete|drop|clean|bump|replace|document|write|update|configure|automate|move|extract|split|deprecate"
    r"|rotate|pin|convert|port|rewrite|reorgani[sz]e|simplify|set up|install|delete|archive|translate|backport|switch|optimi[sz]e|reduce",
    "Spike": r"investigate|research|explore|evaluate|compare|assess|prototype|analy[sz]e|decide|find out|figure out|study|understand|clarify|look into|benchmark",
    "Epic": r"overhaul|redesign|re-?architect|rebuild|re-?launch|moderni[sz]e|transform",
}
"""The verb with which a title in the imperative begins."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One piece of evidence for a type, in words of the request."""

    type: TicketType
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Rule:
    type: TicketType
    weight: float
    words: re.Pattern[str]
    title_only: bool = False


def _rule(type: TicketType, weight: float, words: str, *, title_only: bool = False) -> _Rule:
    return _Rule(type, weight, re.compile(words, re.I | re.M), title_only)


_BROKEN = (
    r"\b(?:errors?|crash(?:e[sd]|ing)?|broken|breaks|fail(?:s|ed|ing|ures?)?|exceptions?|traceback|panics?|seg(?:mentation )?faults?|deadlock|hangs?|freez(?:es|ing)"
    r"|corrupt(?:s|ed|ion)?|leak(?:s|ing)?|wrong(?:ly)?|incorrect(?:ly)?|invalid|unexpected(?:ly)?|flaky|regression|bug|glitch)\b"
    r"|\b(?:fehler|absturz|kaputt|erreur|échoue|plante|falla|fallo|errore|erro|ошибка|падает)\b|错误|崩溃|失败|エラー|오류"
)
_NAMED_ERRORS = r"(?:errors?|exceptions?|crash|failures?) (?:handling|handlers?|messages?|codes?|pages?|reporting|reports|logging|tracking|states?|budgets?|rates?)\b"
"""Things that a product may have, and nothing that went wrong."""
_NOT = r"\b(?:doesn'?t|does not|don'?t|isn'?t|is not|not|no longer|never|won'?t|can'?t|cannot|unable to|stopped|fails? to)\b"

_RULES: tuple[_Rule, ...] = (
    _rule("Bug", STRONG, rf"(?!{_NAMED_ERRORS})(?:{_BROKEN})", title_only=True),
    _rule("Bug", 1.6, _NOT, title_only=True),
    _rule("Bug", PLAIN, r"\b(?:missing|mismatch|slow(?:er|ness)?|confusing|misleading|ignore[sd]?|always|stuck|blank|undefined|fixe[sd]|bug-?fix(?:es)?|mitigates?|looks)\b", title_only=True),
    _rule("Bug", WEAK, _BROKEN),
    _rule("Bug", 1.2, r"\b(?:steps? (?:to|for|of) repro\w*|repro(?:duction)? steps|how (?:to|can we|do you) reproduce|steps\s*:|to reproduce)\b"),
    _rule("Bug", PLAIN, r"\b(?:actual|current|observed) (?:behaviou?r|result|output)|\bexpected (?:behaviou?r|result|output)"),
    _rule("Bug", PLAIN, r"\b(?:used to work|worked (?:fine|before|in)|no longer works?|since (?:upgrading|updating|the (?:update|upgrade|release))|after (?:upgrad|updat)ing)\b"),
    _rule("Bug", 0.8, r"\b(?:crash(?:es|ed)?|segfault|stack ?trace|core dump|data loss)\b"),
    _rule("Bug", 0.4, r"\b(?:os|browser|platform)? ?version\b.{0,40}\d"),
    _rule("Story", 3.0, r"\bas an? [\w -]{2,40}?,? (?:i|we) (?:want|need|would like|can|should)\b|\bas a user\b"),
    _rule("Story", STRONG, r"\b(?:should|must|can|could|want to|like to) be able to\b|\bfeature request\b"),
    _rule("Story", STRONG, r"\b(?:support for|ability to|option (?:to|for)|allow(?:ing)? (?:to|users?|for)|make it possible|please add|add support|proposal)\b", title_only=True),
    _rule("Story", PLAIN, r"\b(?:should(?! not)|please|request(?:ing)? (?:for|to)|consider|better|more)\b", title_only=True),
    _rule("Story", 1.4, r"\b(?:would be (?:\w+ )?(?:nice|great|useful|helpful|good|awesome|cool|better)|it'?d be (?:nice|great|useful|good)|would love|i wish|nice to have)\b"),
    _rule("Story", 1.2, r"\b(?:alternatives? (?:you'?ve )?considered|describe the solution|proposed (?:solution|api|change)|motivation|use[ -]cases?|is your feature)\b"),
    _rule("Story", PLAIN, r"\b(?:support for|ability to|an option (?:to|for)|add support|please add|i(?:'d| would) (?:like|propose|suggest)|we (?:should|could) (?:add|have|support)|(?:new|this) feature)\b"),
    _rule("Story", 0.7, r"\b(?:proposal|proposing|suggest(?:ion)?|enhancement|improve(?:ment)?s?)\b"),
    _rule("Task", STRONG, r"\b(?:refactor(?:ing)?|migrat(?:e|ion)|technical debt|tech debt|clean-?up|deprecat(?:e|ion)|bump|upgrade)\b", title_only=True),
    _rule("Task", WEAK, r"\b(?:refactor(?:ing)?|migrate|technical debt|clean-?up|housekeeping|checklist)\b"),
    _rule("Spike", STRONG, r"\?\s*$", title_only=True),
    _rule("Spike", 1.6, r"^\W*(?:how|why|what|which|where|when|who|is|are|can|could|does|do|did|should|has|have|any(?:one|body)?)\b", title_only=True),
    _rule("Spike", STRONG, r"\b(?:investigat(?:e|ion)|research|spike|proof of concept|poc|feasib(?:le|ility)|trade-?offs?|evaluate)\b", title_only=True),
    _rule("Spike", 1.2, r"\b(?:investigat(?:e|ion)|research|proof of concept|poc|feasibility|trade-?offs|time-?box(?:ed)?|open questions?)\b"),
    _rule("Spike", PLAIN, r"\b(?:how (?:do|can|could|should|would) (?:i|we|one|you)|how to|is (?:it|there) (?:possible|a way|any)|what(?:'s| is) the (?:best|right|correct|proper|difference|reason|recommended)|why (?:is|does|do|are|did))\b"),
    _rule("Spike", PLAIN, r"\b(?:i(?:'m| am| was) (?:wondering|curious|confused|not sure|new to|trying to understand)|any (?:ideas?|help|suggestions?|advice|pointers|clues?|thoughts)|(?:can|could) (?:any|some)(?:one|body)|please (?:help|advise|explain|clarify)|thanks? in advance|stack ?overflow|question)\b"),
    _rule("Epic", STRONG, r"\b(?:epic|initiative|multi-?(?:team|quarter|phase)|roadmap|road map|end-to-end platform)\b", title_only=True),
    _rule("Epic", 0.8, r"\b(?:across (?:all|several|multiple|every) (?:teams?|services|products|platforms)|phase [1-3]\b|milestones?|multiple (?:teams|features|services)|several features|sub-?projects?)\b"),
)  # fmt: skip

_TAGGED: dict[TicketType, re.Pattern[str]] = {
    type: re.compile(rf"^\W*(?:{names})\s*(?:\([^)]*\))?!?\s*[:\]\)|/-]|[\[(](?:[\w ]+[ :/-])?(?:{names})[\])]", re.I)
    for type, names in _NAMES.items()
}
_DECLARED = re.compile(
    r"^[^\w\n]*(?:issue|ticket|request|report|work item)? ?(?:type|kind|category)(?: of (?:issue|request|change|work))?\W+(?P<type>[\w][\w ]{1,40})",
    re.I | re.M,
)
_ASKED = re.compile(r"\b(?:feature|bug)\W+(?:or|/)\W+(?:\w+ ){0,3}\W*(?:feature|bug)\W*\?\W*(?P<type>\w[\w ]{1,40})", re.I)
"""A form that asks which of two it is, and the answer after the question mark."""
_STORIES = re.compile(r"\bas an? [\w -]{2,40}?,? (?:i|we) (?:want|need|would like|can)\b", re.I)
_LIST = re.compile(r"(?:,[^,]+){2,},? (?:and|&|und|et|y) ", re.I)


def is_type(word: str) -> bool:
    """Whether a word is what some tracker calls a type of work."""
    return any(re.fullmatch(rf"(?:{names})s?", word.strip(), re.I) for names in _NAMES.values())


def cues(request: Request) -> list[Cue]:
    """All the evidence in a request, in reading order."""
    return [cue for finder in _FINDERS for cue in finder(request)]


def _tags(request: Request) -> Iterator[Cue]:
    for type, tag in _TAGGED.items():
        if found := tag.search(request.title):
            yield Cue(type, TAG, f"the title is marked {found[0].strip(' :|-/')!r}")
    if declared := _DECLARED.search(request.prose) or _ASKED.search(request.prose):
        for type, names in _NAMES.items():
            if re.fullmatch(rf"(?:{names})s?", declared["type"].strip(), re.I):
                yield Cue(type, TAG, f"its form says {declared['type'].strip()!r}")


def _verbs(request: Request) -> Iterator[Cue]:
    title = re.sub(r"^\W*(?:\[[^\]]*\]|\([^)]*\)|[\w ,./()+-]{2,40}:(?= ))?\W*", "", request.title)
    for type, verbs in _LEADING.items():
        if found := re.match(rf"(?:please |need to |we need to |to )?({verbs})\b", title, re.I):
            yield Cue(type, STRONG, f"the title begins with {found[1].lower()!r}")


def _words(request: Request) -> Iterator[Cue]:
    for rule in _RULES:
        text, where = (request.title, "title") if rule.title_only else (request.told, "text")
        if found := rule.words.search(text):
            yield Cue(rule.type, rule.weight, f"{' '.join(found[0].split())[:60]!r} in the {where}")


def _shape(request: Request) -> Iterator[Cue]:
    if request.has_trace:
        yield Cue("Bug", 1.2, "a stack trace is in the text")
    stories = len(_STORIES.findall(f"{request.title}\n{request.prose}"))
    if stories >= 3:
        yield Cue("Epic", 5.0, f"{stories} user stories in one text")
    if _LIST.search(request.title):
        yield Cue("Epic", 1.2, "the title lists several things")
    things = sum(len(section.items) for section in request.work)
    if things >= 5:
        yield Cue("Epic", PLAIN, f"{things} things to do")
    chapters = [section for section in request.work if section.heading and len(section.items) >= 2]
    if len(chapters) >= 3:
        yield Cue("Epic", 1.5, f"{len(chapters)} chapters, each with a list")


_FINDERS: tuple[Callable[[Request], Iterator[Cue]], ...] = (_tags, _verbs, _words, _shape)
