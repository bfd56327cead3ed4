"""Every format of configuration says the same thing the same way; what does not parse is an error with a cause, never a half-read file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.kit.configuration import document, format_of

POOL = {"pool": {"size": 5, "wait": 1.5, "name": "main db"}}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conf/app.toml", '[pool]\nsize = 5\nwait = 1.5\nname = "main db"\n'),
        ("app.yaml", "pool: {size: 5, wait: 1.5, name: main db}\n"),
        ("App.YML", "pool:\n  size: 5\n  wait: 1.5\n  name: 'main db'\n"),
        ("app.json", '{"pool": {"size": 5, "wait": 1.5, "name": "main db"}}'),
    ],
)
def test_documents_are_read_whole(path: str, text: str) -> None:
    assert document(path, text) == POOL


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("app.ini", "top = 1\n[pool]\nsize = 5 ; few\nname: main db\n[a.b]\nc.d = 'x y' # z\n", {"top": 1, "pool.size": 5, "pool.name": "main db", 'a.b."c.d"': "x y"}),
        ("setup.cfg", "[pool]\n# size = 4\nsize=5\n", {"pool.size": 5}),
        (".env", 'export POOL_SIZE="5"\n# WAIT=2\nNAME=main # db\nURL=http://x/#y\n', {"POOL_SIZE": 5, "NAME": "main", "URL": "http://x/#y"}),
        (".env.production", "WAIT=-1.5\nEMPTY=\n", {"WAIT": -1.5, "EMPTY": ""}),
        ("app.properties", "pool.size=5\n[no.section]\npool.wait = 2\n", {"pool.size": 5, "pool.wait": 2}),
        ("main.py", "size = 5\n", {}),
    ],
)  # fmt: skip
def test_files_of_lines_are_read_by_section_and_name(path: str, text: str, said: dict[str, Any]) -> None:
    assert document(path, text) == said


def test_a_stream_of_documents_is_a_list() -> None:
    assert document("k8s.yaml", "kind: Service\n---\nkind: Deployment\n") == [{"kind": "Service"}, {"kind": "Deployment"}]


@pytest.mark.parametrize(
    ("path", "text"), [("a.toml", "[pool"), ("a.json", "{"), ("a.yaml", "a: [1"), ("a.yaml", "a: !!python/object:os.system {}")]
)
def test_what_does_not_parse_is_a_value_error(path: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        document(path, text)


@given(st.sampled_from(["a.toml", "a.yaml", "a.json", "a.ini", ".env", "a.properties"]), st.text(max_size=200))
def test_any_text_is_read_or_refused(path: str, text: str) -> None:
    assert format_of(path)
    try:
        document(path, text)
    except (ValueError, RecursionError):
        return
