"""Which frames are our own code: not the language's library, not an installed package, unless the project says otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mcp_servers.kit.stack import ExceptionInfo, Frame, StackTrace

_GO_STANDARD = (
    "archive|bufio|bytes|cmp|compress|container|context|crypto|database|debug|embed|encoding|errors|expvar|flag|fmt|go|hash|html|image|index"
    "|internal|io|iter|log|maps|math|mime|net|os|path|plugin|reflect|regexp|runtime|slices|sort|strconv|strings|structs|sync|syscall|testing"
    "|text|time|unicode|unique|unsafe|vendor|weak"
)
_PACKAGES = re.compile(
    r"""(?x)
    (?:^|/)(?:site-packages|dist-packages|node_modules|vendor|gems|bower_components|\.pub-cache|\.pnpm|\.yarn|\.nuget|\.cargo|\.rustup|\.m2)/
    | (?:^|/)lib(?:64)?/python\d | /python[\d.]*/lib/ | python\d+\.zip/
    | (?:^|/)(?:usr(?:/local)?|\.?venv|env)/bin/ | (?:^|/)Python\d+/Lib/
    | ^/usr/(?:lib|lib64|share|local/lib|local/share)/ | /lib/ruby/ | ^/rustc/ | (?:^|/)library/(?:std|core|alloc)/src/
    | /pkg/mod/ | ^[\w.-]+\.[a-z]+/\S*@v\d | /go(?:-?\d[\w.]*)?/src/ | /libexec/src/ | /registry/src/
    | ^<(?:frozen|internal|builtin|__array_function__) | ^(?:node:|internal/|native$|wasm:|\[internal\ function\]|\[native\ code\])
    | ^(?:index\ \d+|unknown\ location|<anonymous>)$ | (?:chrome|moz|safari)(?:-web)?-extension: | (?:^|/)webpack/(?:bootstrap|runtime)
    | ^dart: | ^package:(?:flutter|flutter_test|dio|http|async|stack_trace|collection|provider|bloc|flutter_bloc|get|riverpod|shelf|test_api|matcher)/
    | ^org-dartlang-sdk:
    """
)
_PLATFORM = re.compile(
    r"^(?:java|javax|jakarta|sun|com/sun|jdk|kotlin|kotlinx|scala)/|^org/(?:springframework|apache|hibernate|junit|eclipse|jboss)/"
    r"|^(?:System|Microsoft)\."
)
_JVM = re.compile(
    r"^(?:java|javax|jakarta|sun|com/sun|jdk|kotlin|kotlinx|scala|groovy|clojure|akka|play|io/(?:netty|micrometer|undertow|vertx|quarkus|micronaut|grpc"
    r"|reactivex|ktor|projectreactor)|reactor|rx|android|androidx|dalvik|libcore|com/android|com/google/(?:common|inject|android)|com/fasterxml"
    r"|com/zaxxer|com/mysql|oracle|okhttp3|retrofit2|ch/qos|org/(?:springframework|apache|hibernate|junit|eclipse|jboss|postgresql|slf4j|codehaus|gradle"
    r"|scalatest|mockito|testng|jetbrains|glassfish|aspectj|quartz|mariadb|h2))/"
)
_JVM_GENERATED = re.compile(
    r"\$\$(?:Lambda|FastClassBy|EnhancerBy|SpringCGLIB)|(?:^|\.)\$Proxy\d|jdk\.proxy\d|GeneratedMethodAccessor|_COROUTINE|ByteBuddy|\$HibernateProxy"
)
_GENERATED_OF_OURS = re.compile(r"\$\$(?:EnhancerBy\w+?CGLIB|EnhancerBy[A-Za-z]+|SpringCGLIB)")
_DOTNET = re.compile(
    r"^(?:System|Microsoft|Newtonsoft|Npgsql|MySqlConnector|Dapper|AutoMapper|MediatR|Serilog|NLog|Polly|Grpc|StackExchange|Xunit|NUnit|Mono|MS)\.|^lambda_method|^InvokeStub_"
)
_GO = re.compile(rf"^(?:{_GO_STANDARD})(?:[./]|$)|^(?:panic|goexit)$")
_GO_MODULE = re.compile(r"^(?:github\.com|golang\.org|google\.golang\.org|gopkg\.in|go\.uber\.org|k8s\.io)/")
_RUST = re.compile(
    r"^<?(?:&?(?:mut )?)?(?:std|core|alloc|backtrace|tokio|futures\w*|hyper|actix\w*|axum|tower\w*|anyhow|eyre|color_eyre|rayon\w*|serde\w*|test|rust_begin_unwind|__rust\w*|_?main$|_start|__libc_start\w*|clone3?$|start_thread)(?:\[[0-9a-f]+\])?(?:::|$| )|^_?_?(?:rust_|libc_)|^<unknown>$"
)
_ELIXIR = re.compile(
    r"^(?:elixir|stdlib|kernel|erts|logger|eex|ex_unit|mix|iex|phoenix\w*|plug\w*|ecto\w*|db_connection|postgrex|myxql|cowboy\w*|cowlib|bandit|ranch"
    r"|thousand_island|absinthe\w*|oban|gen_stage|broadway|finch|mint|tesla|hackney|jason|telemetry\w*|websock\w*|crypto|ssl|inets|public_key)/"
)
_RUBY = re.compile(r"^[\w-]+ \(\d[\w.]*\) |^\(eval|/bin/(?:rails|rake|bundle|puma|unicorn|sidekiq|rspec|irb|ruby)$")


def in_app(file: str, app_roots: Sequence[str] = ()) -> bool:
    """Whether a printed path is our own code: below one of the roots (or anywhere, without roots) and not in a library's folder."""
    path = _plain(file)
    if not app_roots:
        return bool(path) and not _library_path(path)
    below = [rest for root in app_roots if (rest := _below(path, root)) is not None]
    return any(not _library_path(rest) for rest in below)


