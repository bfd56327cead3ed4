"""How well templates are told, beside drain3: on the labelled logs, on miniatures of other systems, in any order and portion.

GA: share of lines whose group is exactly a group of the truth. FGA: F1 over groups. PA: share of lines with the right template text.
FTA: F1 over templates with group and text right. Before texts are compared, runs of `<*>` with nothing but separators between them
count as one, and so does white space (definitions as in the Loghub-2.0 study, ISSTA 2024).
"""

from __future__ import annotations

import logging
import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, cast

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from benchmarks.corpora import LabelledSet, labelled_sets, miniatures, newcomers, original_truth, strangers
from benchmarks.figures import Figure, Say, cpu_seconds, met
from benchmarks.newcomers import LOOKED_AT as NEWCOMERS_LOOKED_AT
from benchmarks.strangers import LOOKED_AT
from mcp_servers.logs.templates import Miner
from mcp_servers.logs.templates.masking import fold, mask
from mcp_servers.logs.templates.merging import Signature, merge, tokens

BARS = {"GA": (0.97, 0.995), "FGA": (0.92, 0.95), "PA": (0.78, 0.90), "FTA": (0.68, 0.80)}
UNSEEN = {"GA": (0.92, 0.97), "FGA": (0.90, 0.95), "PA": (0.60, 0.80), "FTA": (0.60, 0.75)}
RARE = 5
_SEEDS = (1, 2, 3)
_MASKS = (
    (r"(?<![A-Za-z0-9])(?:[0-9a-f]{2,}:){3,}[0-9a-f]{2,}(?![A-Za-z0-9])", "ID"),
    (r"(?<![A-Za-z0-9])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9])", "IP"),
    (r"(?<![A-Za-z0-9])(?:[0-9a-f]{6,} ?){3,}(?![A-Za-z0-9])", "SEQ"),
    (r"(?<![A-Za-z0-9])(?:[0-9A-F]{4} ?){4,}(?![A-Za-z0-9])", "SEQ"),
    (r"(?<![A-Za-z0-9])0x[a-fA-F0-9]+(?![A-Za-z0-9])", "HEX"),
    (r"(?<![A-Za-z0-9])[+-]?\d+(?![A-Za-z0-9])", "NUM"),
    (r"(?<=executed cmd )\".+?\"", "CMD"),
)

Parser = Callable[[Sequence[str]], list[str]]
"""Gives each message the text of its template; messages are in one group when their texts are equal."""


@dataclass(frozen=True, slots=True)
class Score:
    """`rare` counts the templates of at most five messages: right groups, right in group and text, found ones, true ones."""

    ga: float
    fga: float
    pa: float
    fta: float
    rare: tuple[int, int, int, int]

    @property
    def figures(self) -> dict[str, float]:
        return {"GA": self.ga, "FGA": self.fga, "PA": self.pa, "FTA": self.fta}


def ours(messages: Sequence[str]) -> list[str]:
    """The templates that the miner tells."""
    miner = Miner()
    for message in messages:
        miner.add(message)
    return _assigned(miner, messages)


def drain(*, masked: bool = False) -> Parser:
    """drain3 as it comes, or with the masks of its example configuration."""

    def parse(messages: Sequence[str]) -> list[str]:
        config = TemplateMinerConfig()
        if masked:
            config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _MASKS]
        miner = cast(Any, TemplateMiner(config=config))
        places = [miner.add_log_message(message)["cluster_id"] for message in messages]
        texts = {cluster.cluster_id: re.sub(r"<:?[A-Z]+:?>", "<*>", cluster.get_template()) for cluster in miner.drain.clusters}
        return [f"{texts[place]}\0{place}" for place in places]

    return parse


