"""The tools: one folder per server, every one with the same inside. `launch` is the only composition root."""
