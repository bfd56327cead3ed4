"""Deployments: what went into production, where to look after it, and what became of it."""

from mcp_servers.knowledge.deployments.model import Deployment
from mcp_servers.knowledge.deployments.store import DeploymentStore
from mcp_servers.knowledge.deployments.tools import register

__all__ = ["Deployment", "DeploymentStore", "register"]
