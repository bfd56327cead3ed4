"""What a walk loads on its way, so that the processes forked from one server need not: modules, and those that the first tool call imports."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import dbos._sys_db_sqlite
import psycopg

from kintsugi.reasoners import REASONERS
from kintsugi.reasoners.reproductions import calls, replay
from kintsugi.tools import Tools
from mcp_servers.launch import SLICES, assemble
from tests.e2e.crash import fleet, walker

LOADED = [walker, fleet, psycopg, dbos, calls, replay, *(SLICES[name] for name in SLICES), *(REASONERS[name] for name in ("recipes",))]

with TemporaryDirectory() as folder:
    deps = assemble(None, home=Path(folder))
    asyncio.run(Tools(deps).call("list_cases"))
    deps.database.close()
