"""Text from production is hostile and talkative: control characters are made visible, secrets are masked. Before storing, before showing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "[redacted]"

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

_VALUE = r"[^\s\"'&,;<>{}()\[\]]"
_SECRET_NAME = r"(?:password|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|auth(?:orization)?|private[_-]?key|client[_-]?secret|session(?:id)?|cookie|dsn|credential)s?"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s@/]+@", re.I), rf"\1{MASK}@"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|sk-[\w-]{20,}|[rs]k_(?:live|test)_\w{16,}|AIza[\w-]{35}|npm_\w{36}|hf_\w{30,})"), MASK),
    (re.compile(r"\b((?:basic|bearer)\s+)[\w.~+/=-]{8,}", re.I), rf"\1{MASK}"),
    (re.compile(rf"(?i)([\"']?\b[\w.-]*{_SECRET_NAME}[\"']?\s*[:=]\s*)([\"'])(?!\2)(?:(?!\2).)+\2"), rf"\1\2{MASK}\2"),
    (re.compile(rf"(?i)(\b[\w.-]*{_SECRET_NAME}\s*[=:]\s*)(?!\[redacted\]|none\b|null\b|true\b|false\b|basic\b|bearer\b|(?<=pwd=)/){_VALUE}{{4,}}"), rf"\1{MASK}"),
)  # fmt: skip
_HINT = re.compile(
    r"(?i)-----BEGIN|://|eyJ|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|sk-|[rs]k_|AIza|npm_|hf_|basic|bearer|pass|pwd|secret|token|key|auth|session|cookie|dsn|credential"
)


def redact(text: str) -> str:
    """The text with credentials masked. Shapes are those of logs: `key=value`, quoted pairs, URLs with a password, bearer headers, vendors' prefixes."""
    if not _HINT.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def visible(text: str) -> str:
    """The text without terminal sequences, and with control, bidirectional and zero-width characters written as escapes."""
    text = _ANSI.sub("", text) if "\x1b" in text else text
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def clean(value: Any) -> Any:
    """The same structure with every string made visible and redacted; keys too, since attributes come from production."""
    if isinstance(value, str):
        return redact(visible(value))
    if isinstance(value, Mapping):
        return {visible(str(key)): MASK if _is_secret(key, item) else clean(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


_SECRET_KEY = re.compile(
    rf"(?i)^(?:.*[._-])?(?:{_SECRET_NAME})$",
)


def _is_secret(key: Any, item: Any) -> bool:
    return isinstance(item, str) and len(item) > 3 and bool(_SECRET_KEY.match(str(key)))
