"""Which tests are missing: promised and not there, fixes that came without one, new code that no test reaches or names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from kintsugi.wisdom.audit import Finding, missing_tests
from kintsugi.wisdom.gathered import Gathered
from kintsugi.wisdom.history import is_code, is_test
from kintsugi.wisdom.page import Page, counted, table

_FILE = "test_gaps.md"
_LEAST, _MOST = 5, 40


@dataclass(frozen=True, slots=True)
class Gap:
    """A missing test. `key` is the same as long as it is the same gap, on every clone."""

    key: str
    title: str
    why: str
    priority: str


def gaps(gathered: Gathered, findings: Sequence[Finding]) -> list[Gap]:
    """The gaps, most pressing first, each once; at most forty."""
    home = gathered.repository.identity(gathered.head)
    found: dict[str, Gap] = {}
    for sort, subject, title, why, priority in (*_promised(findings), *_fixes(gathered), *_unreached(gathered)):
        digest = sha256(f"{home}\0{sort}\0{subject}".encode("utf-8", "replace")).hexdigest()[:24]
        found.setdefault(digest, Gap(f"test-gap:{digest}", title, why, priority))
    return list(found.values())[:_MOST]


def page(found: Sequence[Gap], tickets: Mapping[str, str]) -> Page:
    """The page `test_gaps.md`; `tickets` are those that are known for a gap, by its key."""
    known = sum(gap.key in tickets for gap in found)
    rows = [(gap.title, gap.why, gap.priority, tickets.get(gap.key, "none")) for gap in found]
    summary = (
        f"{counted(len(found), 'test gap')}, {known} with a ticket." if found else "No missing test was found by what could be looked at."
    )
    note = "`kintsugi wisdom --post` opens a ticket for each that has none, at most ten at a time." if len(found) > known else ""
    return Page(_FILE, "Test gaps", "advice" if found else "good", summary, (table(("gap", "why", "priority", "ticket"), rows), note))


Row = tuple[str, str, str, str, str]


def _promised(findings: Sequence[Finding]) -> Iterator[Row]:
    for one in missing_tests(findings):
        name = one.claim.subject
        yield "promised", name, f"Write the promised test {name}", f"{one.artifact}:{one.claim.line} promises it; {one.seen}", "HIGH"


def _fixes(gathered: Gathered) -> Iterator[Row]:
    """Fixes that changed code and no test, where no later commit of the release changed a test near one of their files."""
    tests, later = _tests(gathered), set[str]()
    for commit in gathered.history.released:
        code = [path for path in commit.files if is_code(path) and not is_test(path) and path in gathered.paths]
        if commit.mends and code and not commit.tested:
            near = [test for path in code for test in _tests_of(tests, path)]
            if not later.intersection(near):
                title = f"Write a test for the fix {commit.id[:12]} in {code[0]}"
                beside = f"; {near[0]} is near" if near else ""
                yield "fix", commit.id, title, f"'{commit.subject}' changed {counted(len(code), 'file')} and no test{beside}", "MEDIUM"
        later.update(path for path in commit.files if is_test(path))


def _unreached(gathered: Gathered) -> Iterator[Row]:
    """New code: by the lines that no test reached where coverage is known, else by whether a test of the file's name changed or is there."""
    now = gathered.measured.now.coverage if gathered.measured.now else None
    lines, tests = gathered.new_lines, _tests(gathered)
    files = [path for path in gathered.changed() if is_code(path) and not is_test(path)]
    for path in sorted(files, key=lambda path: (-len(lines.get(path, ())), path)):
        brought = lines.get(path, set[int]())
        reached = now.files.get(path) if now else None
        if reached is not None and (reached.hit or reached.missed):
            missed = reached.missed & brought
            if len(missed) >= _LEAST:
                why = f"{len(missed)} of {len(brought & (reached.hit | reached.missed))} new lines are reached by no test (lines {_spans(missed)})"
                yield "lines", path, f"Test the new lines of {path}", why, "MEDIUM"
        elif len(brought) >= _LEAST and not _tests_of(tests, path):
            yield (
                "file",
                path,
                f"Test {path}",
                f"{len(brought)} new lines, and no test file has its name; what is reached is unknown",
                "LOW",
            )


def _tests_of(tests: Mapping[str, str], path: str) -> list[str]:
    """Those of the tests (path: name in small letters) whose name holds that of the file (its folder's, for an index or a package)."""
    found = PurePosixPath(path)
    stem = found.parent.name if found.stem in {"__init__", "index", "mod", "main", "lib"} else found.stem
    plain = stem.strip("_").lower()
    return [one for one, name in tests.items() if plain and plain in name]


def _tests(gathered: Gathered) -> dict[str, str]:
    return {path: PurePosixPath(path).name.lower() for path in sorted(gathered.paths.files) if is_test(path) and is_code(path)}


def _spans(lines: Iterable[int]) -> str:
    """`3–7, 12`: at most six spans."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    shown = ", ".join(f"{first}–{last}" if last > first else str(first) for first, last in spans[:6])
    return shown + (" …" if len(spans) > 6 else "")