def score(found: Sequence[str], truth: Sequence[str]) -> Score:
    """The four figures and the rare templates of one labelled set."""
    groups, true = _groups(found), _groups(truth)
    true_of = {frozenset(lines): text for text, lines in true.items()}
    right = {text: true_of[lines] for text, members in groups.items() if (lines := frozenset(members)) in true_of}
    same = {pair: normal(pair[0]) == normal(pair[1]) for pair in set(zip(found, truth, strict=True))}
    rare = (sum(len(lines) <= RARE for lines in groups.values()), sum(len(lines) <= RARE for lines in true.values()))
    return Score(
        ga=sum(len(groups[text]) for text in right) / len(found),
        fga=2 * len(right) / (len(groups) + len(true)),
        pa=sum(same[pair] for pair in zip(found, truth, strict=True)) / len(found),
        fta=2 * sum(same[pair] for pair in right.items()) / (len(groups) + len(true)),
        rare=(len(few := [pair for pair in right.items() if len(groups[pair[0]]) <= RARE]), sum(same[pair] for pair in few), *rare),
    )


def normal(text: str) -> str:
    """A template's text as it is compared."""
    return fold(" ".join(text.partition("\0")[0].split()))


def run(say: Say) -> list[Figure]:
    sets, small = labelled_sets(), miniatures(1500)
    say("ours")
    scores, others = [_of(ours, one) for one in sets], [_of(ours, one) for one in small]
    say("drain3")
    peers, masked = [_of(drain(), one) for one in sets], [_of(drain(masked=True), one) for one in sets]
    small_peers = [_of(drain(), one) for one in small]
    figures = [_of_set(one.name, own, peer) for one, own, peer in zip(sets, scores, peers, strict=True)]
    figures += _means("labelled", scores, peers, BARS)
    figures += _means("labelled, peer with masks", scores, masked, BARS)
    figures += [_of_set(one.name, own, peer) for one, own, peer in zip(small, others, small_peers, strict=True)]
    figures += _means("miniatures", others, small_peers, UNSEEN)
    say("programs without rules")
    figures += _strange()
    figures += _rare("labelled", scores, peers) + _rare("miniatures", others, small_peers)
    say("original annotation")
    originals = [(one, truth) for one in sets if (truth := original_truth(one))]
    if originals:
        figures.append(
            _of_set(
                "original annotation, mean",
                *(_mean([score(parse(one.messages), truth) for one, truth in originals]) for parse in (ours, drain())),
            )
        )
    say("order and portions")
    figures.append(_stable(sets))
    say("many signatures")
    return [*figures, *_many()]


def _strange() -> list[Figure]:
    """Logs that no rule was made for, each drawn three times: those that were looked at to mend, and those never looked at."""
    figures: list[Figure] = []
    for name, drawn, looked_at in (("strangers", strangers, LOOKED_AT), ("newcomers", newcomers, NEWCOMERS_LOOKED_AT)):
        every = [one for seed in _SEEDS for one in drawn(1500, seed)]
        for side, told in ((True, "looked at"), (False, "never looked at")):
            sets = [one for one in every if (one.name in looked_at) == side]
            figures += _means(f"{name}, {told}", [_of(ours, one) for one in sets], [_of(drain(), one) for one in sets], UNSEEN)
    return figures


def _many() -> list[Figure]:
    """What a log costs in which nearly everything is different, and one of kilobytes a line."""
    source = random.Random(1)
    words = ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=source.randint(3, 9))) for _ in range(3000)]
    sentences = [source.choices(words, k=source.randint(5, 30)) for _ in range(2000)]
    varied: set[Signature] = set()
    while len(varied) < 20_000:
        sentence = list(source.choice(sentences))
        sentence[source.randrange(len(sentence))] = source.choice(words)
        varied.add(tokens(" ".join(sentence)))
    dumps = [", ".join(f"{key}={source.choice(words)}{source.randrange(99)}" for key in words[:150]) for _ in range(1000)]
    seconds, _ = cpu_seconds(lambda: merge(varied))
    whole, _ = cpu_seconds(lambda: merge(tokens(mask(dump)) for dump in dumps))
    return [
        Figure("20,000 different signatures merged", f"{seconds:.1f} s", reach="8 s", beyond="4 s", met=met(seconds, 8, 4)),
        Figure("1,000 dumps of 2 kB masked and merged", f"{whole:.1f} s", reach="8 s", beyond="4 s", met=met(whole, 8, 4)),
    ]


