"""The shares of a backtest, each with the denominator that it deserves. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.backtest.model import Share, Told


def shares(told: Sequence[Told], raised: Sequence[str], cases: int) -> tuple[Share, ...]:
    """What was found of what could be found. `raised` are the commits that guards spoke of, `cases` the cases that the logs open."""
    return (*_detected(told, cases), *_blamed(told), *_placed(told), *_proposed(told), *_prevented(told, raised))


def _of(told: Sequence[Told], stage: str) -> list[Told]:
    return [one for one in told if one.answers[stage].hit is not None]


def _hits(told: Sequence[Told], stage: str, most: int = 0) -> int:
    return sum(bool(one.answers[stage].hit) and (not most or one.answers[stage].rank <= most) for one in told)


def _detected(told: Sequence[Told], cases: int) -> tuple[Share, ...]:
    asked = _of(told, "detected")
    own = {one.answers["detected"].said["case"] for one in asked if one.answers["detected"].hit}
    return (
        Share(
            "detected, recall",
            _hits(asked, "detected"),
            len(asked),
            "incidents within the time of the logs that have a case before they were mended",
        ),
        Share(
            "detected, precision",
            len(own),
            cases,
            "cases of the logs with a trace of ours that are one of these incidents; others may be real and unmended",
        ),
    )


def _blamed(told: Sequence[Told]) -> tuple[Share, ...]:
    found: list[Share] = []
    for kind, several, label in (("revert", "reverts", "the commit that was taken back"), ("fix", "fixes", "a commit that SZZ names")):
        asked = [one for one in _of(told, "blamed") if one.incident.kind == kind]
        answered = [one for one in asked if one.answers["blamed"].said.get("suspects")]
        found += [
            Share(f"blamed ({several}), hit@1", _hits(asked, "blamed", 1), len(asked), f"{several} whose first suspect is {label}"),
            Share(f"blamed ({several}), hit@3", _hits(asked, "blamed", 3), len(asked), f"{several} with {label} among three suspects"),
            Share(f"blamed ({several}), precision@1", _hits(answered, "blamed", 1), len(answered), f"first suspects that are {label}"),
        ]
    return tuple(found)


def _placed(told: Sequence[Told]) -> tuple[Share, ...]:
    asked = _of(told, "placed")
    return tuple(
        Share(
            f"placed, hit@{most}",
            _hits(asked, "placed", most),
            len(asked),
            f"incidents seen to fail, with a mended function among the first {most}",
        )
        for most in (1, 5)
    )


def _proposed(told: Sequence[Told]) -> tuple[Share, ...]:
    asked = _of(told, "proposed")
    answered = [one for one in asked if one.answers["proposed"].why.endswith("change")]
    return (
        Share(
            "proposed, recall",
            _hits(asked, "proposed"),
            len(asked),
            "incidents seen to fail for which a recipe proposes the change that was made",
        ),
        Share(
            "proposed, precision",
            _hits(answered, "proposed"),
            len(answered),
            "proposals that are the change that was made; another may heal as well",
        ),
    )


def _prevented(told: Sequence[Told], raised: Sequence[str]) -> tuple[Share, ...]:
    asked, spoken = _of(told, "prevented"), set(raised)
    faulty = {id for one in told for id in one.culprits}
    return (
        Share(
            "guards compiled",
            sum(one.guard is not None for one in told),
            len(told),
            "fixes whose change proves a guard that their history bears",
        ),
        Share(
            "prevented, recall",
            _hits(asked, "prevented"),
            len(asked),
            "incidents brought after the first guard, at which an earlier fix's guard speaks",
        ),
        Share(
            "prevented, precision",
            len(spoken & faulty),
            len(spoken),
            "commits at which guards speak that are known to have brought an incident",
        ),
    )
