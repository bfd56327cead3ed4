"""Pages into the folder `wisdom` of a run: each file whole or not at all, nothing through a link, what is the same left alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from kintsugi.wisdom.page import Page
from mcp_servers.kit.errors import Misconfigured, Refusal

FOLDER = "wisdom"


def write(run: Path, pages: Sequence[Page]) -> list[Path]:
    """The paths of the pages and pictures, written; raises `Refusal` where `wisdom` is a link, `Misconfigured` where nothing can be written."""
    folder = run / FOLDER
    if folder.is_symlink():
        raise Refusal(f"{folder} is a link; take it away, so that pages are written where they are looked for.", code="linked")
    files = {one.file: one.render() for one in pages} | {picture.file: picture.svg for one in pages for picture in one.pictures}
    try:
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            _put(folder / name, text)
    except OSError as error:
        raise Misconfigured(f"The pages cannot be written to {folder}: {error.strerror}.", code="not_written") from error
    return [folder / name for name in files]


def _put(path: Path, text: str) -> None:
    if path.is_file() and not path.is_symlink() and path.read_text("utf-8") == text:
        return
    with NamedTemporaryFile("w", dir=path.parent, prefix=".", suffix=".part", delete=False, encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
