"""Services: which there are, who calls whom, and which database, cache, queue or host each uses, over all repositories."""

from mcp_servers.knowledge.services.model import Dependency, Landscape, Told
from mcp_servers.knowledge.services.store import ServiceStore

__all__ = ["Dependency", "Landscape", "ServiceStore", "Told"]
