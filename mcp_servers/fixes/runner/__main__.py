"""Starts the runner from its folder alone: the packages around it are not there in the jail, and the project may have some of their names."""

import sys
import types
from pathlib import Path

PACKAGES = ("mcp_servers", "mcp_servers.fixes", "mcp_servers.fixes.runner")


def borrow_names() -> None:
    """Packages without content, so that our modules find each other under their own names."""
    here = Path(__file__).resolve().parent
    for name, folder in zip(PACKAGES, (here.parents[1], here.parent, here)):  # noqa: B905 - 3.8 has no strict
        module = sys.modules[name] = types.ModuleType(name)
        module.__path__ = [str(folder)]


def give_names_back() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGES[0]]:
        del sys.modules[name]


if __name__ == "__main__":
    borrow_names()
    from mcp_servers.fixes.runner.parent import main

    give_names_back()
    sys.path.pop(0)
    main()
