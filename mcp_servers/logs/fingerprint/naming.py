"""How a frame is called in an identity: module and function, without what changes from build to build, host to host or run to run."""

from __future__ import annotations

import re
from functools import lru_cache

from mcp_servers.kit.stack import Frame

_PACKAGE_FILES = frozenset({"__init__", "__main__", "mod"})
_TELLS_NOTHING = re.compile(r"^(?:<(?:anonymous|minified|module|main|top \(required\))>|\{main\}|\{closure\}|)$")
_VERSION = re.compile(r"^v?\d+(?:\.\d+)*(?:[a-z]+\d*)?$")
_HEX = re.compile(r"^(?=[0-9a-f]*\d)[0-9a-f]{6,}$", re.I)
_WORDS = re.compile(r"^(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z]))(?:[A-Z][a-z]{2,}|[A-Z]{2,}(?![a-z]))*\d{0,2}$|^[A-Z0-9_]+$|^[a-z]+\d{0,2}$")
_PARTS = re.compile(r"[.@~-]")
_BUNDLE = re.compile(
    r"\.min\.|[.-](?:bundle|chunk)\b|(?:^|/)(?:bundle|chunk|vendors?|app|main|runtime|polyfills)(?:[.~-][\w~-]+)*\.[cm]?js$", re.I
)
_PACKAGED = frozenset({"java", "csharp", "go", "rust", "elixir"})

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_JVM_GENERATED = re.compile(
    r"\$\$?(?:Enhancer[A-Za-z]*|FastClass[A-Za-z]*|SpringCGLIB|Lambda|Proxy|HibernateProxy|ByteBuddy|_jvst)[$\w/]*|\$HibernateProxy\$\w+"
)
_JVM_LAMBDA = re.compile(r"lambda\$(\w+?)\$\d+|lambda-\d+|\$\$?lambda\$\d+|\$lambda-?\$?\d+")
_JVM_NUMBERED = re.compile(r"\$\d+|(?<=access\$)\d+|(?<=GeneratedMethodAccessor)\d+|(?<=Proxy)\d+|-\w{7}(?=$|\$)|\$suspendImpl|\$default")
_CS_ASYNC = re.compile(r"<(\w+)>d__\d+(?:`\d+)?(?:\[[^\]]*\])?\.MoveNext$")
_CS_CLOSURE = re.compile(
    r"\.?<>c(?:__DisplayClass[\d_]+)?(?:`\d+)?(?:\[[^\]]*\])?\.<(\w*)>[bg]__(?:(\w+)\|)?[\d_]+(?:<[^>]*>)?(?:d\.MoveNext)?"
)
_CS_LOCAL = re.compile(r"<(\w+)>g__(\w+)\|[\d_]+")
_CS_GENERIC = re.compile(r"`\d+(?:\[.*?\](?=\.|$))?|\[[^\]]*\]$|<[^<>]*>$")
_GO_CLOSURE = re.compile(r"(?:\.func\d+|\.gowrap\d+|\.deferwrap\d+|\.\d+|-fm|-range\d+|·dwrap·\d+)+(?=$|\()")
_GO_GENERIC = re.compile(r"\[[^\]]*\]")
_RUST_HASH = re.compile(r"::h[0-9a-f]{16}$|\[[0-9a-f]{8,}\]")
_RUST_CLOSURE = re.compile(
    r"::\{\{?closure\}\}|::\{closure#\d+\}|::\{\{?impl\}\}(?:\[\d+\])?|::\{\{?async_\w+\}\}(?:\[\d+\])?|::\{async_\w+#\d+\}"
)
_RUBY_BLOCK = re.compile(r"^(?:block(?: \(\d+ levels\))?|rescue|ensure) in ")
_JS_RECEIVER = re.compile(r"^(?:async |new |get |set |static |bound )+| \[as [^\]]+\]| \(anonymous\)|(?:/<)+$|/[\w$]+<?$")
_PHP_CLOSURE = re.compile(r"\{closure:?[^}]*\}")
_PHP_ANONYMOUS = re.compile(r"@anonymous.*?(?=->|::|$)")


@lru_cache(maxsize=16384)
def name_of(frame: Frame, language: str) -> str:
    """Module and function of a frame, for example `cart:total` or `com/acme/Cart:Cart.total`."""
    module = module_of(frame, language)
    return f"{module}:{function_of(frame, language)}" if module else function_of(frame, language)


def module_of(frame: Frame, language: str) -> str:
    """The package or class path where the language prints it, else the cleaned name of the file; empty where the function says it all."""
    path = _path(frame.file)
    if language == "java":
        folders, _, base = path.rpartition("/")
        stem = _JVM_GENERATED.sub("", base.rpartition(".")[0] or base)
        return f"{folders}/{stem}"
    if language in _PACKAGED and frame.function:
        return ""
    if language == "php" and re.search(r"\w(?:->|::)", frame.function):
        return ""
    folders, _, base = path.rpartition("/")
    stem = _stem(base, language)
    return f"{folders.rpartition('/')[2]}/{stem}" if stem in _PACKAGE_FILES else stem


