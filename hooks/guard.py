"""Starts the guard of the shell and file tools with whatever Python there is, before our own environment exists."""

import sys
from os.path import abspath, dirname

sys.path.insert(0, dirname(dirname(abspath(__file__))))
sys.dont_write_bytecode = True  # a plugin's folder stays as it was installed

from kintsugi.hooks.toolguard import main  # noqa: E402

sys.exit(main(sys.stdin, sys.stderr))
