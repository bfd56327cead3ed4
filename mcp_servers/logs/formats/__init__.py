"""Log lines in the formats that they are found in: one module for each family, one `Parser` for each source."""

from mcp_servers.logs.formats.parser import Parser
from mcp_servers.logs.formats.severities import SEVERITIES, severity_of

__all__ = ["SEVERITIES", "Parser", "severity_of"]
