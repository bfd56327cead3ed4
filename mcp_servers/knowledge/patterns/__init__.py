"""Patterns: how code is configured to talk to what it depends on, over all repositories, with what became of each value."""

from mcp_servers.knowledge.patterns.model import Change, Notice, Scanned, Use, shown
from mcp_servers.knowledge.patterns.store import PatternStore
from mcp_servers.knowledge.patterns.tools import register, slug

__all__ = ["Change", "Notice", "PatternStore", "Scanned", "Use", "register", "shown", "slug"]
