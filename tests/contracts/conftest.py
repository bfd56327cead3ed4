from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.components import needs
from tests.conftest import Clock
from tests.contracts.emulator import Emulator, running
from tests.contracts.scenes import GitHubScene, LocalScene, Scene


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Emulator]:
    with running(tmp_path_factory.mktemp("emulator")) as started:
        yield started


@pytest.fixture
def github(tmp_path: Path, clock: Clock, emulator: Emulator) -> GitHubScene:
    return GitHubScene(tmp_path, clock, emulator)


@pytest.fixture(params=["local", pytest.param("github", marks=needs("emulate"))])
def scene(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Scene:
    if request.param == "local":
        return LocalScene(tmp_path, clock)
    return GitHubScene(tmp_path, clock, request.getfixturevalue("emulator"))
