"""What GitHub alone can do to us: limits, lost answers, refusals; and what it must never see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mcp_servers.fixes.model import Checks
from mcp_servers.kit.errors import KintsugiError, Misconfigured, Refusal, Unavailable
from tests.components import needs
from tests.contracts.openapi import Contract
from tests.contracts.scenes import BRANCH, GitHubScene

pytestmark = needs("emulate")
LIMITED = {"message": "You have exceeded a secondary rate limit."}


def answered(status: int, body: Any = None, **headers: str) -> Callable[[httpx2.Request], httpx2.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx2.Response(status, json=body if body is not None else {"message": "no"}, headers=named)


def cut(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("no answer", request=request)


def refused(github: GitHubScene, **changes: Any) -> KintsugiError:
    with pytest.raises(KintsugiError) as error:
        github.forge_with(**changes).open(github.request)
    return error.value


def test_a_pull_request_begins_as_a_draft_with_its_labels(github: GitHubScene) -> None:
    github.forge.open(github.request)
    (pull,) = github.pulls
    assert (pull["draft"], pull["title"], pull["body"], pull["base"]["ref"]) == (True, "A title", "The body", "main")
    assert [label["name"] for label in pull["labels"]] == ["AI-Fix"]


def test_where_there_are_no_drafts_it_begins_without(github: GitHubScene) -> None:
    said = {"message": "Validation Failed", "errors": [{"message": "Draft pull requests are not supported in this repository."}]}
    github.fails("POST", "/pulls", answered(422, said))
    assert not github.forge.open(github.request).draft


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_before_the_effect_is_repeated(github: GitHubScene, status: int) -> None:
    github.fails("POST", "/pulls", answered(status))
    github.fails("GET", "/pulls", answered(status))
    github.forge.open(github.request)
    assert len(github.pulls) == 1


def test_an_answer_that_was_lost_makes_no_second_pull_request(github: GitHubScene) -> None:
    def lost(request: httpx2.Request) -> httpx2.Response:
        assert github.wire.carried(request).status_code == 201
        return cut(request)

    github.fails("POST", "/pulls", lost)
    assert github.forge.open(github.request).id == str(github.pulls[0]["number"])
    assert len(github.pulls) == 1


def test_one_that_another_process_made_meanwhile_is_found(github: GitHubScene) -> None:
    def raced(request: httpx2.Request) -> httpx2.Response:
        github.wire.carried(request)
        return httpx2.Response(
            422, json={"message": "Validation Failed", "errors": [{"message": f"A pull request already exists for ada:{BRANCH}."}]}
        )

    github.fails("POST", "/pulls", raced)
    github.forge.open(github.request)
    assert len(github.pulls) == 1


def test_a_comment_whose_answer_was_lost_is_not_said_twice(github: GitHubScene) -> None:
    github.forge.open(github.request)

    def lost(request: httpx2.Request) -> httpx2.Response:
        github.wire.carried(request)
        return cut(request)

    github.fails("POST", "/comments", lost)
    github.forge.comment("r", BRANCH, "verified")
    assert github.told() == ["verified"]


def test_a_merge_whose_answer_was_lost_is_a_merge(github: GitHubScene) -> None:
    github.forge.open(github.request)

    def lost(request: httpx2.Request) -> httpx2.Response:
        github.wire.carried(request)
        return cut(request)

    github.fails("PUT", "/merge", lost)
    assert github.merge() == "merged"


def test_a_limit_is_waited_for_as_long_as_it_says(github: GitHubScene) -> None:
    github.fails("POST", "/pulls", answered(403, LIMITED, retry_after="7"))
    github.forge.open(github.request)
    assert github.pauses == [7.0]
    assert len(github.pulls) == 1


@pytest.mark.parametrize("headers", [{"retry_after": "600"}, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "99999999999"}])
def test_a_limit_that_lasts_is_said_and_not_asked_again(github: GitHubScene, headers: dict[str, str]) -> None:
    github.fails("GET", "/pulls", answered(403, LIMITED, **headers))
    error = refused(github)
    assert (type(error), error.code) == (Unavailable, "rate_limited")
    assert len(github.wire.asked) == 1


def test_a_forge_that_is_down_is_left_alone_for_a_while(github: GitHubScene) -> None:
    github.fails("GET", "/pulls", answered(502), times=25)
    codes = [refused(github).code for _ in range(6)]
    assert codes == ["http_502"] * 5 + ["circuit_open"]
    assert len(github.wire.asked) == 25


@pytest.mark.parametrize(
    ("path", "answer", "kind", "code", "told"),
    [
        ("/pulls", answered(401, {"message": "Bad credentials"}), Misconfigured, "unauthorized", "set GITHUB_TOKEN"),
        ("/pulls", answered(403, {"message": "Resource not accessible"}, x_accepted_oauth_scopes="repo"), Misconfigured, "token_scope", "it needs repo"),
        ("", answered(404, {"message": "Not Found"}), Misconfigured, "repository_unknown", "may not see it"),
        ("", answered(451, {"message": "Repository access blocked"}), Refusal, "http_451", "access blocked"),
    ],
)  # fmt: skip
def test_every_no_is_a_sentence_for_who_can_change_it(
    github: GitHubScene, path: str, answer: Callable[[httpx2.Request], httpx2.Response], kind: type, code: str, told: str
) -> None:
    github.fails("GET", path or github.name, answer)
    error = refused(github)
    assert (type(error), error.code) == (kind, code)
    assert told in str(error)
    assert github.published_at() == ""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"archived": True}, "repository_archived"),
        ({"disabled": True}, "repository_disabled"),
        ({"has_pull_requests": False}, "no_pull_requests"),
        ({"permissions": {"admin": False, "push": False, "pull": True}}, "token_scope"),
    ],
)
def test_where_nothing_can_be_written_nothing_is_tried(github: GitHubScene, change: dict[str, Any], code: str) -> None:
    def changed(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={**github.wire.carried(request).json(), **change})

    github.fails("GET", github.name, changed, times=4)
    assert refused(github).code == code
    reach = github.forge.reach()
    assert not reach.usable
    assert reach.advice
    assert not [asked for asked in github.wire.asked if not asked.startswith("GET")]


def test_a_repository_that_was_renamed_is_followed(github: GitHubScene) -> None:
    old = github.name.replace("shop", "store")
    moved = f"{github.emulator.url}/repos/{github.name}"

    def redirected(request: httpx2.Request) -> httpx2.Response | None:
        if f"/repos/{old}" not in str(request.url):
            return None
        return httpx2.Response(301, headers={"location": str(request.url).replace(f"{github.emulator.url}/repos/{old}", moved)})

    github.wire.faults += [redirected] * 4
    assert github.forge_with(repository=old).open(github.request).state == "open"
    assert len(github.pulls) == 1


def test_a_pull_request_is_found_under_a_new_owner_too(github: GitHubScene) -> None:
    github.forge.open(github.request)

    def redirected(request: httpx2.Request) -> httpx2.Response | None:
        if "/repos/old/" not in str(request.url):
            return None
        return httpx2.Response(301, headers={"location": str(request.url).replace("/repos/old/shop", f"/repos/{github.name}")})

    github.wire.faults += [redirected] * 2
    found = github.forge_with(repository="old/shop").state("r", BRANCH)
    assert found is not None
    assert found.state == "open"


def test_no_token_follows_to_another_service(github: GitHubScene) -> None:
    github.fails("GET", "/pulls", answered(302, location="http://evil.test/repos"))
    assert refused(github).code == "redirected"


def test_what_machines_and_people_say_is_told_apart(github: GitHubScene) -> None:
    github.forge.open(github.request)
    github.check("unit")
    github.check("lint", conclusion="neutral")
    github.check("qa / smoke", status="in_progress", conclusion=None)
    github.review("APPROVE")
    seen = github.forge.checks("r", BRANCH)
    assert seen == Checks(passed=("lint", "unit"), pending=("qa / smoke",), approved=("grace",))
    assert seen.state == "pending"
    github.check("deploy", conclusion="timed_out")
    github.review("REQUEST_CHANGES")
    seen = github.forge.checks("r", BRANCH)
    assert (seen.state, seen.failed, seen.approved, seen.objected) == ("failure", ("deploy",), (), ("grace",))


def test_statuses_of_the_older_kind_count_as_checks(github: GitHubScene) -> None:
    contract = Contract.of("github-rest.json")
    example = contract.example("/repos/{owner}/{repo}/commits/{ref}/status", "get") if contract else {"statuses": []}
    states = [{"context": "ci/old", "state": "error"}, {"context": "ci/new", "state": "success"}]
    github.forge.open(github.request)
    github.fails("GET", "/status", answered(200, {**example, "statuses": [*example["statuses"], *states]}))
    seen = github.forge.checks("r", BRANCH)
    assert "ci/old" in seen.failed
    assert {"ci/new", *(status["context"] for status in example["statuses"] if status["state"] == "success")} <= set(seen.passed)


def test_an_approval_of_an_older_commit_does_not_count(github: GitHubScene) -> None:
    github.forge.open(github.request)
    review = {"user": {"login": "grace"}, "state": "APPROVED", "commit_id": "0" * 40}
    github.fails("GET", "/reviews", answered(200, [review]))
    assert github.forge.checks("r", BRANCH).approved == ()


def test_every_page_is_read(github: GitHubScene) -> None:
    github.forge.open(github.request)
    pages = [[{"name": f"job {number}", "status": "completed", "conclusion": "success"}] for number in range(3)]
    for number, runs in enumerate(pages):
        link = {"link": '<x>; rel="next"'} if number < 2 else {}
        github.fails("GET", "/check-runs", answered(200, {"total_count": 3, "check_runs": runs}, **link))
    assert github.forge.checks("r", BRANCH).passed == ("job 0", "job 1", "job 2")


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (405, "At least 1 approving review is required by reviewers with write access.", "not_mergeable"),
        (409, "Head branch was modified. Review and try the merge again.", "branch_moved"),
        (403, "Resource not accessible by integration", "not_mergeable"),
    ],
)
def test_a_merge_that_the_forge_forbids_is_told_in_its_words(github: GitHubScene, status: int, message: str, code: str) -> None:
    github.forge.open(github.request)
    github.fails("PUT", "/merge", answered(status, {"message": message}))
    with pytest.raises(Refusal, match=message.rstrip(".")) as error:
        github.merge()
    assert (error.value.code, github.state()) == (code, "open")


def test_a_protected_target_is_not_merged_into(github: GitHubScene) -> None:
    github.forge.open(github.request)
    rules = {
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "required_status_checks": None,
        "enforce_admins": True,
    }
    github.emulator.done("PUT", f"/repos/{github.name}/branches/main/protection", {**rules, "restrictions": None})
    with pytest.raises(Refusal) as error:
        github.merge()
    assert (error.value.code, github.state()) == ("not_mergeable", "open")


def test_the_merge_names_the_commit_that_it_made_and_the_one_it_took(github: GitHubScene) -> None:
    github.forge.open(github.request)
    sent: list[Any] = []
    github.wire.faults.append(lambda request: sent.append(json.loads(request.content)) if request.url.path.endswith("/merge") else None)
    made = github.forge.merge("r", BRANCH, github.head)
    assert sent[0]["sha"] == github.head
    assert made.merge == github.pulls[0]["merge_commit_sha"]
