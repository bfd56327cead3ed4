"""Recipes that verified fixes taught: matched by the failure and the shape of the code, filled in, and proven like any other fix."""

from mcp_servers.knowledge.recipes.tools import Teach, register, teacher

__all__ = ["Teach", "register", "teacher"]
