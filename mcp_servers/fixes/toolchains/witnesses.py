"""Tests of ours beside those that are asked for, under names that nobody knew: a report that is made up or cut short does not hold them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_servers.kit.stack import StackTrace

WHY = "This test is of Kintsugi and has to fail: it shows that the report is real."


@dataclass(frozen=True, slots=True)
class Witness:
    """Two tests that run when those of `of` are over: `failing` has to be told as failed, then `ending` as passed."""

    of: str
    failing: str
    ending: str

    @classmethod
    def of_chance(cls, of: str, prefix: str = "") -> Witness:
        return cls(of, prefix + secrets.token_hex(8), prefix + secrets.token_hex(8))

    def held(self, told: Mapping[str, tuple[str, StackTrace | None]], last: bool) -> bool:
        """Whether both were told once and as they have to be; `last`: with nothing behind them."""
        names = [name for name in told if self.mine(name)]
        right = [told[name][0] for name in names] == ["failed", "passed"] and names[1].endswith(self.ending)
        return right and (not last or names == list(told)[-2:])

    def mine(self, name: str) -> bool:
        return name.endswith((self.failing, self.ending))


@dataclass(frozen=True, slots=True)
class Staged:
    """What a command is handed in place of the paths, the files to write for it, and the witnesses that its report has to name."""

    run: Sequence[str]
    write: Mapping[str, str] = field(default_factory=dict[str, str])
    witnesses: Sequence[Witness] = ()

    def named(self, name: str) -> str:
        """What a test is called that is told by the name of a file of ours: as the file that ours stands beside."""
        return next((each.of for file, each in zip(self.write, self.witnesses, strict=False) if name.endswith(file)), name)


Beside = Callable[[Sequence[str], Callable[[str], str], bool], Staged]
"""From the test files, what reads one of them, and whether they are the whole suite."""
