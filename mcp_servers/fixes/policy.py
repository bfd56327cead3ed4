"""What a fix may change. Judged on the difference of two trees, never on what a diff says about itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from mcp_servers.fixes.model import Finding
from mcp_servers.kit.git import ABSENT, EXECUTABLE, FILE, GITLINK, LINK, FileChange
from mcp_servers.kit.redaction import redact

POLICY_VERSION = "1"
MAX_FILES = 40
MAX_CHANGED_BYTES = 512_000
MAX_PATH_BYTES = 400

PROTECTED: Mapping[str, str] = {
    "protected_ci": ".github/* .gitlab-ci.yml .gitlab/* .circleci/* .buildkite/* *azure-pipelines* jenkinsfile* .travis.yml",
    "protected_hook": ".githooks/* .husky/* hooks/* .pre-commit-config.yaml lefthook.y*ml",
    "protected_git": ".gitattributes .gitmodules .gitconfig .mailmap",
    "protected_agent": ".claude/* .claude-plugin/* .mcp.json claude.md agents.md .cursor/* .cursorrules .vscode/* .idea/* .devcontainer/*",
    "protected_policy": "kintsugi.toml codeowners",
    "protected_tests": "conftest.py pytest.ini tox.ini noxfile.py .coveragerc sitecustomize.py usercustomize.py *.pth",
    "protected_build": "makefile gnumakefile *.mk dockerfile* *.dockerfile docker-compose*.y*ml compose*.y*ml setup.py setup.cfg "
    "pyproject.toml package.json build.gradle* pom.xml cargo.toml build.rs go.mod rakefile procfile .envrc",
    "protected_dependencies": "*.lock package-lock.json pnpm-lock.yaml npm-shrinkwrap.json go.sum requirements*.txt .npmrc .pypirc pip.conf",
}
"""Files that decide what runs or who approves: a change asks for a stronger approval. Names fit at any depth; so do dotted folders."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SHORT_NAME = re.compile(r"^(?:git|gi[0-9a-f]{4})~\d+$")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})

Contents = Callable[[str], bytes]
"""Gives the content of a blob by its id."""


def judge(changes: Sequence[FileChange], files_after: Iterable[str], contents: Contents, *, test_path: str = "") -> list[Finding]:
    """What stands against this difference: `reject` refuses it, `elevate` asks for a stronger approval; no finding is ordinary."""
    sizes = _size_findings(changes, contents)
    if sizes:
        return sizes
    collisions = _collisions(changes, files_after)
    return [*collisions, *(finding for change in changes for finding in _judge_one(change, contents, test_path))]


def _judge_one(change: FileChange, contents: Contents, test_path: str) -> list[Finding]:
    names = _path_findings(change.path)
    modes = _mode_findings(change)
    if names or modes:
        return [*names, *modes]
    old = contents(change.old_id) if not change.added else b""
    new = contents(change.new_id) if not change.deleted else b""
    return [*_content_findings(change.path, old, new), *_elevations(change, test_path)]


def _path_findings(path: str) -> list[Finding]:
    parts = path.split("/")
    checks = (
        ("path_climbs", any(part in {"", ".", ".."} for part in parts) or path.startswith("~") or re.match(r"[A-Za-z]:", path)),
        ("path_git", any(_means_git(part) for part in parts)),
        ("path_odd", any(_is_odd(part) for part in parts)),
        ("path_long", len(path.encode("utf-8", "replace")) > MAX_PATH_BYTES),
    )
    texts = {
        "path_climbs": "climbs out of the repository",
        "path_git": "means git's own folder on some file system",
        "path_odd": "holds characters that hide or change its name on some file system",
        "path_long": f"is longer than {MAX_PATH_BYTES} bytes",
    }
    return [_reject(code, path, f"The path {texts[code]}.") for code, bad in checks if bad]


