"""Where state lives on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where state lives: one place per user, so that knowledge crosses repositories."""
    return Path(environ.get("KINTSUGI_HOME") or platformdirs.user_data_dir("kintsugi", appauthor=False))


def database_url(environ: Mapping[str, str]) -> str:
    """The store that the environment names, or the one in the state folder."""
    return environ.get("KINTSUGI_DATABASE_URL") or f"sqlite:///{state_folder(environ) / 'kintsugi.sqlite'}"
