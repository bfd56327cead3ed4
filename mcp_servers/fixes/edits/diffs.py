"""Reading unified diffs, well-formed or as models write them. Nothing is placed here: what a header claims is kept as a claim."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mcp_servers.fixes.edits.model import ADDED, KEPT, REMOVED, UNSIGNED, FilePatch, Hunk, Line, Span, spans
from mcp_servers.kit.errors import Refusal

_NUMBERS = re.compile(r"^@@+ *-(\d{1,9})(?:,(\d{1,9}))? +\+(\d{1,9})(?:,(\d{1,9}))?(?: *@@+)?[ \t]?(.*)$")
_STAMP = re.compile(r"[ \t]+\d{4}-\d\d-\d\d[ T].*$")
_MODE = re.compile(r"^(?:(?:new|old|deleted file|new file) mode) (\d{6})$")
_ESCAPE = re.compile(r"\\([abtnvfr\"\\]|[0-7]{3})")
_PLAIN = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_OTHER = re.compile(r"^(?:\*{15}|\d+(?:,\d+)?[acd](?:\d+(?:,\d+)?)?)\s*$")
_INDEX = re.compile(r"^index ([0-9a-f]{4,64})\.\.[0-9a-f]{4,64}(?: \d{6})?\s*$")
_SIGNATURE = re.compile(r"^\d+\.\d+")
_SIGNS = {KEPT, REMOVED, ADDED}


@dataclass
class _Section:
    """One file of a diff while it is read."""

    git: tuple[str, str] | None = None
    old: str | None = None
    new: str | None = None
    moved: dict[str, str] = field(default_factory=dict[str, str])
    created: bool = False
    deleted: bool = False
    mode: str = ""
    blob: str = ""
    hunks: list[Hunk] = field(default_factory=list[Hunk])


def parse(text: str, path: str = "", *, closed: bool = True) -> list[FilePatch]:
    """What the diff says of each file; `path` names the file of hunks that name none. Raises `Refusal` when it says nothing, or binary."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if lines and all(line.endswith("\r") for line in lines if line):
        lines = [line[:-1] if line.endswith("\r") else line for line in lines]
    sections = _sections(lines)
    patches = [_patch(section, path) for section in sections]
    if not patches:
        other = "This is no unified diff" if any(map(_OTHER.match, lines)) else "No change was found in the text"
        raise Refusal(f"{other}; give a unified diff (---, +++, @@) or SEARCH/REPLACE blocks.", code="no_diff")
    final = patches[-1]
    if final.hunks:
        tail = replace(final.hunks[-1], last=True, whole=closed)
        patches[-1] = replace(final, hunks=(*final.hunks[:-1], tail))
    return list(dict.fromkeys(patches))


def _sections(lines: Sequence[str]) -> list[_Section]:
    sections: list[_Section] = []
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\r")
        if _begins_file(lines, at) or (line.startswith("@@") and not sections):
            sections.append(_Section())
        if line.startswith("@@@ "):
            raise Refusal("The diff is one of a merge (@@@), with several old files; send it against one commit.", code="combined")
        if line.startswith("@@") and sections:
            hunk, at = _hunk(lines, at)
            sections[-1].hunks.append(hunk)
            continue
        if line.startswith("*** Add File:"):
            _note(sections[-1], line)
            hunk, at = _hunk(lines, at)
            sections[-1].hunks.append(hunk)
            continue
        if sections:
            _continue(sections, line)
        at += 1
    return [section for section in sections if _says(section)]


