"""`python -m kintsugi.hooks NAME …`: what git and Claude Code start. Quick where there is nothing to say; never in the way when it fails itself."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence

FINDINGS = 9
"""The exit code that stops git. Any other but 0 is an accident of ours, which does not."""
_PATIENCE = 4.0
"""Seconds after which a session begins without its greeting. Half of one is usual; a busy machine takes several."""


def main(words: Sequence[str]) -> int:
    """0, or `FINDINGS`. Whatever goes wrong in here is one sentence on stderr and no reason to stop anybody's work."""
    name, arguments = (words[0] if words else ""), words[1:]
    try:
        if name == "session-start":
            return _session_start()
        return _guards(name, arguments) if name in {"pre-commit", "pre-push"} else _note(name, arguments)
    except Exception as error:  # a broken guard must not make commits impossible; the check in CI still stands
        told = " ".join(str(error).split())[:300]
        sys.stderr.write(f"Kintsugi's {name} hook could not look ({type(error).__name__}: {told}); git goes on without it.\n")
        return 0


def _guards(name: str, arguments: Sequence[str]) -> int:
    """Asks the index first: most commits touch nothing that a guard reads, and then nothing else is imported."""
    from mcp_servers.kit.home import state_path
    from mcp_servers.knowledge.guards import index

    known = index.load(state_path(os.environ))
    if not known.guards:
        return 0
    from kintsugi.hooks import check

    spans = check.asked(name, arguments, sys.stdin, os.environ)
    return FINDINGS if any([check.findings(span) for span in spans if check.could_find(known, span)]) else 0


def _note(name: str, arguments: Sequence[str]) -> int:
    """What happened, for the driver. Checking out files, or the commit that is there already, is nothing that happened."""
    if name == "post-checkout" and (arguments[2:3] != ["1"] or arguments[0] == arguments[1]):
        return 0
    from kintsugi.hooks import changes, spool
    from mcp_servers.kit.home import state_path

    top, commit, branch = changes.where()
    previous = arguments[0] if name == "post-checkout" else ""
    if commit:
        spool.leave(state_path(os.environ), spool.Note(name, time.time(), top, branch, commit, previous))
    return 0


def _session_start() -> int:
    """The greeting for the host, in time or not at all."""
    alarm = threading.Timer(_PATIENCE, os._exit, (0,))
    alarm.daemon = True
    alarm.start()
    from kintsugi.hooks import session

    sys.stdout.write(session.greeting(os.environ))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
