"""What a person hands in as a patch: read from a file or standard input, with the test and the title that lie in it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from kintsugi.reasoners.places import is_test
from mcp_servers.kit.errors import Refusal

MAX_BYTES = 4_000_000
_SECTION = re.compile(r"^(?=diff --git )", re.M)
_PLAIN_SECTION = re.compile(r"^(?=--- [^\n]*\n\+\+\+ )", re.M)
_NEW = re.compile(r"^--- /dev/null\r?\n\+\+\+ (?:b/)?([^\t\r\n]+)", re.M)
_ANY_CHANGE = re.compile(r"diff --git |--- |\+\+\+ |@@|\*\*\* |(?:<|&lt;){5}")
_SUBJECT = re.compile(r"^Subject: (?:\[[^\]]*\] ?)?(.+(?:\n .+)*)", re.M)


@dataclass(frozen=True, slots=True)
class Patch:
    """Edits as the tools take them, and what came with them: the draft's own words, and a reproduction (path and content)."""

    edits: tuple[Mapping[str, Any], ...]
    words: Mapping[str, Any] = field(default_factory=dict[str, Any])
    test: Mapping[str, str] = field(default_factory=dict[str, str])

    def text(self) -> str:
        return json.dumps(self.edits)


def read(name: str, *, of: str) -> str:
    """The text of a file, or of standard input for `-`; raises `Refusal` when it cannot be read, is empty or is no text."""
    if name == "-" and sys.stdin.isatty():
        raise Refusal(f"{of} is read from standard input, where nothing comes; name a file, or send one: … < FILE.", code="nothing_given")
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else Path(name).read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise Refusal(f"{of} {name} cannot be read: {error.strerror}.", code="not_readable") from error
    except UnicodeDecodeError:
        raise Refusal(f"{of} {name} is not UTF-8 text.", code="not_text") from None
    if len(content) > MAX_BYTES:
        raise Refusal(f"{of} {name} is over {MAX_BYTES} bytes; cut out what belongs to this failure.", code="too_large")
    if not text.strip():
        raise Refusal(f"{of} {'on standard input' if name == '-' else name} is empty.", code="nothing_given")
    return text


def parsed(text: str, *, keep_test: bool = False) -> Patch:
    """The patch of a text: edits as JSON, or a diff or blocks as they are. A new test in a diff becomes its reproduction, unless `keep_test`.

    Raises `Refusal` for a text that shows no change, or nothing but a test.
    """
    if text.lstrip()[:1] in {"[", "{"}:
        return _from_json(text)
    if not _ANY_CHANGE.search(text):
        raise Refusal(
            "This is no patch: no change is in it. Give a diff (`git diff` writes one), SEARCH/REPLACE blocks, or edits as JSON.",
            code="bad_patch",
        )
    subject = _SUBJECT.search(text)
    words = {"title": " ".join(subject[1].split())} if subject else {}
    rest, test = (text, {}) if keep_test else _apart(text)
    if not rest.strip():
        raise Refusal("The patch holds a test and nothing else; a fix changes the program.", code="no_change")
    return Patch(({"kind": "diff", "diff": rest},), words, test)


def given_test(name: str, root: Path, folder: Path, key: str) -> dict[str, str]:
    """The test of a file: at its own place when that is in the repository, else under the tests, named after what it reproduces."""
    content = read(name, of="The test")
    place = (folder / name).resolve()
    inside = name != "-" and place.is_relative_to(root.resolve())
    path = place.relative_to(root.resolve()).as_posix() if inside else f"tests/test_reproduces_{key}.py"
    return {"path": path, "content": content}


def _from_json(text: str) -> Patch:
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise Refusal(f"The patch begins like JSON and is none: {error}.", code="bad_patch") from error
    draft = cast("dict[str, Any]", value if isinstance(value, dict) and "edits" in value else {"edits": value})
    edits: Any = draft.pop("edits")
    listed = cast("list[Any]", edits) if isinstance(edits, list) else [edits]
    if not listed or not all(isinstance(edit, dict) and "kind" in edit for edit in listed):
        raise Refusal(
            'The patch is JSON, but no edits: give [{"kind": "replace", "path": …, "search": …, "replace": …}], or an object with "edits".',
            code="bad_patch",
        )
    test: Any = draft.pop("test", {})
    return Patch(tuple(listed), draft, test if isinstance(test, dict) else {})  # pyright: ignore[reportUnknownArgumentType]


def _apart(text: str) -> tuple[str, dict[str, str]]:
    """The diff without the first new test in it, and that test."""
    sections = (_SECTION if _SECTION.search(text) else _PLAIN_SECTION).split(text)
    for number, section in enumerate(sections):
        new = _NEW.search(section)
        if new and is_test(new[1]) and PurePosixPath(new[1]).name != "conftest.py" and new[1].endswith(".py"):
            content = _added(section)
            return "".join(sections[:number] + sections[number + 1 :]), {"path": new[1], "content": content}
    return text, {}


def _added(section: str) -> str:
    lines = section[section.index("\n@@") + 1 :].splitlines() if "\n@@" in section else []
    kept = "\n".join(line[1:] for line in lines if line.startswith("+"))
    return kept if any(line.startswith("\\ No newline") for line in lines) else kept + "\n"


def titled(patch: Patch, title: str, cause: str) -> Patch:
    """The patch with the person's own words in place of those that came with it."""
    said = {key: value for key, value in {"title": title, "cause": cause}.items() if value}
    return replace(patch, words={**patch.words, **said})