def _begins_file(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if line.startswith(("diff --git ", "*** Update File:", "*** Add File:", "*** Delete File:")):
        return True
    return _is_pair(lines, at) and not (at and _still_git(lines, at))


def _is_pair(lines: Sequence[str], at: int) -> bool:
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return lines[at].startswith("--- ") and following.startswith(("+++ ", "@@"))


def _still_git(lines: Sequence[str], at: int) -> bool:
    """Whether the `---` at `at` belongs to the `diff --git` header just above."""
    while at:
        at -= 1
        if lines[at].startswith("diff --git "):
            return True
        if not re.match(r"^(index |similarity |dissimilarity |rename |copy |old mode|new mode|new file|deleted file)", lines[at]):
            return False
    return False


def _continue(sections: list[_Section], line: str) -> None:
    """Takes a header line; a text that is binary is refused."""
    if line.startswith(("GIT binary patch", "Binary files ")):
        raise Refusal("The diff holds a binary file; nobody can review it.", code="binary")
    _note(sections[-1], line)


def _note(section: _Section, line: str) -> None:
    if line.startswith("diff --git "):
        section.git = _git_names(line.removeprefix("diff --git "))
    elif line.startswith("--- ") and section.old is None:
        section.old = _name(line[4:])
    elif line.startswith("+++ ") and section.new is None:
        section.new = _name(line[4:])
    elif word := re.match(r"^(rename|copy) (from|to) (.+)$", line):
        section.moved[word[1]] = word[1]
        section.moved[word[2]] = _name(word[3])
    elif word := re.match(r"^\*\*\* (Update|Add|Delete) File: *(.+)$", line):
        section.old = section.new = _name(word[2])
        section.created, section.deleted = word[1] == "Add", word[1] == "Delete"
    elif index := _INDEX.match(line):
        section.blob = index[1]
    elif mode := _MODE.match(line):
        section.created |= line.startswith("new file")
        section.deleted |= line.startswith("deleted")
        if not line.startswith(("old", "deleted")):
            section.mode = mode[1]


def _says(section: _Section) -> bool:
    return bool(section.hunks or section.moved or section.created or section.deleted or section.mode)


def _patch(section: _Section, path: str) -> FilePatch:
    old, new = section.old, section.new
    if section.git is not None:
        _agree(section)
        old, new = old or section.git[0], new or section.git[1]
    if "from" in section.moved and "to" in section.moved:
        kind = "copy" if "copy" in section.moved else "rename"
        return FilePatch(kind, section.moved["from"], section.moved["to"], tuple(section.hunks), section.mode, section.blob)
    old, new = old or new or path, new or old or path
    if not old:
        raise Refusal("The diff names no file; put `--- a/path` and `+++ b/path` before its hunks.", code="no_path")
    created = section.created or old == "/dev/null"
    deleted = section.deleted or new == "/dev/null"
    if created:
        return FilePatch("create", "", new, tuple(section.hunks), section.mode)
    if deleted:
        return FilePatch("delete", old, "", tuple(section.hunks), section.mode)
    return FilePatch("change", old, new, tuple(section.hunks), section.mode, section.blob)


def _agree(section: _Section) -> None:
    """One file, one name: a header that says two things hides what it does."""
    git = section.git or ("", "")
    for told, named in ((section.old, git[0]), (section.new, git[1])):
        if told and told != "/dev/null" and named and _bare(told) != _bare(named):
            raise Refusal(f"The diff names {named!r} and {told!r} for one file; name one.", code="paths_disagree")
    if section.moved:
        for key, named in (("from", git[0]), ("to", git[1])):
            if named and section.moved.get(key) and _bare(section.moved[key]) != _bare(named):
                raise Refusal(f"The diff moves {section.moved[key]!r} and names {named!r}; name one.", code="paths_disagree")


def _bare(name: str) -> str:
    return re.sub(r"^[abciow]/", "", name)


def _git_names(words: str) -> tuple[str, str] | None:
    """Both names of a git header; None when spaces make them unclear, and the other headers tell."""
    if words.startswith('"') and (both := re.match(r'^("(?:[^"\\]|\\.)*") +(.+)$', words)):
        return _name(both[1]), _name(both[2])
    if words.count(" ") == 1:
        first, second = words.split(" ")
        return _name(first), _name(second)
    middle = len(words) // 2
    same = _bare(words[:middle]) == _bare(words[middle + 1 :]) and words[middle : middle + 1] == " "
    return (words[:middle], words[middle + 1 :]) if same else None


def _name(text: str) -> str:
    """The path of a header line, without its time stamp and quotes."""
    text = text.rstrip("\r").partition("\t")[0].strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _unquoted(text[1:-1])
    return _STAMP.sub("", text).strip("`")


def _unquoted(text: str) -> str:
    raw = _ESCAPE.sub(lambda hit: _PLAIN.get(hit[1]) or chr(int(hit[1], 8)), text)
    try:
        return raw.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return raw


def _hunk(lines: Sequence[str], at: int) -> tuple[Hunk, int]:
    """The hunk whose header stands at `at`, and where reading goes on."""
    hunk = _headed(lines[at].rstrip("\r"))
    body: list[Line] = []
    held = {"old": 0, "new": 0}
    at += 1
    while at < len(lines) and not _ends(lines, at, hunk, held):
        line = lines[at]
        if line.startswith("\\"):
            body[-1:] = [replace(last, ended=False) for last in body[-1:]]
        else:
            body.append(_line(line))
            held["old"] += body[-1].op != ADDED
            held["new"] += body[-1].op != REMOVED
        at += 1
    return replace(hunk, lines=_trimmed(body, hunk)), at


def _headed(line: str) -> Hunk:
    if not line.startswith("@@"):
        return Hunk(())
    numbers = _NUMBERS.match(line)
    if numbers is None:
        heading = line.strip("@ \t")
        return Hunk((), heading="" if set(heading) <= set(".-+, 0123456789…") else heading)
    old, old_count, new, new_count, heading = numbers.groups()
    return Hunk((), Span(int(old), int(old_count or 1)), Span(int(new), int(new_count or 1)), heading.strip())


def _ends(lines: Sequence[str], at: int, hunk: Hunk, held: dict[str, int]) -> bool:
    line = lines[at]
    if line.startswith(("@@", "diff --git ", "*** Update File:", "*** Add File:", "*** Delete File:", "*** End")):
        return True
    if _is_pair(lines, at) and (line.startswith("--- ") and (lines[at + 1].startswith("@@") or _opens_hunk(lines, at + 2))):
        return True
    if line.startswith("Index: ") or (line.rstrip() == "--" and _SIGNATURE.match("".join(lines[at + 1 : at + 2]))):
        return True
    if not _satisfied(hunk, held) or line.startswith("\\"):
        return False
    return line[:1] not in _SIGNS if line else not _goes_on(lines, at)


def _opens_hunk(lines: Sequence[str], at: int) -> bool:
    return at < len(lines) and lines[at].startswith("@@")


def _satisfied(hunk: Hunk, held: dict[str, int]) -> bool:
    return hunk.old is not None and hunk.new is not None and held["old"] >= hunk.old.count and held["new"] >= hunk.new.count


def _goes_on(lines: Sequence[str], at: int) -> bool:
    """Whether the body continues behind a blank line although the header's counts are met; a list of points in prose is none of it."""
    following = next((line for line in lines[at : at + 5] if line), "")
    return following[:1] in _SIGNS and not re.match(r"^[-+] \S|^ {0,3}[-*] ", following)


def _line(line: str) -> Line:
    if not line or line == "\r":
        return Line(UNSIGNED, line)
    if line[0] in _SIGNS:
        return Line(line[0], line[1:])
    return Line(UNSIGNED, line)


def _trimmed(body: list[Line], hunk: Hunk) -> tuple[Line, ...]:
    """Without the empty lines behind a hunk that its header does not count; other empty lines are blank lines that lost their sign."""
    while body and _is_empty(body[-1]) and (hunk.old is None or spans(body)["old"] > hunk.old.count):
        body = body[:-1]
    said = max((at for at, line in enumerate(body, start=1) if line.op != UNSIGNED), default=0)
    told = len(body) if all(_is_empty(line) for line in body[said:]) else said
    return tuple(replace(line, op=KEPT) if at < told and _is_empty(line) else line for at, line in enumerate(body))


def _is_empty(line: Line) -> bool:
    return line.op == UNSIGNED and not line.text.strip()
