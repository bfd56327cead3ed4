"""What a walk imports on its way, so that the processes forked from one server need not."""

from kintsugi.reasoners import REASONERS
from mcp_servers.launch import SLICES
from tests.e2e.crash import walker

LOADED = [walker, *(SLICES[name] for name in SLICES), *(REASONERS[name] for name in ("recipes",))]
