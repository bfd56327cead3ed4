"""Markdown with frontmatter, as the tests of the prose read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.components import ROOT

AGENTS = sorted((ROOT / "agents").glob("*.md"))
SKILLS = sorted((ROOT / "skills").glob("*/SKILL.md"))
REFERENCES = sorted((ROOT / "skills").glob("*/references/*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PREFIX = "mcp__plugin_kintsugi_kintsugi__"

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source)[^>]*\s(?:src|srcset)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Document:
    path: Path
    head: dict[str, Any]
    body: str

    @classmethod
    def read(cls, path: Path) -> Document:
        text = path.read_text("utf-8")
        if not text.startswith("---\n"):
            return cls(path, {}, text)
        head, _, body = text.removeprefix("---\n").partition("\n---\n")
        return cls(path, yaml.safe_load(head), body)

    @property
    def tools(self) -> list[str]:
        return [name.strip() for name in str(self.head.get("tools", "")).split(",") if name.strip()]

    @property
    def codes(self) -> set[str]:
        """What stands in backticks, word by word."""
        return {word for code in re.findall(r"`([^`\n]+)`", self.body) for word in re.split(r"[\s(/]", code)[:1]}

    @property
    def links(self) -> Iterator[str]:
        for found in _LINK.finditer(_FENCE.sub("", self.body)):
            yield found[1] or found[2]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
