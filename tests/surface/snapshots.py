"""What is stored beside the tests: compared, or with UPDATE_SNAPSHOTS=1 (`make snapshots`) written anew."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def same_as_stored(value: Any, name: str) -> None:
    """Asserts that the value is the one stored under `name`, a path beside this module."""
    path = HERE / name
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"{name} is not stored yet; run `make snapshots`"
    assert json.loads(text) == json.loads(path.read_text("utf-8")), f"{name} changed; if that is right, run `make snapshots` and review it"
