"""Addresses in configuration: which host a value names, and what sort of thing it is by its scheme, its image or its key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from mcp_servers.knowledge.patterns.words import words_of

_KINDS: Mapping[str, frozenset[str]] = {
    "database": frozenset(
        {"postgres", "postgresql", "postgis", "pg", "timescaledb", "mysql", "mariadb", "mongo", "mongodb", "mssql", "sqlserver", "oracle"}
        | {"cassandra", "scylla", "clickhouse", "cockroach", "cockroachdb", "couchdb", "neo4j", "elasticsearch", "opensearch", "influxdb"}
        | {"db", "database", "dsn", "jdbc", "sql"}
    ),
    "cache": frozenset({"redis", "rediss", "valkey", "memcached", "memcache", "keydb", "dragonfly", "cache"}),
    "queue": frozenset(
        {"rabbitmq", "amqp", "amqps", "kafka", "redpanda", "nats", "mqtt", "mosquitto", "pulsar", "activemq", "artemis", "broker", "brokers", "queue"}
    ),
    "storage": frozenset({"minio", "s3", "gs", "seaweedfs", "bucket", "sftp"}),
}  # fmt: skip
_URL = re.compile(r"\b(?:jdbc:)?([a-z][a-z0-9+.-]*)://(?:[^/@\s\"']*@)?([^/\s\"'?#;]+)", re.I)
_HOST = re.compile(r"(?!\d+(?:\.\d+)?$)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PORT = re.compile(r":\d{1,5}$")
_DEFAULTED = re.compile(r"\$\{\w+:?[-=]([^}]*)\}")
_IN_CLUSTER = re.compile(r"^([\w-]+)\.[\w-]+\.svc(?:\.[\w.-]+)?$")
_NAMES_HOST = frozenset(
    {"host", "hostname", "hosts", "address", "addr", "server", "servers", "broker", "brokers", "endpoint", "url", "uri"}
)
_NAMES_HTTP = frozenset({"url", "uri", "endpoint", "base", "host", "address", "addr", "api", "upstream", "target", "backend", "service"})
_NO_USE = frozenset(
    {"homepage", "repository", "bugs", "license", "licence", "schema", "docs", "documentation", "issues", "changelog", "source", "registry"}
    | {"index", "public", "redirect", "callback", "origin", "origins", "cors", "allowed", "proxy", "listen", "bind", "advertised"}
)  # fmt: skip
_LOCAL = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|host\.docker\.internal|(?:.*\.)?example(?:\.\w+)?|.*\.(?:invalid|test|localhost)", re.I
)


def kind_by(words: Iterable[str]) -> str:
    """The kind that the first telling word says; empty when none does."""
    return next((kind for word in words for kind, known in _KINDS.items() if word in known), "")


def addressed(key: str, value: str, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Kind and host of each address that a setting holds; `known` names the services beside it. A host of this machine is none."""
    words = words_of(key)
    plain = _DEFAULTED.sub(r"\1", value)
    services = frozenset(known)
    urls = [(scheme.lower(), hosts) for scheme, hosts in _URL.findall(plain)]
    if urls:
        for scheme, hosts in urls:
            for host in _hosts(hosts):
                kind = kind_by(re.split(r"[+.-]", scheme))
                if kind or host in services:
                    yield kind or "service", host
                elif scheme in ("http", "https", "grpc", "tcp", "ws", "wss") and _NAMES_HTTP & set(words) and not _NO_USE & set(words):
                    yield kind_by(words) or ("host" if "." in host else "service"), host
        return
    if words and words[-1] in _NAMES_HOST and not _NO_USE & set(words):
        for host in _hosts(plain):
            if host in services or (kind_by(words) and len(words) > 1):
                yield kind_by(words) or "service", host


def _hosts(text: str) -> Iterator[str]:
    for part in text.split(","):
        host = _PORT.sub("", part.strip())
        if _HOST.fullmatch(host) and len(host) <= 200 and not _LOCAL.fullmatch(host):
            yield _IN_CLUSTER.sub(r"\1", host.lower())
