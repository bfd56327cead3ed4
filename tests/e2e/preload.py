"""What the processes of the end-to-end tests load on their way: modules, and those that the first tool call imports."""

import asyncio
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import dbos._sys_db_sqlite
import psycopg

from kintsugi.cli import COMMANDS
from kintsugi.reasoners import FREE, REASONERS
from kintsugi.reasoners.reproductions import calls, replay
from kintsugi.tools import Tools
from mcp_servers.launch import SLICES, assemble
from tests.e2e.crash import fleet, walker

LOADED = [walker, fleet, psycopg, dbos, calls, replay, *(SLICES[name] for name in SLICES), *(REASONERS[name] for name in FREE)]
SPOKEN = [import_module(f"kintsugi.commands.{place.partition(':')[0]}") for place, _ in COMMANDS.values()]

with TemporaryDirectory() as folder:
    deps = assemble(None, home=Path(folder))
    asyncio.run(Tools(deps).call("list_cases"))
    deps.database.close()
