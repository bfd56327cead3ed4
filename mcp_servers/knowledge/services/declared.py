"""What a repository's configuration says of its services: compose files, manifests of Kubernetes, settings and env files. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from mcp_servers.kit.configuration import document, format_of
from mcp_servers.knowledge.services.addresses import addressed, kind_by
from mcp_servers.knowledge.services.model import Declared, Dependency

_LONGEST, _DEEPEST = 300_000, 12
_MANIFESTS = re.compile(
    r"^(?:package(?:-lock)?|composer|tsconfig.*|jsconfig|renovate|biome|turbo|nx|lerna)\.json$|^(?:pyproject|cargo|pipfile|netlify|fly)\.toml$"
    r"|^(?:setup|tox)\.(?:cfg|ini)$|^mkdocs\.ya?ml$|lock\.(?:json|ya?ml|toml)$|openapi|swagger",
    re.I,
)
_RUNS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet", "Pod", "Service"})
_ENTRY = frozenset({"name", "value", "valueFrom"})

Compose = dict[str, Mapping[str, Any]]


def declared(files: Mapping[str, str], repository: str) -> Declared:
    """The services of a repository and what they use, by the text of its files. Where no file names a service, the repository is one."""
    parsed = {path: root for path, text in files.items() if reads(path) for root in [_parsed(path, text)] if root is not None}
    composed = {path: services for path, root in parsed.items() if (services := _composed(root))}
    folders: dict[str, str] = {}
    found: list[Dependency] = []
    for path, services in composed.items():
        for name, about in services.items():
            if not _is_infrastructure(about):
                folders.setdefault(name, _folder(path, about))
            found += _of_compose(path, name, about, services, repository)
    for path, root in parsed.items():
        if path not in composed:
            for service, key, value in _settings(path, root, folders, repository):
                found += [
                    Dependency(service, kind, host, repository, "configured", path)
                    for kind, host in addressed(key, value, folders)
                    if host != service
                ]
    infrastructure = {name: _kind(name, about) for services in composed.values() for name, about in services.items()}
    told = (_named_by(one, infrastructure) for one in found)
    return Declared(folders, tuple(dict.fromkeys(told)))


def reads(path: str) -> bool:
    """Whether a file is configuration of what runs, by its name."""
    pure = PurePosixPath(path)
    hidden = any(part.startswith(".") for part in pure.parts[:-1])
    return bool(format_of(path)) and not hidden and not _MANIFESTS.search(pure.name)


def _parsed(path: str, text: str) -> Any:
    try:
        return document(path, text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None


def _composed(root: Any) -> Compose:
    """The services of a compose file; none for another file."""
    given = {str(name): _mapping(about) for name, about in _mapping(_mapping(root).get("services")).items()}
    return {name: about for name, about in given.items() if {"image", "build", "extends"} & about.keys()}


def _kind(name: str, about: Mapping[str, Any]) -> str:
    """What a service of a compose file is: what is built here is a service of ours, an image may be a database."""
    image = str(about.get("image", "")).rsplit("/", 1)[-1].partition(":")[0]
    return "service" if "build" in about else kind_by(re.split(r"[^a-z0-9]+", image.lower())) or "service"


def _is_infrastructure(about: Mapping[str, Any]) -> bool:
    return _kind("", about) != "service"


def _folder(path: str, about: Mapping[str, Any]) -> str:
    """The folder that a service is built from, inside the repository; empty for one that is not."""
    build: Any = about.get("build")
    context: Any = _mapping(build).get("context", ".") if isinstance(build, Mapping) else build
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), str(context))) if context else ""
    return "" if folder.startswith((".", "/")) else folder


def _of_compose(path: str, name: str, about: Mapping[str, Any], services: Compose, repository: str) -> Iterator[Dependency]:
    if _is_infrastructure(about):
        return
    for key in ("depends_on", "links"):
        for other in _list(about.get(key)):
            target = str(other).partition(":")[0]
            if target in services:
                yield Dependency(name, "service", target, repository, "configured", path)
    for key, value in _environment(about.get("environment")):
        for kind, host in addressed(key, value, services):
            if host != name:
                yield Dependency(name, kind, host, repository, "configured", path)


def _mapping(given: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], given) if isinstance(given, Mapping) else {}


def _list(given: Any) -> list[Any]:
    """The entries of a list, or the keys of a mapping."""
    return cast(list[Any], given) if isinstance(given, list) else list(_mapping(given))


def _environment(given: Any) -> Iterator[tuple[str, str]]:
    """Keys and values of an environment, whether it is a mapping, or a list of `key=value` or of names with values."""
    for one in _list(given):
        if isinstance(given, Mapping):
            yield str(one), str(_mapping(given)[one])
        elif isinstance(one, Mapping):
            yield str(_mapping(one).get("name", "")), str(_mapping(one).get("value", ""))
        else:
            key, _, value = str(one).partition("=")
            yield key, value


def _settings(path: str, root: Any, folders: Mapping[str, str], repository: str) -> Iterator[tuple[str, str, str]]:
    """Service, key and text of each setting of a file: the service of a manifest, else the one whose folder the file lies in."""
    homes = sorted(((folder, name) for name, folder in folders.items() if folder), key=lambda home: -len(home[0]))
    here = next((name for folder, name in homes if path.startswith(f"{folder}/")), repository)
    for one in _list(root) if isinstance(root, list) else [root]:
        service = _manifested(one) or here
        for key, value in _flat(one, "", 0):
            yield service, key, value


def _manifested(root: Any) -> str:
    """The name of what a manifest of Kubernetes runs; empty for another file."""
    told = _mapping(root)
    return str(_mapping(told.get("metadata")).get("name", "")) if told.get("kind") in _RUNS else ""


def _flat(root: Any, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """Key and text of every setting below a node; a list of names with values is an environment."""
    if depth > _DEEPEST:
        return
    if isinstance(root, Mapping):
        for name, value in _mapping(root).items():
            yield from _flat(value, f"{key}.{name}" if key else str(name), depth + 1)
    elif isinstance(root, list):
        for one in _list(root):
            if "name" in _mapping(one) and _mapping(one).keys() <= _ENTRY:
                yield from _environment([one])
            else:
                yield from _flat(one, key, depth + 1)
    elif isinstance(root, str):
        yield key, root


def _named_by(one: Dependency, infrastructure: Mapping[str, str]) -> Dependency:
    """A dependency with the kind that its own entry says."""
    kind = infrastructure.get(one.name, one.kind)
    return one if kind == one.kind else Dependency(one.service, kind, one.name, one.repository, one.told, one.place)
