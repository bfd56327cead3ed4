"""Stack traces inside texts, compared as bags of their frames: the same calls whatever the host, the version and the line numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from mcp_servers.kit.similarity import cosine, rarity

_FRAME = re.compile(
    r"""^\s*(?:
        File\s"[^"]+",\sline\s\d+                    # Python
      | at\s.+[(:]                                   # Java, JavaScript, C#
      | \#\d+\s                                      # PHP, gdb
      | from\s.+:\d+:in\s | \S+:\d+:in\s             # Ruby
      | \d+:\s.*::                                   # Rust
      | \S+\.go:\d+                                  # Go
    )""",
    re.VERBOSE,
)
_THROWN = re.compile(
    r"^(?:Caused by: |panic: |Uncaught |Exception in thread .*? )*([A-Za-z_$][\w$.:\\]*(?:Error|Exception|Panic|Fault|Warning))\b"
)
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[\w.@+~-]*[\\/](?:[\w.@+~ -]+[\\/])*")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
_LEAST = 2
_MOST = 200


def frames(text: str) -> list[str]:
    """The frames and thrown types of a text, one term each, without folders and numbers; empty for a text with fewer than two frames."""
    lines = text.split("\n")
    held = [_masked(line) for line in lines if _FRAME.match(line)][:_MOST]
    thrown = [match[1].rpartition(".")[2] for match in map(_THROWN.match, map(str.strip, lines)) if match]
    return held + thrown if len(held) >= _LEAST else []


def likeness_of_traces(asked: str, texts: Mapping[str, str]) -> dict[str, float]:
    """How alike the trace in `asked` is to the trace in each text (0–1), for those that have one."""
    wanted = frames(asked)
    if not wanted:
        return {}
    traces = {id: found for id, text in texts.items() if (found := frames(text))}
    held: Counter[str] = Counter(term for found in traces.values() for term in set(found))
    weight = {term: rarity(count, len(traces) + 1) for term, count in held.items()}
    unknown = rarity(0, len(traces) + 1)
    weight |= {term: unknown for term in wanted if term not in held}
    return {id: cosine(wanted, found, weight) for id, found in traces.items()}


def _masked(line: str) -> str:
    return " ".join(_NUMBER.sub("", _FOLDERS.sub("", line)).split())
