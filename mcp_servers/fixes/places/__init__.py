"""Where the mistake is: functions ranked from the trace, from what the failing check calls, and from what ran in the tests."""

from mcp_servers.fixes.places.model import Place, Spectrum, Spot
from mcp_servers.fixes.places.ranking import rank

__all__ = ["Place", "Spectrum", "Spot", "rank"]
