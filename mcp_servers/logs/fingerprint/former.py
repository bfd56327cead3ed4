"""Version 1 of the fingerprint, for cases and lessons that were stored with it. Nothing here ever changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace
from mcp_servers.logs.templates.masking import mask_message

_FRAMES = 40
_SYSTEM_FRAMES = 3
_NAMELESS = frozenset({"__init__", "__main__", "index", "mod"})
_INSTALLED_AT = frozenset({"", "app", "src", "code", "srv", "opt", "current", "release", "releases", "workspace", "lib", "dist", "build"})
_VERSIONED = re.compile(r"[.@_-](?:v?\d+(?:\.\d+)+|(?=[0-9a-f]*\d)[0-9a-f]{6,})(?=[.@_-]|$)|\.min$")
_GENERATED = re.compile(r"\$\$?(Lambda|EnhancerBy[A-Za-z]+|FastClassBy[A-Za-z]+|Proxy|SpringCGLIB)[$\w/]*|\$\d+(?=\.|$)|0x[0-9a-f]+")
_NUMBERED = re.compile(r"(?<=lambda\$)(\w+\$)\d+|(?<=GeneratedMethodAccessor)\d+|(?<=func)\d+")


@lru_cache(maxsize=4096)
def of_trace(trace: StackTrace) -> tuple[str, str]:
    """What version 1 called coarse and fine."""
    types = "<".join(_bare(exception.type) for exception in trace.exceptions)
    ours = [_name(frame, trace.language) for frame in _nearest_first(trace) if frame.in_app]
    shown = list(dict.fromkeys(ours))[:_FRAMES] or _system(trace) or [mask_message(trace.root.message)]
    return _hash(_coarse(trace)), _hash(f"{trace.language}|{types}|{'>'.join(shown)}")


def _coarse(trace: StackTrace) -> str:
    top = trace.top_in_app
    place = _name(top, trace.language) if top else ">".join(_system(trace)) or mask_message(trace.root.message)
    return f"{trace.language}|{_bare(trace.root.type)}|{place}"


def _nearest_first(trace: StackTrace) -> Iterator[Frame]:
    for exception in trace.exceptions:
        yield from reversed(exception.frames)


def _system(trace: StackTrace) -> list[str]:
    deepest: ExceptionInfo = next((exception for exception in trace.exceptions if exception.frames), trace.root)
    names = (_name(frame, trace.language) for frame in reversed(deepest.frames))
    return list(dict.fromkeys(names))[:_SYSTEM_FRAMES]


@lru_cache(maxsize=8192)
def _name(frame: Frame, language: str) -> str:
    """Module and function. A class path is kept whole; of a file only its name, since the folders before it are the installation's."""
    path = frame.file.replace("\\", "/").partition("?")[0]
    folders, _, base = path.rpartition("/")
    stem = _VERSIONED.sub("", base.partition(".")[0] if language == "python" else base.rpartition(".")[0] or base)
    if language == "java":
        stem = f"{folders}/{stem}"
    elif stem in _NAMELESS:
        stem = f"{_package(folders)}/{stem}"
    return f"{stem}:{_function(frame.function)}"


def _package(folders: str) -> str:
    parent = folders.rpartition("/")[2]
    return "" if parent in _INSTALLED_AT or re.search(r"\d", parent) else parent


def _function(name: str) -> str:
    return _NUMBERED.sub(r"\1", _GENERATED.sub(r"$\1", name))


def _bare(kind: str) -> str:
    """`shop.errors.Bad` and `__main__.Bad` are one type: how it was imported is not what went wrong."""
    return re.split(r"[.\\]|::", kind)[-1]


def _hash(text: str) -> str:
    return sha256(f"1|trace|{text}".encode()).hexdigest()[:16]
