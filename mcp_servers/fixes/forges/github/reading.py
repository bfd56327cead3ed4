"""What GitHub answers, in our words. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from mcp_servers.fixes.model import PullRequest, Request
from mcp_servers.kit.errors import KintsugiError, Refusal, Unavailable
from mcp_servers.kit.http import Answer
from mcp_servers.kit.inert import inert

_GOOD = frozenset({"success", "neutral", "skipped"})
_BAD = frozenset({"failure", "cancelled", "timed_out", "startup_failure"})

Values = Mapping[str, Any]


def pull_of(found: Values, repository: str) -> PullRequest:
    head, base = mapping(found["head"]), mapping(found["base"])
    branch = str(head["ref"])
    request = Request(
        fix=branch.rpartition("/")[2],
        repository=repository,
        branch=branch,
        target=f"refs/heads/{base['ref']}",
        base=str(base["sha"]),
        head=str(head["sha"]),
        title=str(found.get("title", "")),
        body=str(found.get("body") or ""),
        labels=tuple(label_names(found.get("labels"))),
    )
    state = "merged" if found.get("merged_at") else str(found.get("state", "open"))
    merge = str(found.get("merge_commit_sha") or "") if state == "merged" else ""
    return PullRequest(str(found["number"]), str(found.get("html_url", "")), state, request, bool(found.get("draft")), merge)


def not_merged(answer: Answer, branch: str, head: str) -> KintsugiError:
    said = words_of(answer)
    if answer.status == 409 or "out of date" in said or "was modified" in said:
        return Refusal(f"{branch} is not at {head[:12]} any more ({said}); look at what came in between.", code="branch_moved")
    if answer.status >= 400:
        return Refusal(f"{branch} was not merged: {said}. A person may look at the pull request.", code="not_mergeable")
    return Unavailable(f"{branch} was to be merged, and is not yet; ask again later.", code="not_merged_yet")


def outcome_of(run: Values) -> str:
    if run.get("status") != "completed":
        return "pending"
    conclusion = run.get("conclusion")
    return "success" if conclusion in _GOOD else "failure" if conclusion in _BAD else "pending"


def worst(outcomes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One outcome for each name; several checks of one name are as good as the worst."""
    order = ("success", "pending", "failure")
    worst: dict[str, str] = {}
    for name, outcome in outcomes:
        worst[name] = max(worst.get(name, "success"), outcome, key=order.index)
    return worst


def opinions_of(reviews: Iterable[Values], head: str, author: str) -> dict[str, str]:
    """The last word of each reviewer: an approval counts for the head that it was given for, an objection until it is withdrawn."""
    last: dict[str, str] = {}
    for review in reviews:
        person, word = str(mapping(review.get("user")).get("login", "")), str(review.get("state", "")).upper()
        if person == author or word not in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
            continue
        last[person] = "" if word == "APPROVED" and review.get("commit_id") != head else word
    return last


def names_with(values: Mapping[str, str], wanted: str) -> tuple[str, ...]:
    return tuple(sorted(name for name, value in values.items() if value == wanted))


def label_names(labels: Any) -> list[str]:
    return [str(mapping(label).get("name", label)) for label in cast("list[Any]", labels or [])]


def words_of(answer: Answer) -> str:
    """The forge's own words: the message and those of its details, short and harmless."""
    body = mapping(answer.body)
    details = [
        str(mapping(error).get("message", "")) for error in cast("list[Any]", body.get("errors") or []) if isinstance(error, Mapping)
    ]
    told = "; ".join(filter(None, [str(body.get("message", "")), *details])) or f"status {answer.status}"
    return inert(" ".join(told.split()))[:300].rstrip(".")


def mapping(value: Any) -> Values:
    return cast(Values, value) if isinstance(value, Mapping) else {}