def tells_nothing(name: str) -> bool:
    """Whether the function of a name is anonymous, so that only its file speaks."""
    return bool(_TELLS_NOTHING.match(name.rpartition(":")[2]))


def function_of(frame: Frame, language: str) -> str:
    """The function's name as written in the source: no arguments, generics, addresses, and nothing that a compiler numbered."""
    cleaned = _CLEANERS.get(language, _plain)(_ADDRESS.sub("0x", frame.function))
    if language == "javascript" and is_minified(frame):
        return "<minified>"
    return cleaned


def is_minified(frame: Frame) -> bool:
    """Whether a name was made by a bundler: one or two letters, in a file that looks like a bundle."""
    name = _javascript(frame.function)
    if len(name) > 2 or name.startswith("<"):
        return False
    base = _path(frame.file).rpartition("/")[2]
    return bool(_BUNDLE.search(base)) or _stem(base, "javascript") != base.partition(".")[0]


# --- files ---


def _path(file: str) -> str:
    path = file.replace("\\", "/")
    if "://" in path:
        path = path.partition("://")[2]
    return path.partition("?")[0].partition("#")[0]


def _stem(base: str, language: str) -> str:
    """The file's name without extension, version, hash and the mark of a bundler."""
    if base.startswith("<"):
        return re.sub(r"[-_]?\d[\w-]*", "", base)
    head, *rest = base.split(".") if language == "python" else (base.rpartition(".")[0] or base).split(".")
    parts = _PARTS.split(head) if language == "javascript" or re.search(r"\d", head) else [head]
    kept = [part for part in parts if not _is_noise(part)] + [part for part in rest if not _is_noise(part) and language != "python"]
    return "-".join(kept) or "<numbered>"


def _is_noise(part: str) -> bool:
    if part in ("min", "bundle", "chunk", "esm", "cjs", "prod", "development", "production"):
        return True
    if _VERSION.match(part) or _HEX.match(part):
        return True
    return (len(part) >= 8 and not _WORDS.match(part) and not part.islower()) or (len(part) >= 16 and bool(re.search(r"\d", part)))


# --- functions ---


def _plain(name: str) -> str:
    return re.sub(r"\d{4,}", "", name.strip())


def _python(name: str) -> str:
    return name.rpartition("<locals>.")[2]


def _java(name: str) -> str:
    name = _JVM_LAMBDA.sub(lambda found: f"lambda${found[1]}" if found[1] else "lambda", _JVM_GENERATED.sub("", name))
    return _JVM_NUMBERED.sub("", name).rstrip("$")


def _csharp(name: str) -> str:
    name = name.partition("(")[0]
    name = _CS_CLOSURE.sub(lambda found: "." + ".".join(part for part in found.groups() if part), name)
    name = _CS_LOCAL.sub(r"\1.\2", _CS_ASYNC.sub(r"\1", name))
    return _CS_GENERIC.sub("", name).replace("+", ".").strip(".")


def _go(name: str) -> str:
    name = _GO_GENERIC.sub("", re.sub(r"^created by ", "", name))
    return _GO_CLOSURE.sub("", name).rpartition("/")[2]


def _rust(name: str) -> str:
    return _RUST_CLOSURE.sub("", _RUST_HASH.sub("", _RUST_HASH.sub("", name)))


def _ruby(name: str) -> str:
    while _RUBY_BLOCK.match(name):
        name = _RUBY_BLOCK.sub("", name)
    return re.split(r"[#.]", name)[-1] if not name.startswith("<") else name


def _javascript(name: str) -> str:
    name = _JS_RECEIVER.sub("", name.strip()).strip()
    name = name.rpartition(".")[2] if not name.endswith("<anonymous>") else "<anonymous>"
    return name if name and name not in ("anonymous", "eval", "(anonymous function)", "global code", "module code") else "<anonymous>"


def _php(name: str) -> str:
    return _PHP_ANONYMOUS.sub("@anonymous", _PHP_CLOSURE.sub("{closure}", name.replace("\\\\", "\\"))).lstrip("\\")


def _dart(name: str) -> str:
    return re.sub(r"(?:\.<(?:anonymous closure|fn)>)+|^new |^_\$|\.\$\w+$|<async>$", "", name)


def _elixir(name: str) -> str:
    name = re.sub(r"^anonymous fn/\d+(?: in )?", "", name)
    return re.sub(r"-(?:fun|inlined)-\d+-|/\d+$", "", name)


_CLEANERS = {
    "python": _python,
    "java": _java,
    "csharp": _csharp,
    "go": _go,
    "rust": _rust,
    "ruby": _ruby,
    "javascript": _javascript,
    "php": _php,
    "dart": _dart,
    "elixir": _elixir,
}
