"""Ways in which an honest patch arrives damaged, each with the bytes that are meant: what people and models really send."""

from __future__ import annotations

import html
import random
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.changes import Change, diff_of

Draw = random.Random


@dataclass(frozen=True, slots=True)
class Case:
    """A text to apply to `before`. `after` is what is meant, None where nothing may be changed; `sure` is False where refusing is right
    as well, because no single place can be told."""

    kind: str
    change: str
    path: str
    before: str
    text: str
    after: str | None
    sure: bool = True


Damage = Callable[[Change, list[str], Draw], "Case | None"]


def cases(change: Change, draw: Draw) -> list[Case]:
    """Every kind of damage that this change can suffer."""
    made = (damage(change, _headed(change), draw) for damage in DAMAGES.values())
    return [case for case in made if case is not None]


def _headed(change: Change) -> list[str]:
    return [f"diff --git a/{change.path} b/{change.path}", *(line.removesuffix("\r") for line in change.diff())]


def _case(kind: str, change: Change, lines: list[str], *, numbers: bool = False, **other: object) -> Case:
    """`numbers`: those of the headers are still right, so that they tell the place where lines alone do not."""
    values: dict[str, object] = {"before": change.before, "after": change.after, "sure": numbers or is_unique(change), **other}
    text = str(values.pop("text", "\n".join(lines) + "\n"))
    return Case(kind, change.name, change.path, text=text, **values)  # type: ignore[arg-type]


def is_unique(change: Change) -> bool:
    """Whether each hunk's old lines stand once in the file, white space apart."""
    squeezed = ["".join(line.split()) for line in change.before.split("\n")]
    return all(_count(squeezed, hunk) == 1 for hunk in hunks_of(change.diff()))


def _count(lines: list[str], hunk: list[str]) -> int:
    old = ["".join(line[1:].split()) for line in hunk[1:] if line[0] in " -"]
    return sum(lines[at : at + len(old)] == old for at in range(len(lines)))


def hunks_of(lines: list[str]) -> list[list[str]]:
    hunks: list[list[str]] = []
    for line in lines:
        if line.startswith("@@"):
            hunks.append([])
        if hunks:
            hunks[-1].append(line)
    return hunks


def _header(lines: list[str]) -> list[str]:
    return lines[: next(at for at, line in enumerate(lines) if line.startswith("@@"))]


def _headers(lines: list[str], change: Callable[[str], str]) -> list[str]:
    return [change(line) if line.startswith("@@") else line for line in lines]


def _bodies(lines: list[str], change: Callable[[str], str]) -> list[str]:
    start = len(_header(lines))
    return lines[:start] + [line if line.startswith(("@@", "\\")) else line[:1] + change(line[1:]) for line in lines[start:]]


def _context(lines: list[str]) -> list[int]:
    """Where the lines of context stand that say something."""
    start = len(_header(lines))
    return [at for at in range(start, len(lines)) if lines[at].startswith(" ") and re.search(r"\w{3}", lines[at])]


def _outer(lines: list[str]) -> list[int]:
    """Lines of context that are not next to a change."""
    return [at for at in _context(lines) if all(not near.startswith(("+", "-")) for near in lines[at - 1 : at + 2])]


_NUMBERS = re.compile(r"-(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))?")


