"""One installation of the plugin in a Claude Code of its own, and one broken service that everything here happens to."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.claude_code.host import Claude, Session, checkout
from tests.e2e.claude_code.road import Walker, all_sent, healed, looked, set_up
from tests.e2e.strangers import WAREHOUSE

ALLOWED = ("--allowedTools", "mcp__plugin_kintsugi_kintsugi", "Bash", "Read")
"""What a person lets a session do that nobody watches."""


@dataclass(frozen=True)
class Installed:
    """The plugin as two commands install it and `--init-only` prepares it: `told` holds what each said, `source` is the marketplace."""

    claude: Claude
    source: Path
    told: dict[str, CompletedProcess[str]]


@dataclass(frozen=True)
class Healed:
    """A service that a model set up, healed up to the person and looked at, in one session of `claude`."""

    claude: Claude
    source: Path
    root: Path
    walker: Walker
    session: Session

    @property
    def fix(self) -> str:
        return str(self.walker.told["propose_fix"]["id"])


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("claude")
    source, claude = checkout(folder / "kintsugi"), Claude(folder / "home", {"KINTSUGI_HOME": str(folder / "state")})
    claude.home.mkdir()
    commands = {
        "validate": ("plugin", "validate", "--strict", "--json", str(source)),
        "add": ("plugin", "marketplace", "add", str(source)),
        "install": ("plugin", "install", "kintsugi@kintsugi", "--config", "allow_writes=all"),
        "setup": ("--init-only",),
    }
    return Installed(claude, source, {name: claude.run(*words) for name, words in commands.items()})


@pytest.fixture(scope="package")
def warehouse(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Healed:
    root = WAREHOUSE.build(tmp_path_factory.mktemp("services") / "warehouse")
    walker = Walker({"Setting Kintsugi up": set_up, "Heal what is broken": healed, "Tell how things stand": looked, "everyone": all_sent})
    questions = ("/kintsugi:setup", "/kintsugi:heal", "/kintsugi:status", "Send everyone to look.")
    session = installed.claude.ask(walker, *questions, folder=root, options=ALLOWED)
    return Healed(installed.claude, installed.source, root, walker, session)


@pytest.fixture
def another(warehouse: Healed, tmp_path: Path) -> Healed:
    """The same service with the same history elsewhere, for who decides something about it."""
    home = tmp_path / "state"
    shutil.copytree(warehouse.claude.environ["KINTSUGI_HOME"], home)
    root = Path(shutil.copytree(warehouse.root, tmp_path / "warehouse"))
    return replace(warehouse, claude=replace(warehouse.claude, environ={"KINTSUGI_HOME": str(home)}), root=root)
