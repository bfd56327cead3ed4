"""Starts the guard of the shell and file tools with whatever Python there is, before our own environment exists."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
data = os.environ.get("CLAUDE_PLUGIN_DATA", "")
sys.pycache_prefix = os.path.join(data, "bytecode") if data else None
sys.dont_write_bytecode = not data  # a plugin's own folder stays as it was installed

from kintsugi.hooks.toolguard import main  # noqa: E402

sys.exit(main(sys.stdin, sys.stderr))
