"""Problems that production had."""

from mcp_servers.knowledge.issues.model import RuntimeIssue
from mcp_servers.knowledge.issues.store import IssueStore, resolve
from mcp_servers.knowledge.issues.tools import register

__all__ = ["IssueStore", "RuntimeIssue", "register", "resolve"]
