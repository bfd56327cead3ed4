"""Containers of a Docker engine: read over its API, read only, chosen by name, label or compose service."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, ClassVar

from mcp_servers.kit.errors import KintsugiError, Misconfigured, Refusal, Unavailable
from mcp_servers.logs.model import LogRecord, Query
from mcp_servers.logs.sources import Tally
from mcp_servers.logs.sources.streams import Assembly, Line, Timed, lines_of
from mcp_servers.logs.times import parse_moment

_SERVICE_LABEL = "com.docker.compose.service"
_PROJECT_LABEL = "com.docker.compose.project"
_STREAMS = ("stdout", "stderr")
_POLL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """Which containers: names (`*` fits anything), labels (`key` or `key=value`), compose services, a compose project; none means all.

    `lookback` is how far a query without a beginning reads; `host` is the engine's address, else DOCKER_HOST, else the local socket.
    """

    containers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    project: str = ""
    lookback: str = "5m"
    host: str = ""


class DockerLogs:
    """Containers' logs. Raises `Unavailable` when no engine answers and `Refusal`, naming what runs, when nothing fits."""

    Settings: ClassVar = DockerSettings

    def __init__(self, name: str, settings: DockerSettings, root: Path) -> None:
        self.name = name
        self._settings = settings

    def describe(self) -> str:
        chosen = self._settings
        parts = [*chosen.containers, *(f"label {label}" for label in chosen.labels), *(f"service {service}" for service in chosen.services)]
        parts += [f"compose project {chosen.project}"] if chosen.project else []
        return f"docker containers: {', '.join(parts) or 'all'}"

    def scan(self, query: Query, tally: Tally) -> Iterator[LogRecord]:
        """The records of all chosen containers, stopped ones included, merged in time order."""
        since = query.since or datetime.now(UTC) - self._lookback()
        with self._engine() as engine:
            streams = [self._stream(container, name, since, query.until) for container in self._containers(engine) for name in _STREAMS]
            for entry in heapq.merge(*streams, key=lambda entry: entry.at):
                if tally.count(entry.lines, entry.record, query) and entry.record:
                    yield entry.record

    def follow(self, stop: Event, since: datetime | None = None) -> Iterator[LogRecord]:
        """New records until `stop` is set. A container that restarts or appears later is followed on from where it was."""
        followers = Followers(self, since or datetime.now(UTC))
        with self._engine() as engine:
            try:
                while not stop.is_set():
                    followers.refresh(self._containers(engine, missing_ok=True))
                    yield from followers.arrived(_POLL_SECONDS)
            finally:
                followers.close()

    def lines(
        self, container: Any, stream: str, since: datetime, until: datetime | None, *, follow: bool = False
    ) -> tuple[Iterator[Line], Any]:
        """The lines of one stream of one container, and the open response (to close it from elsewhere)."""
        with _Translated(container.name):
            response = container.logs(
                stdout=stream == "stdout", stderr=stream == "stderr", timestamps=True, stream=True, follow=follow,
                since=max(since.timestamp(), 1.0), until=until.timestamp() if until else None,
            )  # fmt: skip
        return lines_of(response, framed=not has_terminal(container)), response

    def each_stream(self, query: Query, take: Callable[[str, Iterator[str]], None]) -> None:
        """Gives name and lines of each stream of each chosen container to `take`."""
        since = query.since or datetime.now(UTC) - self._lookback()
        with self._engine() as engine:
            for container in self._containers(engine):
                for stream in _STREAMS[: 1 if has_terminal(container) else 2]:
                    lines, response = self.lines(container, stream, since, query.until)
                    with _Translated(container.name), closing(response):
                        take(f"{container.name}/{stream}", (line.text for line in lines))

    def _stream(self, container: Any, stream: str, since: datetime, until: datetime | None) -> Iterator[Timed]:
        if stream == "stderr" and has_terminal(container):
            return
        assembly = _assembly(container, stream)
        lines, response = self.lines(container, stream, since, until)
        with _Translated(container.name), closing(response):
            for line in lines:
                yield from assembly.feed(line)
        yield from assembly.flush()

    def _lookback(self) -> timedelta:
        now = datetime.now(UTC)
        try:
            return now - parse_moment(self._settings.lookback, now)
        except Refusal as error:
            raise Misconfigured(f"[sources.{self.name}] lookback: {error}", code="bad_value") from error

    def _containers(self, engine: Any, *, missing_ok: bool = False) -> list[Any]:
        with _Translated(self._settings.host):
            everything: list[Any] = engine.containers.list(all=True, ignore_removed=True)
        chosen = [container for container in everything if self._fits(container)]
        if not chosen and not missing_ok:
            names = ", ".join(sorted(_title(container) for container in everything)) or "no containers at all"
            raise Refusal(f"No container fits {self.describe()!r}; the engine has: {names}.", code="no_such_container")
        return chosen

    def _fits(self, container: Any) -> bool:
        labels: Mapping[str, str] = container.labels
        chosen = self._settings
        if chosen.project and labels.get(_PROJECT_LABEL) != chosen.project:
            return False
        named = any(fnmatch(container.name, pattern) or container.id.startswith(pattern) for pattern in chosen.containers)
        labelled = any(_has_label(labels, label) for label in chosen.labels)
        served = labels.get(_SERVICE_LABEL) in chosen.services
        return named or labelled or served or not (chosen.containers or chosen.labels or chosen.services)

    @contextmanager
    def _engine(self) -> Generator[Any]:
        import docker

        with _Translated(self._settings.host):
            host = self._settings.host
            self._check_socket(host or os.environ.get("DOCKER_HOST", ""))
            client = docker.DockerClient(base_url=host, timeout=10) if host else docker.from_env(timeout=10)
        with closing(client):
            yield client

    def _check_socket(self, host: str) -> None:
        """Says early that there is no socket: the SDK would leave a connection open in failing."""
        scheme, _, path = host.rpartition("://")
        if scheme == "unix" and not Path("/" + path.lstrip("/")).exists():
            raise Unavailable(
                f"No Docker engine answers at {host} (there is no such socket); start it, or set DOCKER_HOST.", code="no_engine"
            )


