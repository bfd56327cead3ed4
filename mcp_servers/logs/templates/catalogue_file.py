"""A catalogue per source on disk, replaced as a whole."""

from __future__ import annotations

import json
import os
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from mcp_servers.kit.errors import Misconfigured
from mcp_servers.logs.templates.catalogue import Catalogue

_LARGEST = 64 * 2**20


def path_of(folder: Path, source: str) -> Path:
    """The file of a source; its name is told by the source's name, whatever characters that holds."""
    return folder / f"templates-{sha256(source.encode('utf-8', 'replace')).hexdigest()[:16]}.json"


def load(folder: Path, source: str) -> Catalogue:
    """What was saved for this source, empty when nothing was; raises `Misconfigured` when the file is not a catalogue."""
    path = path_of(folder, source)
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
        return Catalogue.from_json(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Catalogue()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(f"{path} is not a catalogue of templates: {error!r}. Delete it; templates then get new ids.") from error


def set_aside(folder: Path, source: str) -> Path:
    """Renames a file that is no catalogue, so that whoever wants to can look at it; gives its new place. Raises OSError."""
    path = path_of(folder, source)
    with path.open("rb") as file:
        told = file_digest(file, "sha256").hexdigest()[:8]
    return path.replace(path.with_name(f"{path.stem}.broken-{told}"))


def save(folder: Path, source: str, catalogue: Catalogue) -> None:
    """Puts the catalogue in place of the one before: a reader, or a crash, sees either of the two. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=folder, suffix=".tmp", delete=False) as file:
        try:
            json.dump(catalogue.as_json(), file, ensure_ascii=True, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path_of(folder, source))
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
