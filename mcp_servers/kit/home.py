"""Where state lives on this machine. Imports nothing that a git hook would wait for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def state_path(environ: Mapping[str, str]) -> str:
    """Where state lives: one place per user, so that knowledge crosses repositories."""
    if home := environ.get("KINTSUGI_HOME"):
        return home
    import platformdirs  # 20 ms: only who names no folder pays for it

    return platformdirs.user_data_dir("kintsugi", appauthor=False)


def state_folder(environ: Mapping[str, str]) -> Path:
    """The same as a path."""
    from pathlib import Path

    return Path(state_path(environ))


def database_url(environ: Mapping[str, str]) -> str:
    """The store that the environment names, or the one in the state folder."""
    return environ.get("KINTSUGI_DATABASE_URL") or f"sqlite:///{state_folder(environ) / 'kintsugi.sqlite'}"
