"""Skills over the protocol: prompts and pages in the skills' own words, for clients that do not read `skills/` themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mcp_servers.kit.errors import Refusal
from mcp_servers.kit.tool import ToolServer, not_there

SHIPPED = Path(__file__).parents[2] / "kintsugi" / "shipped" / "skills"
PROMPTS: Mapping[str, tuple[str, ...]] = {"heal": ("heal", "healing"), "status": ("status",), "setup": ("setup",)}
"""What a person asks for by name, and the skills that say how it is done."""

_FRONT = re.compile(r"---\r?\n(.*?)\r?\n---\r?\n", re.S)
_DESCRIPTION = re.compile(r"^description: *(.+)$", re.M)


def offer(mcp: ToolServer, folder: Path = SHIPPED) -> None:
    """Gives the server a prompt for each of `PROMPTS` that has a skill, and the page of every skill at `skill://…`."""
    for name, skills in PROMPTS.items():
        there = [skill for skill in skills if (folder / skill / "SKILL.md").is_file()]
        if there:
            _prompt(mcp, name, folder, there)

    @mcp.resource("skill://{skill}/{page}", name="skill", title="A page of a skill", mime_type="text/markdown")
    def page(skill: str, page: str) -> str:
        """A page that a skill names under references/, such as skill://healing/detect."""
        return _page(folder, skill, page.removesuffix(".md"))

    del page


def _prompt(mcp: ToolServer, name: str, folder: Path, skills: list[str]) -> None:
    found = _DESCRIPTION.search((folder / skills[0] / "SKILL.md").read_text("utf-8"))

    @mcp.prompt(name=name, title=name.capitalize(), description=found[1] if found else None)
    def prompt(what: str = "") -> str:
        bodies = [_body(folder / skill / "SKILL.md").replace("$ARGUMENTS", what) for skill in skills]
        pages = [f"Where it names references/X.md, read the resource skill://{skill}/X." for skill in skills if _pages(folder, skill)]
        asked = [f"Asked for: {what}"] if what else []
        return "\n\n".join([*bodies, *pages, *asked])

    del prompt


def _page(folder: Path, skill: str, page: str) -> str:
    """The text of a page; raises the protocol's error, in a sentence, where there is none. No path is made of what was asked."""
    pages = {(each.name, path.stem): path for each in folder.iterdir() for path in each.glob("references/*.md")}
    found = pages.get((skill, page))
    if found is None:
        known = ", ".join(sorted(f"skill://{skill}/{name}" for owner, name in pages if owner == skill)) or "none"
        raise not_there(Refusal(f"The skill {skill[:40]!r} has no page {page[:40]!r}; it has {known}.", code="unknown_page"))
    return found.read_text("utf-8")


def _pages(folder: Path, skill: str) -> bool:
    return any((folder / skill / "references").glob("*.md"))


def _body(path: Path) -> str:
    return _FRONT.sub("", path.read_text("utf-8"), count=1).strip()
