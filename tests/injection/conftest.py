"""One world for all of these tests, with every hostile text in its place; each text is obeyed in it as it was kept."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from tests.injection.hostile import CORPUS
from tests.injection.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    anyio.run(made.live, CORPUS)
    yield made
    made.close()
