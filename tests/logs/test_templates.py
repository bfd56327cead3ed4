from __future__ import annotations

import csv
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_servers.logs.templates import Miner, Template
from mcp_servers.logs.templates.masking import fold

LOGHUB = Path(__file__).parents[3] / "shared" / "data" / "loghub-2k"
SOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
WORDS = st.sampled_from(
    ["open", "close", "user", "alice", "bob", "carol", "dave", "17", "4711", "10.0.0.1", "/var/log/x", "from", "=", "ok", "at"]
)
MESSAGES = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=40)


def mined(*bodies: str) -> Miner:
    miner = Miner()
    for body in bodies:
        miner.add(body)
    return miner


def texts(*bodies: str) -> list[str]:
    return [template.text for template in mined(*bodies).templates()]


@pytest.mark.parametrize(
    ("bodies", "template"),
    [
        (("took 12 ms", "took 9 ms"), "took <*> ms"),
        (("GET /customers/17?x=1 from 10.0.0.7:80",), "GET <*> from <*>"),
        (("job 9f8e7d6c-0000-4a4b-8c8d-1234567890ab done", "job 00000000-1111-4a4b-8c8d-1234567890ab done"), "job <*> done"),
        (("truncated at 500 rows: got 1200", "truncated at 500 rows: got 900"), "truncated at <*> rows: got <*>"),
        (("mail to bob@example.com bounced",), "mail to <*> bounced"),
        (("login of user alice failed", "login of user bob failed", "login of user carol failed"), "login of user <*> failed"),
        (("cache=true ready",), "cache=<*> ready"),
        (("block blk_-123 blk_456 blk_7 lost",), "block <*> lost"),
        (("link eth0 is up",), "link <*> is up"),
    ],
)
def test_values_become_holes(bodies: tuple[str, ...], template: str):
    assert texts(*bodies) == [template]


def test_words_that_say_what_happened_stay():
    assert sorted(texts("payment accepted", "payment rejected", "payment failed")) == [
        "payment accepted",
        "payment failed",
        "payment rejected",
    ]


def test_a_template_counts_and_dates_its_messages_and_shows_one_of_them():
    miner = Miner()
    for minute in (5, 1, 9):
        miner.add(f"row {minute} skipped", SOON + timedelta(minutes=minute))
    (template,) = miner.templates()
    assert (template.count, template.first, template.last) == (3, SOON + timedelta(minutes=1), SOON + timedelta(minutes=9))
    assert template.sample == "row 1 skipped"
    assert template.values == (("1", "5", "9"),)


def test_the_id_of_a_template_is_told_by_its_text_alone():
    assert mined("took 12 ms").templates()[0].id == mined("took 9 ms", "other").templates()[-1].id


def test_a_message_never_seen_before_is_assigned_to_its_template():
    miner = mined("login of user alice failed", "login of user bob failed", "login of user carol failed", "took 1 ms")
    assert (miner.assign("login of user zoe failed") or miner.templates()[-1]).text == "login of user <*> failed"
    assert (miner.assign("took 99 ms") or miner.templates()[0]).text == "took <*> ms"
    assert miner.assign("something else entirely") is None


def test_nothing_mined_is_nothing():
    assert Miner().templates() == []
    assert Miner().assign("x") is None


def by_message(miner: Miner, bodies: list[str]) -> dict[str, Template]:
    return {body: template for body in bodies if (template := miner.assign(body))}


@settings(deadline=None)
@given(bodies=MESSAGES, seed=st.integers())
def test_the_order_of_the_messages_does_not_matter(bodies: list[str], seed: int):
    shuffled = random.Random(seed).sample(bodies, len(bodies))
    one, other = by_message(mined(*bodies), bodies), by_message(mined(*shuffled), bodies)
    assert {body: (t.id, t.count) for body, t in one.items()} == {body: (t.id, t.count) for body, t in other.items()}


@settings(deadline=None)
@given(bodies=MESSAGES)
def test_every_message_is_counted_once(bodies: list[str]):
    miner = mined(*bodies)
    assert sum(template.count for template in miner.templates()) == len(bodies)
    assert all(miner.assign(body) for body in bodies)


@settings(deadline=None)
@given(st.lists(st.text(max_size=300), max_size=10))
def test_no_message_breaks_the_miner(bodies: list[str]):
    assert sum(template.count for template in mined(*bodies).templates()) == len(bodies)


def test_long_messages_of_many_words_stay_cheap():
    dumps = [
        " ".join(f"{word}{n % 3}={n * 7 % 11}" for n, word in enumerate(["alpha", "beta", "gamma"] * 200)) + f" {x}" for x in "abcdefgh"
    ]
    assert len(texts(*dumps)) == 1


def contents(name: str) -> list[dict[str, str]]:
    path = LOGHUB / name / f"{name}_2k.log_structured_corrected.csv"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return list(csv.DictReader(file))


def accuracy(rows: list[dict[str, str]]) -> tuple[float, float]:
    """The share of messages whose group is exactly a group of the truth, and of those whose template reads as the truth does."""
    miner = mined(*(row["Content"] for row in rows))
    templates = {body: template for body in {row["Content"] for row in rows} if (template := miner.assign(body))}
    found: defaultdict[str, set[int]] = defaultdict(set)
    truth: defaultdict[str, set[int]] = defaultdict(set)
    for number, row in enumerate(rows):
        found[templates[row["Content"]].id].add(number)
        truth[row["EventTemplate"]].add(number)
    right = {frozenset(group) for group in truth.values()}
    said = sum(fold(templates[row["Content"]].text) == fold(" ".join(row["EventTemplate"].split())) for row in rows)
    return sum(len(group) for group in found.values() if frozenset(group) in right) / len(rows), said / len(rows)


@pytest.mark.skipif(not LOGHUB.is_dir(), reason="the annotated logs of loghub are not here")
def test_real_logs_of_eight_systems_are_grouped_and_told_as_people_do():
    figures = {folder.name: accuracy(contents(folder.name)) for folder in sorted(LOGHUB.iterdir()) if folder.is_dir()}
    assert len(figures) == 8
    grouped, told = zip(*figures.values(), strict=True)
    assert fmean(grouped) >= 0.97, figures
    assert min(grouped) >= 0.95, figures
    assert fmean(told) >= 0.9, figures


@pytest.mark.skipif(not LOGHUB.is_dir(), reason="the annotated logs of loghub are not here")
def test_real_logs_are_grouped_alike_in_any_order():
    bodies = [row["Content"] for row in contents("Hadoop")]
    shuffled = random.Random(7).sample(bodies, len(bodies))
    assert mined(*bodies).templates()[0].text == mined(*shuffled).templates()[0].text
    assert {(t.id, t.count) for t in mined(*bodies).templates()} == {(t.id, t.count) for t in mined(*shuffled).templates()}
