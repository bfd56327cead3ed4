"""The nouns that issues and lessons share: the identity of an error, and how ids are made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

Provenance = Literal["verified", "certified", "reported"]
"""How a lesson came to be: its fix held in production (the ledger says so), was proven in the sandbox, or was told."""

LOGS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The identity of an error at two grains; both empty when only its text is known. `former` is the coarse one of an older version."""

    coarse: str = ""
    fine: str = ""
    former: str = ""

    def __bool__(self) -> bool:
        return bool(self.coarse or self.fine)


NO_FINGERPRINT = Fingerprint()

_VARYING = re.compile(
    r"\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b"
    r"|\d+(?:\.\d+)*"
)


def template_of(log: str) -> str:
    """The part of a log snippet that repeats: times, ids and numbers become `<*>`, runs of blanks one blank."""
    return " ".join(_VARYING.sub("<*>", log).split())


def digest(*parts: str) -> str:
    """Twelve hexadecimal digits that stand for the parts, in their order."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
