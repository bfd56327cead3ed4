"""A repository with a release that went wrong: a plan, a decision, a fix that was taken back, a test that fails, and what it reaches."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

from tests.fixes.repositories import Worktree, empty

PRICES = "def total(prices):\n    return sum(prices)\n\n\ndef label(price):\n    return f'{price} EUR'\n"
DISCOUNT = (
    "\n\ndef discount(price, percent):\n    if percent > 100:\n        raise ValueError('too much')\n    if percent < 0:\n"
    "        raise ValueError('too little')\n    if percent == 100:\n        return 0\n    return price * (100 - percent) / 100\n"
)
TESTS = "from shop.prices import label, total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n\n\ndef test_label():\n    assert label(3) == '3 EUR'\n"
PLAN = """# Work plan

- [x] Discounts in `shop/prices.py`
- [x] Coupons in `shop/coupons.py`
- [x] Remove `shop/legacy.py`
- [x] Test `test_total` stays green, and `test_discount_is_never_negative` is new
- [ ] Tell the finance people

See `../../etc/passwd`, and ask @everyone about <script>alert(1)</script>.
"""
DECISION = "# Deployment decision\n\n**Decision:** GO\n**Owner:** Ada Lovelace\n**Date:** 2026-11-10\n**Version:** v1.1.0\n\n## Decision: keep the old tables\n\nThey are small.\n"
SPEC = "# Observability\n\n## Metrics\n\n- `shop_total_cents` is never negative\n- `shop_orders`\n\n## Logs\n\n- `order {id} placed` for each order\n"
COVERED = '{"meta": {"format": 3}, "files": {"shop/prices.py": {"executed_lines": [1, 2, 5, 6, 9], "missing_lines": [10, 11, 12, 13, 14, 15, 16]}}, "totals": {"percent_covered": 41.6}}'
EARLIER = '{"meta": {"format": 3}, "files": {"shop/prices.py": {"executed_lines": [1, 2, 5, 6], "missing_lines": []}}, "totals": {}}'


def junit(*failing: str, passed: tuple[str, ...] = (), told: str = "") -> str:
    cases = [f'<testcase classname="tests.test_prices" name="{name}" time="0.01"/>' for name in passed]
    cases += [
        f'<testcase classname="tests.test_prices" name="{name}" time="0.2"><failure message={quoteattr("AssertionError: 4 EUR")}>{told}</failure></testcase>'
        for name in failing
    ]
    return f'<?xml version="1.0"?><testsuites><testsuite name="pytest">{"".join(cases)}</testsuite></testsuites>'


def went_wrong(folder: Path) -> Worktree:
    """The repository: the tag v1.0.0, and after it a release whose run is in runs/2 (and the one before in runs/1)."""
    made = empty(folder)
    first = {"shop/__init__.py": "", "shop/prices.py": PRICES, "shop/legacy.py": "OLD = 1\n", "tests/test_prices.py": TESTS}
    earlier = {"runs/1/junit.xml": junit(passed=("test_total", "test_label")), "runs/1/coverage.json": EARLIER}
    made.commit("feat: a shop", {**first, **earlier}, at="2026-11-01T09:00:00+00:00")
    made.git("tag", "v1.0.0", at="2026-11-01T09:00:00+00:00")
    made.commit(
        "feat: discounts (#7)\n\nCloses: SHOP-12", {"shop/prices.py": PRICES + DISCOUNT}, at="2026-11-08T09:00:00+00:00", author="Grace"
    )
    broken = PRICES.replace("{price} EUR", "{price + 1} EUR") + DISCOUNT
    made.commit("fix: labels are rounded", {"shop/prices.py": broken}, at="2026-11-09T09:00:00+00:00", author="Linus")
    speedy = made.commit("perf: totals in one go", {"shop/fast.py": "def total(prices): return 0\n"}, at="2026-11-09T10:00:00+00:00")
    (folder / "shop/fast.py").unlink()
    made.commit(f'Revert "perf: totals in one go"\n\nThis reverts commit {speedy}.', {}, at="2026-11-09T11:00:00+00:00")
    papers = {"work_plan.md": PLAN, "deployment_decision.md": DECISION, "observability_spec.md": SPEC}
    made.commit("docs: the papers of the run", {f"runs/2/{name}": text for name, text in papers.items()}, at="2026-11-10T09:00:00+00:00")
    told = "tests/test_prices.py:9: in test_label\nshop/prices.py:6: AssertionError"
    made.write({"runs/2/junit.xml": junit("test_label", passed=("test_total",), told=told), "runs/2/coverage.json": COVERED})
    return made