def _means_git(part: str) -> bool:
    """`.git` in any case, with ignorable characters, as an NTFS short name, stream or trailing-dot twin."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", part) if unicodedata.category(c) not in {"Cf", "Mn", "Cc"})
    name = plain.casefold().partition(":")[0].rstrip(". ")
    return name == ".git" or bool(_SHORT_NAME.match(name))


def _is_odd(part: str) -> bool:
    stem = part.casefold().partition(".")[0].rstrip(" ")
    return (
        bool(_HIDDEN.search(part) or re.search(r'[\\\n\r\t:*?"<>|]', part))
        or part != part.rstrip(". ")
        or stem in _DEVICES
        or part != unicodedata.normalize("NFC", part)
        or not part.isprintable()
    )


def _mode_findings(change: FileChange) -> list[Finding]:
    path, mode = change.path, change.new_mode
    if GITLINK in (mode, change.old_mode):
        return [_reject("submodule", path, "A fix may not add, move or remove a submodule.")]
    if mode == LINK:
        return [_reject("link", path, "A fix may not make or change a symbolic link.")]
    if mode not in {FILE, EXECUTABLE, ABSENT}:
        return [_reject("mode", path, f"The mode {mode} is none that a fix may set.")]
    if mode == EXECUTABLE and change.old_mode != EXECUTABLE:
        return [_elevate("made_executable", path, "The file becomes executable.")]
    return []


def _content_findings(path: str, old: bytes, new: bytes) -> list[Finding]:
    if b"\0" in new:
        return [_reject("binary", path, "The result is a binary file; nobody can review it.")]
    added = _added(old.decode("utf-8", "replace"), new.decode("utf-8", "replace"))
    findings: list[Finding] = []
    if hidden := next(filter(None, map(_HIDDEN.search, added)), None):
        findings.append(_reject("hidden_characters", path, f"An added line holds the invisible character U+{ord(hidden[0]):04X}."))
    if any(_is_secret(line, path) for line in added):
        findings.append(_reject("secret", path, "An added line holds what looks like a credential; keep it in the environment."))
    return findings


def _added(old: str, new: str) -> list[str]:
    before = set(old.split("\n"))
    return [line for line in new.split("\n") if line not in before]


_NAME = r"(?i:passw(?:or)?d|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?"
_ASSIGNED = re.compile(rf"{_NAME}[\"']?\]?\s*(?:=|:)\s*[rbuf]?([\"'])(?![${{<%])[^\"'\s]{{4,}}\1")
_BARE = re.compile(rf"{_NAME}\s*[=:]\s*(?![\"'${{<%]|null|true|false)\S{{4,}}")
_VENDOR = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE|://[^\s:/@{]+:[^\s@/{}$]{4,}@|\b(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|[rs]k_live_|AIza|eyJ|npm_|hf_)[\w-]{16,}"
)
_SETTINGS = (".env", ".ini", ".cfg", ".conf", ".yaml", ".yml", ".properties")


def _is_secret(line: str, path: str) -> bool:
    """A literal that stands for a credential; `token = request.headers["Authorization"]` names one and holds none."""
    return redact(line) != line and bool(
        _VENDOR.search(line) or _ASSIGNED.search(line) or (path.endswith(_SETTINGS) and _BARE.search(line))
    )


def _elevations(change: FileChange, test_path: str) -> list[Finding]:
    path = change.path
    findings = [_elevate(code, path, "This file decides what runs or who approves.") for code in _protected(path)]
    if not change.added and path != test_path and is_test(path):
        word = "removed" if change.deleted else "changed"
        findings.append(
            _elevate("test_changed", path, f"A test that exists is {word}; a fix that weakens its own judge must be looked at.")
        )
    return findings


def _protected(path: str) -> list[str]:
    lowered = path.casefold()
    return [code for code, patterns in PROTECTED.items() if any(_fits(lowered, pattern) for pattern in patterns.split())]


def _fits(path: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return fnmatchcase(path, pattern) or (pattern.startswith(".") and fnmatchcase(path, f"*/{pattern}"))


def is_test(path: str) -> bool:
    """Whether a path is a test by the usual conventions of many languages."""
    *folders, name = path.casefold().split("/")
    return bool({"test", "tests", "__tests__", "spec"} & set(folders)) or bool(
        re.match(r"test_.*|.*_test\.\w+$|.*[.-](?:test|spec)\.\w+$|.*_spec\.\w+$", name)
    )


def _size_findings(changes: Sequence[FileChange], contents: Contents) -> list[Finding]:
    if not changes:
        return [_reject("empty", "", "The fix changes nothing.")]
    if len(changes) > MAX_FILES:
        return [_reject("too_many_files", "", f"{len(changes)} files change, the limit is {MAX_FILES}; make smaller fixes.")]
    size = sum(len(contents(change.new_id)) for change in changes if not change.deleted and change.new_mode != GITLINK)
    if size > MAX_CHANGED_BYTES:
        return [_reject("too_large", "", f"The changed files hold {size} bytes, the limit is {MAX_CHANGED_BYTES}.")]
    return []


def _collisions(changes: Sequence[FileChange], files_after: Iterable[str]) -> list[Finding]:
    added = {change.path for change in changes if change.added}
    if not added:
        return []
    seen: dict[str, set[str]] = {}
    for file in files_after:
        for prefix in _prefixes(file):
            seen.setdefault(_folded(prefix), set()).add(prefix)
    return [
        _reject("case_collision", path, f"The path is one with {', '.join(sorted(twins))} on file systems that fold case.")
        for path in sorted(added)
        for prefix in _prefixes(path)
        if (twins := seen.get(_folded(prefix), set()) - {prefix})
    ]


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


def _reject(code: str, path: str, text: str) -> Finding:
    return Finding(code, "reject", path, text)


def _elevate(code: str, path: str, text: str) -> Finding:
    return Finding(code, "elevate", path, text)