def mark(trace: StackTrace, app_roots: Sequence[str] = (), library_roots: Sequence[str] = ()) -> StackTrace:
    """The same trace with every frame told apart as ours or not. Roots are folders or packages; those that fit no frame at all are ignored."""
    frames = [frame for exception in trace.exceptions for frame in exception.frames]
    roots = [root for root in app_roots if any(_under(frame, root) is not None for frame in frames)]
    marked = tuple(_marked(exception, trace.language, roots, library_roots) for exception in trace.exceptions)
    return replace(trace, exceptions=marked)


def _marked(exception: ExceptionInfo, language: str, roots: Sequence[str], libraries: Sequence[str]) -> ExceptionInfo:
    frames = tuple(_marked_frame(frame, language, roots, libraries) for frame in exception.frames)
    return replace(exception, frames=frames)


def _marked_frame(frame: Frame, language: str, roots: Sequence[str], libraries: Sequence[str]) -> Frame:
    ours = _is_ours(frame, language, roots) and all(_under(frame, root) is None for root in libraries)
    return frame if frame.in_app == ours else replace(frame, in_app=ours)


def _is_ours(frame: Frame, language: str, roots: Sequence[str]) -> bool:
    if roots:
        below = [rest for root in roots if (rest := _under(frame, root)) is not None]
        return any(not _library_path(rest) for rest in below)
    path = _plain(frame.file)
    return not _library_path(path) and not _library_call(frame, path, language) and bool(path or frame.function)


def _library_call(frame: Frame, path: str, language: str) -> bool:
    """What the name of a call tells that its file does not."""
    name = frame.function
    match language:
        case "java":
            return bool(_JVM.match(path)) or bool(_JVM_GENERATED.search(_GENERATED_OF_OURS.sub("", name)))
        case "csharp":
            return bool(_DOTNET.match(name))
        case "go":
            foreign = _GO_MODULE.match(path) and "@" in path
            return bool(_GO.match(name)) or bool(foreign)
        case "rust":
            return bool(_RUST.match(name)) if name else False
        case "elixir":
            return bool(_ELIXIR.match(path))
        case "ruby":
            return bool(_RUBY.search(path))
        case _:
            return not path


def _library_path(path: str) -> bool:
    return bool(_PACKAGES.search(path)) or bool(_PLATFORM.match(path))


def _under(frame: Frame, root: str) -> str | None:
    """What follows the root in the frame's path, or in its name where the root is a package such as `com.acme` or `Shop`."""
    rest = _below(frame.file, root)
    if rest is not None or "/" in root:
        return rest
    for separator in (".", "\\", "::"):
        if frame.function.startswith(f"{root}{separator}"):
            return frame.function
    return _below(frame.file, root.replace(".", "/")) if "." in root else None


def _below(file: str, root: str) -> str | None:
    """The path from the root on, or None when the file does not lie there; a relative root may begin anywhere in the path."""
    path, root = _plain(file), root.replace("\\", "/").removeprefix("./").rstrip("/") + "/"
    if path.startswith(root):
        return path[len(root) :]
    if root.startswith("/"):
        return None
    at = path.rfind("/" + root)
    return path[at + 1 + len(root) :] if at >= 0 else None


def _plain(file: str) -> str:
    return file.replace("\\", "/").removeprefix("file://")
