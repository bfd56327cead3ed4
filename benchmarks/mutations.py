"""Patches with random damage on top of each other, from a seeded generator: no place need be left that can be told, but none may be guessed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from benchmarks.changes import CHANGES, Change
from benchmarks.damages import DAMAGES, Case, hunks_of

_ODD = {"already", "twin", "cut_off", "blocks", "blocks_drifted", "partly", "stale", "wrong_counts", "wrong_numbers", "ones"}
_COUNTED = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@")
_WHOLE = tuple(damage for name, damage in DAMAGES.items() if name not in _ODD)


@dataclass
class _Patch:
    """A diff and the file it is for, while damage is done to them."""

    lines: list[str]
    before: str
    after: str

    def body(self, signs: str) -> list[int]:
        start = next((at for at, line in enumerate(self.lines) if line.startswith("@@")), len(self.lines))
        return [at for at in range(start, len(self.lines)) if self.lines[at][:1] in signs and not self.lines[at].startswith("@@")]

    def near(self) -> list[int]:
        """Context that stands next to a change."""
        return [at for at in self.body(" ") if any(near.startswith(("+", "-")) for near in self.lines[at - 1 : at + 2])]


def sweep(count: int, seed: int = 1) -> Iterator[Case]:
    """Up to so many cases. Exact and refused are both right; any other tree is wrong.

    Damage that leaves a faultless patch for another place (a hunk stands there as a whole, once, and its counts are right) is left out:
    what was meant cannot be told from such a patch by anybody, git included.
    """
    draw = random.Random(seed)
    for _ in range(count):
        change = draw.choice(CHANGES)
        case = draw.choice(_WHOLE)(change, _headed(change), draw) or DAMAGES["clean"](change, _headed(change), draw)
        assert case is not None
        patch = _Patch(case.text.split("\n"), case.before, case.after or case.before)
        wounds = [draw.choice(_WOUNDS) for _ in range(draw.choice([1, 1, 2, 3, 5]))]
        for wound in wounds:
            wound(patch, draw)
        if not {_recount, _unnumber, _renumber} & {*wounds} and draw.random() < 0.15:
            _cut(patch, draw)
        if _is_another(patch):
            continue
        yield Case("mutation", change.name, change.path, patch.before, "\n".join(patch.lines), patch.after, sure=False)


def _is_another(patch: _Patch) -> bool:
    before, after = (text.replace("\r\n", "\n").split("\n") for text in (patch.before, patch.after))
    changes = [code for code in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if code[0] != "equal"]
    meant = {at for _, start, end, _, _ in changes for at in range(start, max(end, start + 1))}
    return any(at is not None and at not in meant for at in (_faultless(hunk, before) for hunk in hunks_of(patch.lines)))


def _faultless(hunk: list[str], before: list[str]) -> int | None:
    """The line that a hunk without any fault changes first, None for one that has a fault."""
    lines = "\n".join(hunk[1:]).rstrip("\n").split("\n")
    body = [line for line in (line.removesuffix("\r") or " " for line in lines) if line[0] in " -+"]
    old, new = ([line[1:] for line in body if line[0] != sign] for sign in "+-")
    numbers = [int(number) for number in re.findall(r"\d+", hunk[0].split(" @@")[0])]
    changed = next((at for at, line in enumerate(body) if line[0] in "+-"), None)
    if changed is None or (numbers and numbers[1::2] != [len(old), len(new)]):
        return None
    found = [at for at in range(len(before)) if before[at : at + len(old)] == old]
    stated = [at for at in found if numbers and at == numbers[0] - 1]
    return (stated or found)[0] + changed if stated or len(found) == 1 else None


def _headed(change: Change) -> list[str]:
    return [f"diff --git a/{change.path} b/{change.path}", *(line.removesuffix("\r") for line in change.diff())]


def _drop(patch: _Patch, draw: random.Random) -> None:
    if at := _one(patch.body(" "), draw):
        del patch.lines[at]


def _drop_near(patch: _Patch, draw: random.Random) -> None:
    if at := _one(patch.near(), draw):
        del patch.lines[at]


def _double(patch: _Patch, draw: random.Random) -> None:
    if at := _one(patch.body(" "), draw):
        patch.lines.insert(at, patch.lines[at])


def _swap(patch: _Patch, draw: random.Random) -> None:
    """Two neighbouring lines of context, or the two that stand around a change."""
    context = patch.body(" ")
    pairs = [(one, other) for one, other in pairwise(context) if other == one + 1 or draw.random() < 0.5]
    if pairs:
        one, other = draw.choice(pairs)
        patch.lines[one], patch.lines[other] = patch.lines[other], patch.lines[one]


def _reword(patch: _Patch, draw: random.Random) -> None:
    if at := _one(patch.body(" "), draw):
        patch.lines[at] = re.sub(r"\w{3,}", lambda hit: hit[0][::-1], patch.lines[at], count=1)


def _reword_near(patch: _Patch, draw: random.Random) -> None:
    """A line next to a change reads like another line of the file."""
    if at := _one(patch.near(), draw):
        patch.lines[at] = " " + draw.choice(patch.before.split("\n")).removesuffix("\r")


def _misquote(patch: _Patch, draw: random.Random) -> None:
    """A removed line reads otherwise than in the file."""
    if at := _one([at for at in patch.body("-") if re.search(r"\w{3}", patch.lines[at])], draw):
        patch.lines[at] = re.sub(r"\w{3,}", lambda hit: hit[0] + "s", patch.lines[at], count=1)


def _blank(patch: _Patch, draw: random.Random) -> None:
    if at := _one(patch.body(" "), draw):
        patch.lines.insert(at, " ")


def _renumber(patch: _Patch, draw: random.Random) -> None:
    for at, line in enumerate(patch.lines):
        if line.startswith("@@"):
            patch.lines[at] = re.sub(r"-\d+", f"-{draw.randint(1, 60)}", line, count=1)


def _recount(patch: _Patch, draw: random.Random) -> None:
    for at, line in enumerate(patch.lines):
        if line.startswith("@@"):
            patch.lines[at] = re.sub(r",\d+", lambda _: f",{draw.randint(1, 14)}", line)


def _unnumber(patch: _Patch, draw: random.Random) -> None:
    patch.lines = ["@@" if line.startswith("@@") else line for line in patch.lines]


def _outdent(patch: _Patch, draw: random.Random) -> None:
    """One line of context lost its indentation."""
    if at := _one(patch.body(" "), draw):
        patch.lines[at] = " " + patch.lines[at].lstrip()


def _cut(patch: _Patch, draw: random.Random) -> None:
    """The end of the last hunk is missing. Without right counts nobody could know, so those are left in peace."""
    headers = [at for at, line in enumerate(patch.lines) if line.startswith("@@")]
    if headers and _COUNTED.match(patch.lines[headers[-1]]):
        patch.lines = patch.lines[: draw.randint(headers[-1] + 1, len(patch.lines))]


def _move(patch: _Patch, draw: random.Random) -> None:
    """The file grew at its top since."""
    more = "".join(f"{draw.choice(['# a', '// b', '; c'])} {n}\n" for n in range(draw.randint(1, 12)))
    eol = "\r\n" if "\r\n" in patch.before else "\n"
    patch.before, patch.after = (more.replace("\n", eol) + text for text in (patch.before, patch.after))


def _echo(patch: _Patch, draw: random.Random) -> None:
    """Some lines of the file stand at its end once more, as copied code does."""
    lines = patch.before.split("\n")
    start = draw.randrange(len(lines))
    copied = "\n".join(lines[start : start + draw.randint(2, 12)])
    end = "" if patch.before.endswith("\n") else "\n"
    patch.before, patch.after = (text + end + copied + "\n" for text in (patch.before, patch.after))


def _gain(patch: _Patch, draw: random.Random) -> None:
    """The file holds another line somewhere, where both its versions agree."""
    old, new = patch.before.split("\n"), patch.after.split("\n")
    same = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    if same:
        at = draw.randrange(same)
        line = draw.choice(["", "gained", old[at]])
        old.insert(at, line)
        new.insert(at, line)
        patch.before, patch.after = "\n".join(old), "\n".join(new)


def _twin(patch: _Patch, draw: random.Random) -> None:
    """Some lines of the file, as the change found them, stood above it when it was made, or have been put there since; one may differ."""
    lines = patch.before.split("\n")
    start = draw.randrange(len(lines))
    copied = lines[start : start + draw.randint(4, 16)]
    if draw.random() < 0.5 and len(copied) > 2:
        del copied[draw.randrange(len(copied))]
    text = "\n".join(line.removesuffix("\r") for line in copied) + "\n"
    eol = "\r\n" if "\r\n" in patch.before else "\n"
    patch.before, patch.after = (text.replace("\n", eol) + whole for whole in (patch.before, patch.after))


_WOUNDS: Sequence[Callable[[_Patch, random.Random], None]] = (
    _drop, _drop_near, _double, _swap, _reword, _reword_near, _misquote, _blank, _renumber, _recount, _unnumber, _outdent, _move, _echo,
    _twin, _gain,
)  # fmt: skip


def _one(places: Sequence[int], draw: random.Random) -> int:
    """One of the places, 0 when there is none."""
    return draw.choice(list(places)) if places else 0
