"""The driver: a client of the servers, as Claude Code is."""
