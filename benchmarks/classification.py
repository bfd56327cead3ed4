"""What kind of work a text asks for: public issues with their maintainers' labels, against plain keyword rules.

The labels are bug, feature and question; story, task and epic are features, and a spike is a question. Nothing was trained on these issues, but they were
looked at while the cues were written: read the figure as that of rules, not of a model. For the other types and for sizes there is no public
text that could be measured on.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Say, cpu_seconds, met
from mcp_servers.tickets.classification import Request, classify

ISSUES = Path(__file__).parents[2] / "shared" / "data" / "issues" / "nlbse24_train.jsonl.gz"
LABELS = ("bug", "feature", "question")
AS_LABEL = {"Bug": "bug", "Story": "feature", "Task": "feature", "Epic": "feature", "Spike": "question"}
SURE = 0.7

_KEYWORDS = (
    ("bug", re.compile(r"error|crash|broken", re.I)),
    ("feature", re.compile(r"as a user|should be able", re.I)),
    ("feature", re.compile(r"refactor|upgrade|migrate", re.I)),
    ("question", re.compile(r"investigate|research|\bpoc\b", re.I)),
)


@dataclass(frozen=True, slots=True)
class Issue:
    repository: str
    label: str
    request: Request


def run(say: Say) -> list[Figure]:
    """One figure for all issues and one for those that are answered with confidence; none where the issues are not there."""
    if not ISSUES.exists():
        return []
    issues = load()
    say(f"{len(issues)} issues of {len({issue.repository for issue in issues})} repositories")
    seconds, found = cpu_seconds(lambda: [classify(issue.request) for issue in issues])
    ours = macro_f1(issues, [AS_LABEL[one.type] for one in found])
    peer = max(macro_f1(issues, [keywords(issue.request, otherwise) for issue in issues]) for otherwise in LABELS)
    sure = [one.confidence >= SURE for one in found]
    right = sum(AS_LABEL[one.type] == issue.label for one, issue, is_sure in zip(found, issues, sure, strict=True) if is_sure) / max(
        1, sum(sure)
    )
    return [
        Figure(
            "type of a task (public issues, no training): macro F1", f"{ours:.3f}", f"keyword rules {peer:.3f}", f"{ours / peer:.2f}×",
            f"{seconds / len(issues) * 1000:.1f} ms CPU each", "> keyword rules", "0.76, as trained on these repositories", met(ours, peer + 0.001, 0.76),
        ),
        Figure(
            f"type of a task: right where confidence ≥ {SURE}", f"{right:.3f}", anchor=f"{sum(sure) / len(sure):.0%} of the issues",
            reach=f"its confidence, {SURE}", beyond="0.88", met=met(right, SURE, 0.88),
        ),
    ]  # fmt: skip


def load() -> list[Issue]:
    with gzip.open(ISSUES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Issue(row["repo"], row["label"], Request(row["title"], row["body"] or "")) for row in rows]


def keywords(request: Request, otherwise: str) -> str:
    """The first of the plain rules that fires, else `otherwise`."""
    text = f"{request.title} {request.description}"
    return next((label for label, words in _KEYWORDS if words.search(text)), otherwise)


def macro_f1(issues: Sequence[Issue], answers: Sequence[str]) -> float:
    """The mean over repositories of the mean over labels of F1."""
    by: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for issue, answer in zip(issues, answers, strict=True):
        by[issue.repository].append((issue.label, answer))
    return _mean([_mean([_f1(pairs, label) for label in LABELS]) for pairs in by.values()])


def _f1(pairs: Sequence[tuple[str, str]], label: str) -> float:
    counts: Counter[str] = Counter()
    for true, answer in pairs:
        counts["hit"] += true == answer == label
        counts["miss"] += (true == label) != (answer == label)
    return 2 * counts["hit"] / (2 * counts["hit"] + counts["miss"]) if counts["hit"] else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