def _of(parse: Parser, one: LabelledSet) -> Score:
    return score(parse(one.messages), one.truth)


def _mean(scores: list[Score]) -> Score:
    return Score(*(fmean(getattr(one, name) for one in scores) for name in ("ga", "fga", "pa", "fta")), rare=(0, 0, 0, 0))


def _of_set(name: str, own: Score, peer: Score) -> Figure:
    def text(of: Score) -> str:
        return " ".join(f"{value:.3f}" for value in of.figures.values())

    return Figure(f"{name}: GA FGA PA FTA", text(own), text(peer), reach="GA 0.80", beyond="GA 0.90", met=met(own.ga, 0.80, 0.90))


def _means(name: str, scores: list[Score], peers: list[Score], bars: dict[str, tuple[float, float]]) -> list[Figure]:
    own, peer = _mean(scores).figures, _mean(peers).figures
    return [
        Figure(f"{name}, mean {kind}", f"{own[kind]:.3f}", f"{peer[kind]:.3f}", f"{own[kind] / peer[kind]:.2f}×", "", str(reach), str(beyond), met(own[kind], reach, beyond))
        for kind, (reach, beyond) in bars.items()
    ]  # fmt: skip


def _rare(name: str, scores: list[Score], peers: list[Score]) -> list[Figure]:
    def f1(side: list[Score], right: int) -> float:
        return 2 * sum(one.rare[right] for one in side) / max(1, sum(sum(one.rare[2:]) for one in side))

    figures: list[Figure] = []
    for right, what in enumerate(("groups", "groups and texts")):
        own, peer = f1(scores, right), f1(peers, right)
        ratio = own / peer if peer else 99.0
        told = f"{name}, templates seen 1–{RARE} times, F1 over {what}"
        figures.append(Figure(told, f"{own:.3f}", f"{peer:.3f}", f"{ratio:.2f}×", "", "1.3×", "1.6×", met(ratio, 1.3, 1.6)))
    return figures


def _stable(sets: list[LabelledSet]) -> Figure:
    """The share of lines whose group is the same after a shuffle and in two and ten portions."""
    same = total = 0
    for one in sets:
        whole = _placed(one.messages, ours(one.messages))
        ways = [_shuffled(one.messages), *(_in_portions(one.messages, portions) for portions in (2, 10))]
        same += sum(whole[message] == way[message] for way in ways for message in one.messages)
        total += len(ways) * len(one.messages)
    return Figure(
        "same group in any order and portion", f"{same / total:.2%}", reach="99%", beyond="100%", met=met(same / total, 0.99, 1.0)
    )


def _shuffled(messages: Sequence[str]) -> dict[str, frozenset[str]]:
    order = random.Random(7).sample(messages, len(messages))
    return _placed(order, ours(order))


def _in_portions(messages: Sequence[str], portions: int) -> dict[str, frozenset[str]]:
    miner = Miner()
    for portion in range(portions):
        for message in messages[portion::portions]:
            miner.add(message)
        miner.templates()
    return _placed(messages, _assigned(miner, messages))


def _placed(messages: Sequence[str], found: Sequence[str]) -> dict[str, frozenset[str]]:
    members: defaultdict[str, set[str]] = defaultdict(set)
    for message, text in zip(messages, found, strict=True):
        members[text].add(message)
    groups = {text: frozenset(group) for text, group in members.items()}
    return {message: groups[text] for message, text in zip(messages, found, strict=True)}


def _assigned(miner: Miner, messages: Sequence[str]) -> list[str]:
    known = {message: template for message in set(messages) if (template := miner.assign(message))}
    return [f"{known[message].text}\0{known[message].id}" for message in messages]


def _groups(texts: Sequence[str]) -> dict[str, set[int]]:
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for line, text in enumerate(texts):
        groups[text].add(line)
    return groups


logging.getLogger("drain3").setLevel(logging.ERROR)