class Followers:
    """One thread for each stream that is open; the lines that they read meet in one queue."""

    def __init__(self, source: DockerLogs, since: datetime) -> None:
        self._source = source
        self._since = since
        self._queue: SimpleQueue[tuple[str, Line] | KintsugiError] = SimpleQueue()
        self._threads: dict[str, Thread] = {}
        self._assemblies: dict[str, Assembly] = {}
        self._last: dict[str, str] = {}
        self._open: dict[str, Any] = {}

    def refresh(self, containers: Iterable[Any]) -> None:
        """Opens the streams that are not open: of new containers, and of those that run again."""
        for container in containers:
            for stream in _STREAMS[: 1 if has_terminal(container) else 2]:
                key = f"{container.id}/{stream}"
                thread = self._threads.get(key)
                if thread is None or (not thread.is_alive() and container.status == "running"):
                    self._assemblies.setdefault(key, _assembly(container, stream))
                    self._threads[key] = Thread(
                        target=self._run, args=(key, container, stream), daemon=True, name=f"docker {container.name}"
                    )
                    self._threads[key].start()

    def arrived(self, seconds: float) -> Iterator[LogRecord]:
        """What has come in. A quiet moment completes the entries that were still open."""
        try:
            while True:
                item = self._queue.get(timeout=seconds)
                if isinstance(item, KintsugiError):
                    raise item
                key, line = item
                if line.stamp > self._last.get(key, ""):  # a stream that is opened again repeats its last moment
                    self._last[key] = line.stamp
                    yield from _records(self._assemblies[key].feed(line))
        except Empty:
            for assembly in self._assemblies.values():
                yield from _records(assembly.flush())

    def close(self) -> None:
        for response in list(self._open.values()):
            response.close()
        for thread in self._threads.values():
            thread.join(timeout=2)

    def _run(self, key: str, container: Any, stream: str) -> None:
        last = self._last.get(key)
        since = datetime.fromisoformat(last) - timedelta(milliseconds=1) if last else self._since
        try:
            lines, self._open[key] = self._source.lines(container, stream, since, None, follow=True)
            for line in lines:
                self._queue.put((key, line))
        except Unavailable as error:
            self._queue.put(error)
        except (OSError, ValueError):
            return  # the connection was closed under us: the next refresh opens it again


class _Translated:
    """Turns what the engine says into our sentences."""

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        if isinstance(error, APIError):
            raise Unavailable(
                f"The Docker engine refused to read {self._subject or 'its containers'}: {error.explanation or error}."
            ) from error
        if isinstance(error, (DockerException, RequestException)):
            where = f" at {self._subject}" if "://" in self._subject else ""
            raise Unavailable(f"No Docker engine answers{where} ({error}); start it, or set DOCKER_HOST.", code="no_engine") from error


def _assembly(container: Any, stream: str) -> Assembly:
    return Assembly(f"{container.name}/{stream}", container.labels.get(_SERVICE_LABEL) or container.name)


def _records(timed: Iterable[Timed]) -> Iterator[LogRecord]:
    return (entry.record for entry in timed if entry.record)


def has_terminal(container: Any) -> bool:
    """A container with a terminal has one raw stream, which the engine calls stdout."""
    return bool(container.attrs["Config"]["Tty"])


def _has_label(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


def _title(container: Any) -> str:
    service = container.labels.get(_SERVICE_LABEL)
    return f"{container.name} (service {service}, {container.status})" if service else f"{container.name} ({container.status})"
