"""The stores that every suite of a store runs on: SQLite, and a throw-away PostgreSQL that is started when it is first needed.

A test module imports both fixtures: `from tests.databases import database, database_url`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock

import pytest

from mcp_servers.kit.database import Database
from tests.components import needs

_numbers = count(1)
_starting = Lock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs("postgresql"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once for each kind of store."""
    return f"sqlite:///{tmp_path / 'kintsugi.db'}" if request.param == "sqlite" else new_postgresql_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open, empty store, once for each kind."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


def new_postgresql_database() -> str:
    """The URL of an empty database in the throw-away PostgreSQL."""
    with _starting:  # threads may ask at once: one cluster serves them all
        folder = _cluster()
    name = f"kintsugi_{os.getpid()}_{next(_numbers)}"
    _as_postgres(_program("createdb"), "-h", folder, "-U", "postgres", name)
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"


@cache
def _cluster() -> str:
    """The socket folder of a running cluster of our own, without TCP; it ends with the test run."""
    folder = tempfile.mkdtemp(prefix="kintsugi-pg-")
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = f"{folder}/data"
    _as_postgres(_program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    _as_postgres(_program("pg_ctl"), "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start")
    atexit.register(_stop, folder, data)
    return folder


def _stop(folder: str, data: str) -> None:
    _as_postgres(_program("pg_ctl"), "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(*command: str) -> None:
    """Runs the command; PostgreSQL refuses to run as root, so root becomes the user postgres."""
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryFile() as output:  # not a pipe: the server that pg_ctl starts would keep it open
        done = subprocess.run(command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60, check=False)
        output.seek(0)
        assert done.returncode == 0, f"{command[0]} failed: {output.read().decode('utf-8', 'replace')}"


def _program(name: str) -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(installed[-1]) if installed else shutil.which(name) or name
