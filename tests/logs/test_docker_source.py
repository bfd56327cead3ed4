"""Against a real engine, with an image packed from this machine's own shell: no registry is asked."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from mcp_servers.kit.errors import Misconfigured, Refusal, Unavailable
from mcp_servers.kit.project import Source
from mcp_servers.logs.model import Query, Severity
from mcp_servers.logs.sources import LogSource, open_source, read
from mcp_servers.logs.sources.streams import lines_of
from tests.components import needs

Run = Callable[..., Any]
RUN_LABEL = "kintsugi.test"


def packed_shell() -> bytes:
    """A tar with a shell, `sleep` and the libraries they load."""
    buffer = io.BytesIO()
    programs = [str(Path(shutil.which(name) or name).resolve()) for name in ("sh", "sleep")]
    libraries = re.findall(
        r"(/\S+)", "".join(subprocess.run(["ldd", program], capture_output=True, text=True).stdout for program in programs)
    )
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in {*programs, *(library.rstrip(":") for library in libraries)}:
            archive.add(Path(path).resolve(), arcname=path)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    import docker

    client = docker.from_env()
    client.api.import_image_from_data(packed_shell(), repository="kintsugi-test-shell", tag="latest")
    yield client
    client.close()


@pytest.fixture
def run(engine: Any) -> Iterator[Run]:
    label = uuid4().hex
    shell = str(Path(shutil.which("sh") or "sh").resolve())

    def start(script: str, *, service: str, tty: bool = False, wait: bool = True) -> Any:
        container = engine.containers.run(
            "kintsugi-test-shell", [shell, "-c", script], detach=True, tty=tty, network_mode="none",
            labels={RUN_LABEL: label, "com.docker.compose.project": label, "com.docker.compose.service": service},
        )  # fmt: skip
        if wait:
            container.wait(timeout=30)
        return container

    start.project = label  # type: ignore[attr-defined]
    yield start
    for container in engine.containers.list(all=True, filters={"label": f"{RUN_LABEL}={label}"}):
        container.remove(force=True)


def source(run: Run, **settings: object) -> LogSource:
    return open_source(Source("engine", "docker", {"project": run.project, **settings}), Path())


SLEEP = shutil.which("sleep") and str(Path(shutil.which("sleep") or "").resolve())
TRACEBACK = (
    "printf 'Traceback (most recent call last):\\n  File \"/app/shop.py\", line 3, in total\\n    x.y\\nAttributeError: no y\\n' >&2"
)


@needs("docker")
@pytest.mark.promise("S2.1")
def test_both_streams_of_several_containers_come_in_time_order(run: Run) -> None:
    run(f"echo first; {SLEEP} 0.2; echo second >&2", service="api")
    run("echo third", service="web")
    run("echo fourth >&2", service="api")

    reading = read(source(run), Query())

    assert [record.body for record in reading.records] == ["first", "second", "third", "fourth"]
    assert [record.service for record in reading.records] == ["api", "api", "web", "api"]
    assert reading.lines == 4
    assert all(record.timestamp and record.timestamp.tzinfo for record in reading.records)
    assert reading.records[1].origin.endswith("/stderr")


@needs("docker")
def test_a_terminal_is_read_as_one_raw_stream(run: Run) -> None:
    run("echo out; echo err >&2", service="tty", tty=True)

    assert [record.body for record in read(source(run), Query()).records] == ["out", "err"]


@needs("docker")
def test_a_traceback_on_stderr_is_one_record_with_its_trace(run: Run) -> None:
    run(TRACEBACK, service="api")

    (record,) = read(source(run), Query()).records

    assert record.trace is not None
    assert record.trace.root.type == "AttributeError"
    assert record.severity is Severity.ERROR


@needs("docker")
def test_a_line_longer_than_one_frame_stays_one_line(run: Run) -> None:
    run("x=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do x=$x$x; done; echo $x; echo end", service="api")

    first, last = read(source(run), Query()).records

    assert first.body == "0123456789abcdef" * 4096
    assert last.body == "end"


@needs("docker")
@pytest.mark.parametrize("selection", [{"services": ["api"]}, {"labels": ["com.docker.compose.service=api"]}])
def test_containers_are_chosen_by_service_and_by_label(run: Run, selection: dict[str, list[str]]) -> None:
    run("echo yes", service="api")
    run("echo no", service="web")

    assert [record.body for record in read(source(run, **selection), Query()).records] == ["yes"]


@needs("docker")
def test_a_container_is_chosen_by_its_name(run: Run) -> None:
    container = run("echo yes", service="api")
    run("echo no", service="api")

    assert [record.body for record in read(source(run, containers=[container.name]), Query()).records] == ["yes"]


@needs("docker")
def test_the_window_is_kept(run: Run) -> None:
    run("echo early", service="api")
    between = datetime.now(UTC)
    run("echo late", service="api")

    assert [record.body for record in read(source(run), Query(since=between)).records] == ["late"]
    assert [record.body for record in read(source(run), Query(until=between)).records] == ["early"]


@needs("docker")
def test_a_container_that_restarts_is_followed_on_without_gap_or_repetition(run: Run) -> None:
    container = run(f"echo one; echo two >&2; {SLEEP} 0.2", service="api")
    stop = Event()
    records = source(run).follow(stop, since=datetime.now(UTC) - timedelta(minutes=5))
    before = {record.body for record in islice(records, 2)}

    container.start()
    after = [record.body for record in islice(records, 2)]
    container.wait(timeout=30)
    stop.set()

    assert before == {"one", "two"}
    assert sorted(after) == ["one", "two"]
    assert list(records) == []


@needs("docker")
def test_a_container_that_appears_while_following_is_followed(run: Run) -> None:
    stop = Event()
    run("echo old", service="api")
    records = source(run).follow(stop, since=datetime.now(UTC) - timedelta(minutes=5))
    assert next(records).body == "old"

    run("echo new", service="web")

    assert next(records).body == "new"
    stop.set()
    assert list(records) == []


@needs("docker")
def test_when_nothing_fits_the_answer_names_what_there_is(run: Run) -> None:
    container = run("echo x", service="api")

    with pytest.raises(Refusal, match=rf"No container fits.*{container.name} \(service api, exited\)"):
        read(source(run, containers=["no-such-container"]), Query())


def test_an_absent_engine_is_a_sentence(tmp_path: Path) -> None:
    absent = open_source(Source("engine", "docker", {"host": f"unix://{tmp_path}/none.sock"}), tmp_path)

    with pytest.raises(Unavailable, match="No Docker engine answers"):
        read(absent, Query())


def test_a_lookback_that_is_no_time_is_a_sentence(tmp_path: Path) -> None:
    broken = open_source(Source("engine", "docker", {"lookback": "soon"}), tmp_path)

    with pytest.raises(Misconfigured, match=r"lookback: 'soon' is not a time"):
        read(broken, Query())


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1000])
def test_raw_chunks_split_anywhere_decode_alike(size: int) -> None:
    stream = b"2026-11-20T10:15:00.000000001Z a b\r\n2026-11-20T10:15:00.000000002Z \n2026-11-20T10:15:00.000000003Z last"

    decoded = lines_of((stream[start : start + size] for start in range(0, len(stream), size)), framed=False)

    assert [(line.stamp[-2:], line.text) for line in decoded] == [("1Z", "a b"), ("2Z", ""), ("3Z", "last")]


def test_parts_of_a_long_framed_line_lose_their_repeated_time() -> None:
    frames = [b"2026-11-20T10:15:00.000000001Z abc", b"2026-11-20T10:15:00.000000002Z def\n", b"2026-11-20T10:15:00.000000003Z g\n"]

    assert [line.text for line in lines_of(frames, framed=True)] == ["abcdef", "g"]
