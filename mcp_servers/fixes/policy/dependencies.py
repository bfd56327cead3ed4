"""What is installed: names that come, sources and ranges that change, registries that move, names that look like another."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*?)\s*(?:#.*)?$")
_REQUIREMENTS = re.compile(r"(?:requirements|constraints)[\w.-]*\.(?:txt|in)$")
_LINES: Mapping[str, re.Pattern[str]] = {
    "go.mod": re.compile(r"^\s*(?:require\s+|replace\s+)?([\w.-]+\.[\w.-]+/\S+)\s+((?:=>\s*)?\S.*)$", re.M),
    "go.sum": re.compile(r"^(\S+) (v\S+)", re.M),
    "gemfile": re.compile(r"^\s*gem\s+[\"']([^\"']+)[\"']\s*,?\s*(.*)$", re.M),
    "gemfile.lock": re.compile(r"^ {4}(\S+) \(([^)]*)\)$", re.M),
    "yarn.lock": re.compile(r"^\"?(@?[^@\s\"]+)@([^:\n]+):$", re.M),
    "pnpm-lock.yaml": re.compile(r"^\s+'?/?(@?[^@\s']+)@([^:'\n]+)'?:$", re.M),
}
_TOML_LOCK = re.compile(r"^name = \"([^\"]+)\"\nversion = \"([^\"]+)\"", re.M)
_LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "cargo.lock"})
_REGISTRY = re.compile(
    r"(?i)--(?:extra-)?index-url|--find-links|--trusted-host|\b(?:registry|npmregistryserver|resolved|index-url|extra-index-url)\b[\"']?\s*[=:]"
    r"|\[\[(?:tool\.uv\.index|tool\.poetry\.source|source)\]\]|^\s*source\s+[\"']http|\"repositories\"|<repository>|\[source\.|^\s*replace\s|GOPROXY|GONOSUM|GOFLAGS"
)
_ELSEWHERE = re.compile(
    r"(?i)(?:git|hg|svn|bzr)(?:\+|:|@)|https?://|ssh://|\bfile:|\blink:|\bgithub:|\bpath\b\s*[=:]|\burl\b\s*[=:]|\bgit\b\s*[=:]|(?:^|\s)-e\s|=>"
)
_SCRIPTS = ("scripts", "bin", "config", "gypfile", "overrides", "resolutions")


def findings(difference: Difference) -> Iterator[Finding]:
    """What changes in a file of dependencies; each asks for a stronger approval."""
    if not is_manifest(difference.path):
        return
    old, new = needs(difference.path, difference.before), needs(difference.path, difference.after)
    for name, wanted in new.items():
        if name not in old:
            yield _added(difference, name, wanted, old)
        elif wanted != old[name]:
            yield _changed(difference, name, old[name], wanted)
    registry = next((line for line in difference.added if _REGISTRY.search(line.text) and _place(line.text) not in difference.before), None)
    if registry:
        yield difference.elevate("registry_moved", "Packages would be fetched from another place.", registry.number)
    if difference.name == "package.json" and any(_json(difference.before).get(key) != _json(difference.after).get(key) for key in _SCRIPTS):
        yield difference.elevate("install_script", "The scripts of the package change; some run when it is installed.")


def _place(line: str) -> str:
    """What a line says of a registry: its address, or all of it."""
    found = re.search(r"[a-z]+://[^\s/\"']+", line, re.I)
    return found[0] if found else line


def is_manifest(path: str) -> bool:
    name = path.rpartition("/")[2].casefold()
    named = {
        "pyproject.toml",
        "package.json",
        "composer.json",
        "pipfile",
        "cargo.toml",
        "package-lock.json",
        "composer.lock",
        "setup.py",
        "setup.cfg",
    }
    registries = {
        ".npmrc",
        "pip.conf",
        "uv.toml",
        ".yarnrc",
        ".yarnrc.yml",
        ".pypirc",
        "nuget.config",
        "settings.xml",
        "pom.xml",
        "build.gradle",
    }
    return bool(_REQUIREMENTS.search(path.casefold())) or name in named | registries | _LOCKS | _LINES.keys()


def needs(path: str, text: str) -> dict[str, str]:
    """Names and what is wanted of them, in a file of dependencies; empty for one that cannot be read."""
    name = path.rpartition("/")[2].casefold()
    if _REQUIREMENTS.search(path.casefold()):
        return dict(_requirement(line) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    if name in _LOCKS:
        return {found[1]: found[2] for found in _TOML_LOCK.finditer(text)}
    if name in _LINES:
        return {found[1]: found[2].strip() for found in _LINES[name].finditer(text)}
    if name.endswith(".json") or name == "composer.lock":
        return _of_json(_json(text))
    return _of_toml(_toml(text)) if name.endswith(".toml") or name == "pipfile" else {}


def _requirement(line: str) -> tuple[str, str]:
    line = line.strip()
    found = None if line.startswith("-") or "://" in line.partition("@")[0] else _REQUIREMENT.match(line)
    return (_plain(found[1]), found[2]) if found else (line, line)


def _of_json(data: Mapping[str, Any]) -> dict[str, str]:
    tables = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "require", "require-dev")
    found = {str(name): json.dumps(wanted) for table in tables for name, wanted in _mapping(data.get(table)).items()}
    locked = {name.rpartition("node_modules/")[2]: _mapping(entry) for name, entry in _mapping(data.get("packages")).items() if name}
    return found | {name: f"{entry.get('version')} {entry.get('resolved', '')}" for name, entry in locked.items()}


def _of_toml(data: Mapping[str, Any]) -> dict[str, str]:
    project, tool = _mapping(data.get("project")), _mapping(data.get("tool"))
    lists = [project.get("dependencies"), _mapping(data.get("build-system")).get("requires")]
    lists += [*_mapping(project.get("optional-dependencies")).values(), *_mapping(data.get("dependency-groups")).values()]
    found = dict(_requirement(item) for items in lists if isinstance(items, list) for item in items if isinstance(item, str))  # pyright: ignore[reportUnknownVariableType]
    poetry = _mapping(tool.get("poetry"))
    tables = [
        poetry.get("dependencies"),
        poetry.get("dev-dependencies"),
        *(_mapping(g).get("dependencies") for g in _mapping(poetry.get("group")).values()),
    ]
    tables += [
        data.get("dependencies"),
        data.get("dev-dependencies"),
        data.get("build-dependencies"),
        data.get("packages"),
        data.get("dev-packages"),
    ]
    found |= {_plain(name): json.dumps(wanted, default=str) for table in tables for name, wanted in _mapping(table).items()}
    return found | {
        f"{name} (source)": json.dumps(wanted, default=str) for name, wanted in _mapping(_mapping(tool.get("uv")).get("sources")).items()
    }


def _added(difference: Difference, name: str, wanted: str, old: Mapping[str, str]) -> Finding:
    line = difference.line_of(name)
    twin = next((known for known in old if _looks_like(name, known)), "")
    if twin:
        return difference.elevate("dependency_lookalike", f"{name!r} would be installed; it looks like {twin!r}, which is there.", line)
    if _ELSEWHERE.search(f"{name} {wanted}"):
        return difference.elevate("dependency_source", f"{name!r} would be installed from a place of its own: {wanted}.", line)
    return difference.elevate("dependency_added", f"{name!r} would be installed, which was not needed before.", line)


def _changed(difference: Difference, name: str, before: str, wanted: str) -> Finding:
    line = difference.line_of(wanted) or difference.line_of(name)
    if _ELSEWHERE.search(wanted) and set(_ELSEWHERE.findall(wanted)) != set(_ELSEWHERE.findall(before)):
        return difference.elevate("dependency_source", f"{name!r} would be installed from a place of its own: {wanted}.", line)
    return difference.elevate("dependency_range", f"{name!r} would be installed as {wanted or 'any'}, not as {before or 'any'}.", line)


def _looks_like(name: str, known: str) -> bool:
    """One letter, swap or separator apart, or the same with a common affix."""
    one, other = _plain(name), _plain(known)
    if one == other or min(len(one), len(other)) < 4:
        return False
    bare = [re.sub(r"^(?:python|py|node|js)-?|-?(?:python|py|js|node|[0-9])$|[-_.]", "", word) for word in (one, other)]
    return bare[0] == bare[1] or _near(one, other)


def _near(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        apart = [index for index in range(len(one)) if one[index] != other[index]]
        swapped = len(apart) == 2 and one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
        return len(apart) == 1 or (swapped and apart[1] == apart[0] + 1)
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return any(longer[:index] + longer[index + 1 :] == shorter for index in range(len(longer)))


def _plain(name: object) -> str:
    return re.sub(r"[-_.]+", "-", str(name)).casefold()


def _json(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]
