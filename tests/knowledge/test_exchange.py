"""Lessons as pages: out and in again the same, edited by hand, and never believed for what they claim."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kintsugi.cli import cli
from mcp_servers.kit.database import Database
from mcp_servers.kit.errors import Refusal
from mcp_servers.knowledge.exchange import export_pages, import_pages
from mcp_servers.knowledge.exchange.markdown import parse, render
from mcp_servers.knowledge.lessons import Lesson, LessonStore, lesson_id, speaks
from mcp_servers.knowledge.model import Fingerprint
from tests.databases import database, database_url

__all__ = ["database", "database_url"]

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LESSON = Lesson(
    lesson_id("shop/api", "case_1"), "case_1", "shop/api", NOW, "pool exhausted\n\n## Cause\nunder load", "pool of 5", "pool of 20: see \"x\"",
    "fix_1", "verified", 0.9, Fingerprint("c1", "f1"), "took <*> ms: #3", "settings", "guard_1", '{"kind": "config-bound"}',
)  # fmt: skip
words = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('\n\\#:"'), min_size=1, max_size=80)
prose = words.map(str.strip).filter(bool)


@given(symptom=prose, cause=prose, fix=prose, evidence=prose | st.just(""), template=prose | st.just(""), case=prose)
def test_a_page_is_read_back_as_the_lesson_that_was_written(
    symptom: str, cause: str, fix: str, evidence: str, template: str, case: str
) -> None:
    said = replace(LESSON, symptom=symptom, cause=cause, fix=fix, evidence=evidence, template=template)
    lesson = replace(said, case=case, id=lesson_id("shop/api", case))
    assert parse(render(lesson), "a.md").lesson == lesson


def test_what_is_exported_and_imported_elsewhere_is_exported_the_same(database: Database, tmp_path: Path) -> None:
    here, there = LessonStore(database), Database.open(f"sqlite:///{tmp_path / 'there.db'}")
    for number in range(3):
        case = f"case_{number}"
        here.record(replace(LESSON, id=lesson_id("shop/api", case), case=case))
    pages = export_pages(database)
    assert list(pages) == sorted(pages)
    imported = import_pages(there, pages.items(), NOW)
    assert len(imported.created) == 3
    assert export_pages(there) == pages
    assert import_pages(there, pages.items(), NOW).unchanged == tuple(lesson.id for lesson in LessonStore(there).all())
    assert import_pages(database, pages.items(), NOW).unchanged != ()
    assert export_pages(database) == pages
    there.close()


@pytest.mark.promise("4.13")
def test_an_imported_lesson_was_only_told_and_nothing_of_it_executes(database: Database) -> None:
    import_pages(database, [("a.md", render(LESSON))], NOW)
    [lesson] = LessonStore(database).all()
    assert (lesson.provenance, lesson.trust, lesson.recipe, lesson.guard, lesson.guard_id) == ("reported", 0.4, "", "", "")
    assert not speaks(lesson, NOW)
    assert LessonStore(database).guarded() == []


def test_a_page_that_a_person_edited_is_taken_or_refused_where_the_lesson_was_verified(database: Database) -> None:
    edited = render(LESSON).replace("pool of 5", "a pool of five")
    import_pages(database, [("a.md", render(LESSON))], NOW)
    assert import_pages(database, [("a.md", edited)], NOW).changed == (LESSON.id,)
    assert LessonStore(database).all()[0].cause == "a pool of five"
    LessonStore(database).record(LESSON)
    with pytest.raises(Refusal, match=r"^a\.md:\d+: lesson_\w+ was verified here, and a page does not change it"):
        import_pages(database, [("a.md", edited)], NOW)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("---\nid", "id", "docs/a.md:1: a lesson begins with its front matter"),
        ("\n---\n\n", "\n\n", "'# pool exhausted' is none of id, case"),
        ("case: case_1", "case: case_2", "docs/a.md:2: .* is not the id of this repository and case"),
        ("case: case_1\n", "", "docs/a.md:1: the front matter says no case"),
        ("coarse: c1", "colour: c1", "docs/a.md:7: 'colour' is none of id, case"),
        ("coarse: c1", "case: c1", "docs/a.md:7: 'case' stands twice"),
        ("provenance: verified", "provenance: sworn", "docs/a.md:6: 'sworn' is no provenance"),
        ("+00:00", "", "docs/a.md:5: '2026-11-20T10:00:00' is no moment with its time zone"),
        ('guard: "', 'guard: "\\', "docs/a.md:12: the quoted value cannot be read"),
        ("## Fix", "## Fixes", "docs/a.md:1: the section Fix is missing"),
        ("## Fix", "## Cause", "the section Cause stands twice"),
        ("# pool", "pool", "docs/a.md:15: text stands before the first section"),
        ("pool of 5", "x" * 5000, "the section Cause has 5000 characters, the limit is 4000"),
        ("pool of 5", "x" * 70_000, "the limit is 64000; keep the lesson short"),
    ],
)
def test_a_page_that_is_no_lesson_is_refused_with_its_line(old: str, new: str, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        parse(render(LESSON).replace(old, new, 1), "docs/a.md")


@given(st.text())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_lesson_or_refused_with_file_and_line(text: str) -> None:
    with pytest.raises(Refusal, match=r"(?s)^a\.md:\d+: "):
        parse(text, "a.md")


def test_pages_are_taken_all_or_none(database: Database) -> None:
    other = replace(LESSON, case="case_2", id=lesson_id("shop/api", "case_2"))
    with pytest.raises(Refusal, match=r"b\.md:1"):
        import_pages(database, [("a.md", render(LESSON)), ("b.md", "nothing")], NOW)
    with pytest.raises(Refusal, match=r"a\.md holds the same lesson"):
        import_pages(database, [("a.md", render(LESSON)), ("c.md", render(other)), ("b.md", render(LESSON))], NOW)
    assert LessonStore(database).all() == []


def test_secrets_in_a_page_are_masked_before_they_are_stored(database: Database) -> None:
    import_pages(database, [("a.md", render(replace(LESSON, evidence="password=hunter2secret")))], NOW)
    assert "hunter2" not in LessonStore(database).all()[0].evidence
    assert not any("hunter2" in page for page in export_pages(database).values())


def test_the_command_writes_pages_and_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(home: str, *words: str) -> str:
        monkeypatch.setenv("KINTSUGI_HOME", str(tmp_path / home))
        result = CliRunner().invoke(cli, ["knowledge", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    monkeypatch.chdir(tmp_path)
    store = Database.open(f"sqlite:///{tmp_path / 'first' / 'kintsugi.sqlite'}")
    LessonStore(store).record(LESSON)
    store.close()
    assert run("first", "export", "docs/lessons") == "1 lessons in docs/lessons, 1 of them new or changed.\n"
    assert json.loads(run("first", "export", "docs/lessons", "--json"))["written"] == []
    Path("docs/lessons/README.md").write_text("Our lessons.")
    assert json.loads(run("second", "import", "docs/lessons", "--json"))["created"] == [LESSON.id]
    assert run("second", "export", "again") == "1 lessons in again, 1 of them new or changed.\n"
    name = f"{LESSON.id}.md"
    assert Path("again", name).read_bytes() == Path("docs/lessons", name).read_bytes()
