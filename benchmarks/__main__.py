"""`make bench`: every figure with its peer and its physical limit, in one table. `python -m benchmarks templates verdicts` runs only these."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.figures import Figure

MODULES: tuple[str, ...] = (
    "alarms",
    "apply",
    "approvals",
    "backtest",
    "classification",
    "fingerprints",
    "guards",
    "hooks",
    "injection",
    "reading",
    "recall",
    "servers",
    "templates",
    "tokens",
    "throughput",
    "verdicts",
)
"""The modules of this package that tell figures: each has `run(say) -> list[Figure]`."""
LONG: tuple[str, ...] = ("certificates", "crash", "learned", "patches", "places", "sandbox", "tokenizers")
"""Those that take many minutes, or hours, or fetch what they compare with: they run only when they are named."""

_STYLES = {"beyond": "bold green", "reach": "green", "": "yellow"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *MODULES, *LONG], metavar="NAME", help=f"of: {', '.join((*MODULES, *LONG))}")
    chosen = parser.parse_args().only or MODULES
    quiet = Console(stderr=True)
    figures: list[Figure] = []
    broken: list[str] = []
    with Progress(SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(), console=quiet) as progress:
        for name in chosen:
            task = progress.add_task(name)

            def say(doing: str, name: str = name, task: object = task) -> None:
                progress.update(task, description=f"{name}: {doing}")  # pyright: ignore[reportArgumentType]

            try:
                figures += import_module(f"benchmarks.{name}").run(say)
            except Exception as error:
                broken.append(f"{name} could not be measured: {type(error).__name__}: {error}")
            progress.update(task, description=name, total=1, completed=1)
    Console(width=None if sys.stdout.isatty() else 200).print(_table(figures))
    if broken:
        sys.exit("\n".join(broken))


def _table(figures: list[Figure]) -> Table:
    table = Table(header_style="bold", show_lines=False)
    for column in ("figure", "ours", "peer", "ratio", "anchor", "reach", "beyond", "met"):
        table.add_column(column, overflow="fold")
    for one in figures:
        cells = (one.name, one.ours, one.peer, one.ratio, one.anchor, one.reach, one.beyond, one.met or ("-" if one.reach else ""))
        table.add_row(*cells, style=_STYLES[one.met] if one.reach else "")
    return table


if __name__ == "__main__":
    main()
