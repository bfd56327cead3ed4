from __future__ import annotations

import pytest

from kintsugi.backtest import messages


@pytest.mark.parametrize(
    "message",
    [
        "fix: totals of an empty basket",
        "fix(api)!: an answer without a body is none",
        "hotfix: the queue stands still",
        "Fixed a deadlock between two workers",
        "[SHOP-12] Fix rounding of cents",
        "gh-1234: Fix crash in the parser",
        "net/http: fix data race in the pool",
        ":bug: rounding of cents",
        "\U0001f41b rounding of cents",
        "Correct the sign of refunds",
        "Don't crash on an empty basket",
        "Avoid KeyError when a basket has no owner",
        "Handle None in the address of a guest",
        "Refunds are counted once\n\nFixes #77\n",
        "Count refunds once\n\nBug: 12345\n",
        "bugfix for baskets that are older than a year",
        "[2.x] gh-77: Fix ABC-2024-1: check the sign",
        "Reject control characters in the names of baskets",
        "Remove quadratic behaviour of the parser",
        "Order names by bytes\n\nThis is CVE-2024-12345.\n",
    ],
)
def test_a_message_that_claims_to_mend_something_is_heard(message: str) -> None:
    assert messages.mends(message)


@pytest.mark.parametrize(
    "message",
    [
        "feat: baskets\n\nCloses #12\n",
        "Fix typo in the guide",
        "Fix lint",
        "fix some flake8 warnings",
        "Fixed formatting",
        "fix: tests on Windows",
        "fix ci",
        "Fix the docs build",
        "fix mypy errors",
        "fixup! feat: baskets",
        "chore: fix version of ruff",
        "docs: fix a link",
        "refactor: fix names",
        "Prefix the names of tables",
        "Add fixtures for baskets",
        "Handle two baskets at once",
        "Release 1.2.3",
        "Remove the second parser",
        "Fix basket_runner/basket_utils tests on the next Python",
        "Merge branch 'fix-basket'",
        "",
    ],
)
def test_a_message_that_speaks_of_prose_form_or_tests_mends_nothing(message: str) -> None:
    assert not messages.mends(message)


@pytest.mark.parametrize(
    ("message", "id", "subject"),
    [
        (
            'Revert "feat: x"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.\n',
            "0123456789abcdef0123456789abcdef01234567",
            "feat: x",
        ),
        ('Revert "feat: x (#12)" (#13)', "", "feat: x (#12)"),
        ("revert: feat: x", "", "feat: x"),
        ("Back out changeset 0123456789ab", "0123456789ab", ""),
        ("Slower again\n\nRevert-of: 0123456789ab\n", "0123456789ab", ""),
        ('Revert "Revert "feat: x""', "", ""),
        ('Reapply "feat: x"\n\nThis reverts commit 0123456789abcdef.\n', "", ""),
        ("feat: reverts are shown", "", ""),
    ],
)
def test_what_a_revert_takes_back_is_read_in_every_form(message: str, id: str, subject: str) -> None:
    assert messages.reverts(message) == (id, subject)


def test_issues_are_named_once_and_standards_are_none() -> None:
    assert messages.references("Fix #12 and SHOP-7\n\nAs UTF-8, see #12 and gh-9.") == ("#12", "SHOP-7", "gh-9")