def clean(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("well-formed", change, [*_header(lines), *change.diff()[2:]], numbers=True)


def wrong_numbers(change: Change, lines: list[str], draw: Draw) -> Case:
    by = draw.choice([-7, -2, 3, 11, 40, 900])
    return _case("wrong line numbers", change, _headers(lines, lambda line: _renumbered(line, lambda n: max(1, n + by), lambda n: n)))


def wrong_counts(change: Change, lines: list[str], draw: Draw) -> Case:
    by = draw.choice([-3, -1, 1, 2])
    return _case("wrong counts", change, _headers(lines, lambda line: _renumbered(line, lambda n: n, lambda n: max(1, n + by))))


def no_numbers(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("no numbers", change, _headers(lines, lambda _: draw.choice(["@@", "@@ @@", "@@ ... @@"])))


def ones(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("invented numbers", change, _headers(lines, lambda _: "@@ -1,999 +1,999 @@"))


def _renumbered(line: str, start: Callable[[int], int], count: Callable[[int], int]) -> str:
    def put(hit: re.Match[str]) -> str:
        old, old_count, new, new_count = (int(part or 1) for part in hit.groups())
        return f"-{start(old)},{count(old_count)} +{start(new)},{count(new_count)}"

    return _NUMBERS.sub(put, line)


def file_drifted(change: Change, lines: list[str], draw: Draw) -> Case | None:
    return _drifted("context changed in the file", change, lines, draw, _outer(lines))


def near_drifted(change: Change, lines: list[str], draw: Draw) -> Case | None:
    return _drifted("context next to the change changed", change, lines, draw, [at for at in _context(lines) if at not in _outer(lines)])


def _drifted(kind: str, change: Change, lines: list[str], draw: Draw, among: list[int]) -> Case | None:
    """A line of context has another word in the file than in the diff."""
    once = [at for at in among if change.before.count(lines[at][1:]) == 1 == change.after.count(lines[at][1:])]
    if not once:
        return None
    old = lines[draw.choice(once)][1:]
    new = re.sub(r"\w{3,}", lambda hit: hit[0] + "_x", old, count=1)
    return _case(kind, change, lines, before=change.before.replace(old, new), after=change.after.replace(old, new))


def file_gained(change: Change, lines: list[str], draw: Draw) -> Case | None:
    """The file holds a line more among the context than the diff knows."""
    once = [at for at in _outer(lines) if change.before.count(lines[at][1:]) == 1 == change.after.count(lines[at][1:])]
    inner = [at for at in once if lines[at - 1].startswith(" ") and not lines[at - 1].startswith("@@")]
    if not inner:
        return None
    old = lines[draw.choice(inner)][1:]
    new = f"{_blank(old)}gained_since()" + ("\r\n" if "\r\n" in change.before else "\n") + old
    return _case("line gained in the file", change, lines, before=change.before.replace(old, new), after=change.after.replace(old, new))


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def context_dropped(change: Change, lines: list[str], draw: Draw) -> Case | None:
    outer = _outer(lines)
    if not outer:
        return None
    gone = draw.choice(outer)
    return _case("line of context missing", change, [line for at, line in enumerate(lines) if at != gone])


def less_context(change: Change, lines: list[str], draw: Draw) -> Case:
    thin = Change(change.name, change.path, change.before, change.after)
    told = [line.removesuffix("\r") for line in diff_of(change.path, change.before, change.after, 1)]
    short = _headers(told, lambda _: "@@")
    squeezed = ["".join(line.split()) for line in change.before.split("\n")]
    return _case("one line of context", thin, short, sure=all(_count(squeezed, hunk) == 1 for hunk in hunks_of(short)))


def tabs_and_blanks(change: Change, lines: list[str], draw: Draw) -> Case | None:
    tabs = "\n\t" in change.before
    if not tabs and "\n    " not in change.before:
        return None
    swap: Callable[[str], str] = (lambda text: _lead(text, "\t", "    ")) if tabs else (lambda text: _lead(text, "    ", "\t"))
    return _case("tabs for blanks, blanks for tabs", change, _bodies(lines, swap))


def _lead(text: str, old: str, new: str) -> str:
    blank = _blank(text)
    return blank.replace(old, new) + text[len(blank) :]


def trailing(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("blanks at the ends of lines", change, _bodies(lines, lambda text: text + draw.choice(["  ", "\t", " "])))


def widened(change: Change, lines: list[str], draw: Draw) -> Case | None:
    among = [at for at in _context(lines) if " " in lines[at].strip()]
    if not among:
        return None
    at = draw.choice(among)
    blank = _blank(lines[at])
    wide = blank + lines[at][len(blank) :].replace(" ", "  ")
    return _case("other width of blanks in context", change, [*lines[:at], wide, *lines[at + 1 :]])


def dedented(change: Change, lines: list[str], draw: Draw) -> Case | None:
    made = _header(lines)
    for hunk in hunks_of(lines):
        signs, bodies = [line[:1] for line in hunk[1:]], textwrap.dedent("\n".join(line[1:] for line in hunk[1:])).split("\n")
        made += [hunk[0], *(sign + body for sign, body in zip(signs, bodies, strict=True))]
    return _case("indentation stripped", change, made) if made != lines else None


def shifted(change: Change, lines: list[str], draw: Draw) -> Case:
    blank = "\t" if "\n\t" in change.before else draw.choice(["  ", "    "])
    return _case("indentation shifted", change, _bodies(lines, lambda text: blank + text if text.strip() else text))


def no_prefix(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("no a/ and b/", change, _named(lines, change.path), numbers=True)


def deploy_root(change: Change, lines: list[str], draw: Draw) -> Case:
    root = draw.choice(["/app/", "/srv/shop/current/", "/var/www/html/", "a/srv/shop/"])
    return _case("deploy root in front", change, _named(lines, root + change.path), numbers=True)


def windows(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("Windows path", change, _named(lines, "C:\\inetpub\\shop\\" + change.path.replace("/", "\\")), numbers=True)


def wrong_case(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("path in another case", change, _named(lines, draw.choice([str.upper, str.title])(change.path)), numbers=True)


def base_name(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("only the base name", change, _named(lines, change.path.rpartition("/")[2]), numbers=True)


def _named(lines: list[str], path: str) -> list[str]:
    return [f"--- {path}", f"+++ {path}", *lines[len(_header(lines)) :]]


def no_final_newline(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("no newline at the end of the diff", change, lines, text="\n".join(lines), numbers=True)


def carriage_returns(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("other line ends than the file", change, lines, text="\r\n".join(lines) + "\r\n", numbers=True)


def crlf_file(change: Change, lines: list[str], draw: Draw) -> Case | None:
    if "\r\n" in change.before:
        return None
    before, after = (text.replace("\n", "\r\n") for text in (change.before, change.after))
    return _case("CR LF file, LF diff", change, lines, before=before, after=after)


def fenced(change: Change, lines: list[str], draw: Draw) -> Case:
    text = "Here is the fix:\n\n```diff\n" + "\n".join(lines) + "\n```\n\n- It guards the value.\n- Nothing else changes.\n"
    return _case("fence and prose", change, lines, text=text, numbers=True)


def prose(change: Change, lines: list[str], draw: Draw) -> Case:
    text = "I changed one file.\n\n" + "\n".join(lines) + "\n\nThis should do. Tell me if:\n- anything fails\n"
    return _case("prose without a fence", change, lines, text=text, numbers=True)


def escaped(change: Change, lines: list[str], draw: Draw) -> Case | None:
    made = _bodies(lines, html.escape)
    return _case("HTML-escaped", change, made) if made != lines else None


def curly(change: Change, lines: list[str], draw: Draw) -> Case | None:
    def spoil(text: str) -> str:
        text = re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text)
        return text.replace("'", "\u2019")

    made = _bodies(lines, spoil)
    return _case("curly quotes", change, made, sure=_shows(lines, made) and is_unique(change)) if made != lines else None


def _shows(lines: list[str], made: list[str]) -> bool:
    """Whether damage shows in a line that the file holds, so that the added lines can be known to be damaged as well."""
    return any(old != new and old[0] in " -" for old, new in zip(lines, made, strict=True))


def hard_blanks(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("no-break blanks", change, _bodies(lines, lambda text: text.replace("  ", "\u00a0 ").replace("  ", "\u00a0 ")))


def shown_tabs(change: Change, lines: list[str], draw: Draw) -> Case | None:
    made = _bodies(lines, lambda text: text.replace("\t", "\\t"))
    return _case("tabs shown as \\t", change, made) if made != lines else None


def blank_lost(change: Change, lines: list[str], draw: Draw) -> Case:
    start = len(_header(lines))
    made = lines[:start] + [line[1:] if line.startswith(" ") else line for line in lines[start:]]
    return _case("blank in front of context lost", change, made)


def empty_lost(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case(
        "blank lines without their blank", change, [line.rstrip(" ") if line.strip() == "" else line for line in lines], numbers=True
    )


def elided(change: Change, lines: list[str], draw: Draw) -> Case | None:
    """The first line of the file stands for all up to the hunk."""
    hunks = hunks_of(lines)
    if len(hunks) > 1:
        return None
    top = next(line for line in change.before.split("\n") if re.search(r"\w{3}", line)).removesuffix("\r")
    mark = draw.choice([" ...", " # ...", " // ... existing code ..."])
    return _case("`...` for lines left out", change, [*_header(lines), "@@", " " + top, mark, *hunks[0][1:]])


def under_heading(change: Change, lines: list[str], draw: Draw) -> Case | None:
    """No numbers, but the line that opens the block, as git and some models give it."""
    if change.name != "repeated":
        return None
    return _case("heading instead of numbers", change, [*_header(lines), "@@ CREATE TABLE orders_us (", *hunks_of(lines)[0][2:]], sure=True)


def out_of_order(change: Change, lines: list[str], draw: Draw) -> Case | None:
    hunks = hunks_of(lines)
    if len(hunks) < 2:
        return None
    return _case("hunks out of order", change, _header(lines) + [line for hunk in hunks[::-1] for line in hunk])


def doubled(change: Change, lines: list[str], draw: Draw) -> Case:
    hunks = hunks_of(lines)
    return _case("hunk given twice", change, lines + hunks[-1])


def cut_off(change: Change, lines: list[str], draw: Draw) -> Case | None:
    last = max(at for at, line in enumerate(lines) if line.startswith(("+", "-")))
    start = max(at for at, line in enumerate(lines) if line.startswith("@@"))
    changed = [at for at in range(start + 1, last + 1) if lines[at].startswith(("+", "-"))]
    if len(changed) < 2:
        return None
    return _case("cut off", change, lines[: draw.choice(changed[:-1]) + 1], after=None)


def already(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("already there", change, lines, before=change.after, after=None)


def partly(change: Change, lines: list[str], draw: Draw) -> Case | None:
    hunks = hunks_of(lines)
    if len(hunks) < 2:
        return None
    old = "\n".join(line[1:] for line in hunks[0][1:] if line[0] != "+")
    new = "\n".join(line[1:] for line in hunks[0][1:] if line[0] != "-")
    if change.before.count(old) != 1:
        return None
    return _case("partly there", change, lines, before=change.before.replace(old, new))


def base_moved(change: Change, lines: list[str], draw: Draw) -> Case:
    eol = "\r\n" if "\r\n" in change.before else "\n"
    first, _, rest = change.before.partition(eol)
    after_first, _, after_rest = change.after.partition(eol)
    more = eol + eol.join(f"# moved {n}" for n in range(draw.choice([2, 9]))) + eol
    return _case("base moved", change, lines, before=first + more + rest, after=after_first + more + after_rest)


def several(change: Change, lines: list[str], draw: Draw) -> Case | None:
    case = dedented(change, lines, draw)
    made = case.text.rstrip("\n").split("\n") if case else lines
    made = _named(_headers(made, lambda _: "@@"), "/app/" + change.path)
    return _case(
        "several at once", change, made, text="```\n" + "\n".join(line + "  " if line.startswith(" ") else line for line in made) + "\n```"
    )


def twin(change: Change, lines: list[str], draw: Draw) -> Case:
    """The file holds everything twice."""
    before = change.before if change.before.endswith("\n") else change.before + "\n"
    return _case("two places", change, _headers(lines, lambda _: "@@"), before=before + before, after=None)


def stale(change: Change, lines: list[str], draw: Draw) -> Case | None:
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---") and re.search(r"\w{3}", line)]
    if not removed or change.before.count(removed[0]) != 1:
        return None
    new = re.sub(r"\w{3,}", lambda hit: hit[0] + "_y", removed[0], count=1)
    return _case("what it removes has changed", change, lines, before=change.before.replace(removed[0], new), after=None)


def blocks(change: Change, lines: list[str], draw: Draw) -> Case:
    return _case("SEARCH/REPLACE", change, lines, text=_as_blocks(change, lines))


def blocks_drifted(change: Change, lines: list[str], draw: Draw) -> Case | None:
    case = dedented(change, lines, draw)
    return (
        _case("SEARCH/REPLACE, indentation stripped", change, lines, text=_as_blocks(change, case.text.split("\n")[:-1])) if case else None
    )


def _as_blocks(change: Change, lines: list[str]) -> str:
    parts = ["The fix:"]
    for hunk in hunks_of(lines):
        old = [line[1:] for line in hunk[1:] if line[0] in " -"]
        new = [line[1:] for line in hunk[1:] if line[0] in " +"]
        parts += ["", change.path, "```", "<<<<<<< SEARCH", *old, "=======", *new, ">>>>>>> REPLACE", "```"]
    return "\n".join(parts) + "\n"


DAMAGES: Mapping[str, Damage] = {
    damage.__name__: damage
    for damage in (
        clean, wrong_numbers, wrong_counts, no_numbers, ones, file_drifted, near_drifted, file_gained, context_dropped, less_context,
        tabs_and_blanks, trailing, widened, dedented, shifted, no_prefix, deploy_root, windows, wrong_case, base_name, no_final_newline,
        carriage_returns, crlf_file, fenced, prose, escaped, curly, hard_blanks, shown_tabs, blank_lost, empty_lost, elided, under_heading,
        out_of_order, doubled, cut_off, already, partly, base_moved, several, twin, stale, blocks, blocks_drifted,
    )
}  # fmt: skip
"""The kinds by name."""
