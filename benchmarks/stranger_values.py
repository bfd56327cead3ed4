"""What stands in the sentences of `strangers`, drawn as the programs write it."""

from __future__ import annotations

import random
from collections.abc import Callable

_NAMES = [
    "orders",
    "billing",
    "search",
    "auth",
    "catalog",
    "mailer",
    "inventory",
    "shipping",
    "gateway",
    "ledger",
    "users",
    "carts",
    "payments",
    "reports",
    "sessions",
    "audit",
]
_DISPLAYS = (
    "Windows Update", "Print Spooler", "WinHTTP Web Proxy Auto-Discovery Service", "Background Intelligent Transfer Service", "Software Protection",
    "Windows Modules Installer", "Remote Registry", "Google Update Service (gupdate)", "Network Setup Service", "Diagnostic System Host", "sppsvc",
)  # fmt: skip
_ACCOUNTS = [
    "alice",
    "bob",
    "SYSTEM",
    "svc_backup",
    "carol",
    "Administrator",
    "dave",
    "root",
    "app",
    "repl",
    "erin",
    "ANONYMOUS",
    "readonly",
]
_WHY = (
    "timeout", "Adding new member", "removing member on LeaveGroup", "Other (Planned)", "Operating System: Upgrade (Planned)", "normal", "shutdown",
    "Unknown user name or bad password.", "no listen socket", "leader failed",
)  # fmt: skip
_DIALS = (
    "connection refused", "context deadline exceeded", "i/o timeout", "no route to host", "EOF", "remote error: tls: bad certificate", "connection reset",
)  # fmt: skip
_EVENTS = ["save", "delete", "search", "validate", "new_msg", "typing", "ping", "select-row", "phx_join", "toggle"]
_EXCEPTIONS = ("Ecto.NoResultsError", "Phoenix.Router.NoRouteError", "Plug.Parsers.ParseError", "Phoenix.ActionClauseError")
_RESETS = (
    "connection failure",
    "upstream connect error or disconnect/reset before headers",
    "overflow",
    "no healthy upstream",
    "connection termination",
)


def digits(source: random.Random, most: int = 6) -> str:
    """A number of at most so many digits."""
    return str(source.randrange(10 ** source.randrange(1, most + 1)))


def hexadecimal(source: random.Random, length: int) -> str:
    """So many hexadecimal digits."""
    return f"{source.getrandbits(4 * length):0{length}x}"


def choice_of(*values: str) -> Callable[[random.Random], str]:
    """Draws one of these values."""
    return lambda source: source.choice(values)


def _pod(source: random.Random) -> str:
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return f"{source.choice(_NAMES)}-{''.join(source.choices(letters, k=10))}-{''.join(source.choices(letters, k=5))}"


def _path(source: random.Random) -> str:
    return source.choice(
        ("/", "/health", f"/{source.choice(_NAMES)}", f"/{source.choice(_NAMES)}/{digits(source)}", f"/api/v1/{source.choice(_NAMES)}?page={source.randrange(9)}", f"/{source.choice(_NAMES)}/{digits(source)}/edit")
    )  # fmt: skip


def _duration(source: random.Random) -> str:
    return source.choice(
        (
            f"{source.randrange(1, 999)}ms",
            f"{source.randrange(1, 999)}µs",
            f"{source.uniform(1, 900):.6f}ms",
            f"{source.uniform(1, 9):.3f}s",
        )
    )


def _camel(source: random.Random) -> str:
    return source.choice(_NAMES).capitalize()


def _address(source: random.Random) -> str:
    return f"10.{source.randrange(256)}.{source.randrange(256)}.{source.randrange(1, 255)}:{source.choice((80, 443, 2380, 4000, 8080, 9092, source.randrange(1024, 65536)))}"


def _machine(source: random.Random) -> str:
    return f"{source.choice(('WIN', 'DESKTOP', 'SRV'))}-{''.join(source.choices('ABCDEFGHJK0123456789', k=7))}"


def _update(source: random.Random) -> str:
    return source.choice(
        (f"Security Intelligence Update for Microsoft Defender Antivirus - KB2267602 (Version 1.{source.randrange(300, 400)}.{source.randrange(3000)}.0)", f"2026-{source.randrange(1, 13):02} Cumulative Update for Windows 11 (KB{source.randrange(5000000, 5100000)})", f"9WZDNCRFJ3PT-Microsoft.Zune{_camel(source)}")
    )  # fmt: skip


def _partition(source: random.Random) -> str:
    return source.choice(
        (f"__consumer_offsets-{source.randrange(50)}", f"{source.choice(_NAMES)}-{source.randrange(12)}", f"{source.choice(_NAMES)}.events-{source.randrange(6)}")
    )  # fmt: skip


def _stamp(source: random.Random) -> str:
    return f"2026-{source.randrange(1, 13):02}-{source.randrange(1, 29):02} {source.randrange(24):02}:{source.randrange(60):02}:{source.randrange(60):02}"


def _uuid(source: random.Random) -> str:
    return "-".join(hexadecimal(source, length) for length in (8, 4, 4, 4, 12))


def _name(template: str) -> Callable[[random.Random], str]:
    return lambda source: template.format(
        name=source.choice(_NAMES), Name=_camel(source), n=source.randrange(100), hex=hexadecimal(source, 8)
    )


KINDS: dict[str, Callable[[random.Random], str]] = {
    "n": digits,
    "d": lambda source: str(source.randrange(10)),
    "float": lambda source: f"{source.uniform(0, 100):.{source.randrange(1, 6)}f}",
    "hex0x": lambda source: f"0x{hexadecimal(source, source.choice((4, 8, 16)))}",
    "uuid": _uuid,
    "ip": lambda source: _address(source).partition(":")[0],
    "address": _address,
    "host": lambda source: source.choice(("localhost", f"node{source.randrange(9)}", f"zk-{source.randrange(3)}.zk", "shop.example.com")),
    "fqdn": lambda source: f"{source.choice(_NAMES)}.{source.choice(('example.com', 'corp.local', 'windows.com', 'prod.svc'))}",
    "path": _path,
    "dur": _duration,
    "ms": lambda source: f"{source.uniform(0, 300):.1f}ms",
    "status": lambda source: source.choice(("200", "201", "302", "404", "500", "503")),
    "version": lambda source: f"{source.randrange(1, 11)}.{source.randrange(30)}.{source.randrange(99)}",
    "stamp": _stamp,
    "why": choice_of(*_WHY),
    "dial": choice_of(*_DIALS),
    "account": choice_of(*_ACCOUNTS),
    "state": choice_of("Stable", "PreparingRebalance", "CompletingRebalance", "Empty", "completed", "discarded", "retryable"),
    "table": choice_of(*_NAMES),
    "svc": choice_of(*_NAMES),
    "action": choice_of("index", "show", "create", "update", "destroy", "new", "edit", "search", "login", "authenticate_user!", "download"),
    "klass": lambda source: source.choice((_camel(source), f"Api::V1::{_camel(source)}", f"Admin::{_camel(source)}")),
    "module": lambda source: f"{source.choice(('Shop', 'ShopWeb', 'Desk'))}.{_camel(source)}",
    "member": lambda source: hexadecimal(source, 16),
    "key": lambda source: f'key:\\"/registry/{source.choice(_NAMES)}/{source.choice(("default", "kube-system"))}/{source.choice(_NAMES)}\\" ',
    "wal": lambda source: f"/var/lib/etcd/member/wal/{hexadecimal(source, 16)}-{hexadecimal(source, 16)}.wal",
    "stream": choice_of("Message", "MsgApp v2"),
    "group": _name("{name}-consumers"),
    "partition": _partition,
    "consumer": lambda source: f"consumer-{source.choice(_NAMES)}-{source.randrange(9)}-{_uuid(source)}",
    "folder": choice_of("/kafka/data-0", "/kafka/data-1", "/var/lib/kafka"),
    "isr": lambda source: ",".join(map(str, sorted(source.sample(range(6), source.randrange(1, 4))))),
    "auth": choice_of("SSL handshake failed", "Unexpected Kafka request of type METADATA during SASL handshake."),
    "segment": lambda source: f"/kafka/data-0/{_partition(source)}/{source.randrange(10**8):020}.{source.choice(('log', 'index'))}.deleted",
    "zk": choice_of("create", "setData", "delete", "multi"),
    "znode": _name("/brokers/topics/{name}"),
    "keeper": choice_of("KeeperErrorCode = NodeExists", "KeeperErrorCode = NoNode", "KeeperErrorCode = BadVersion"),
    "room": _name("room:{n}"),
    "event": choice_of(*_EVENTS),
    "pid": lambda source: f"#PID<0.{source.randrange(100, 9999)}.0>",
    "exception": choice_of(*_EXCEPTIONS),
    "display": choice_of(*_DISPLAYS),
    "start": choice_of("demand start", "auto start", "disabled"),
    "control": choice_of("stop", "start", "restart", "shutdown", "power off"),
    "exe": choice_of(
        "C:\\Windows\\system32\\svchost.exe", "C:\\Program Files\\Google\\Update\\GoogleUpdate.exe", "\\Driver\\WUDFRd", "C:\\Windows\\System32\\usoclient.exe",
        "C:\\ProgramData\\agent\\agent.exe",
    ),
    "sid": lambda source: source.choice(("S-1-5-18", "S-1-0-0", "S-1-5-20", f"S-1-5-21-{source.randrange(10**9)}-{source.randrange(10**9)}-{source.randrange(10**9)}-{source.randrange(500, 1200)}")),
    "domain": choice_of("NT AUTHORITY", "CORP", "WORKGROUP", "-"),
    "update": _update,
    "clock": lambda source: f"{source.randrange(1, 13)}:{source.randrange(60):02}:{source.randrange(60):02} {source.choice(('AM', 'PM'))}",
    "day": lambda source: f"{source.randrange(1, 13)}/{source.randrange(1, 29)}/2026",
    "program": choice_of("explorer.exe", "chrome.exe", "OUTLOOK.EXE", "w3wp.exe", "svchost.exe_wuauserv"),
    "machine": _machine,
    "device": lambda source: f"USB\\VID_{source.randrange(10**4):04}&PID_{source.randrange(10**4):04}\\{hexadecimal(source, 8)}",
    "ns": choice_of("default", "kube-system", "shop", "monitoring", "argocd", "team-a"),
    "pod": _pod,
    "node": lambda source: source.choice((f"ip-10-0-{source.randrange(256)}-{source.randrange(256)}.ec2.internal", f"gke-prod-pool-{source.randrange(4)}-{hexadecimal(source, 4)}", "minikube")),
    "image": lambda source: f"{source.choice(('registry.example.com/shop', 'docker.io/library', 'ghcr.io/acme'))}/{source.choice(_NAMES)}:{source.choice(('latest', f'v1.{source.randrange(40)}.{source.randrange(9)}', hexadecimal(source, 7)))}",
    "rs": lambda source: _pod(source).rpartition("-")[0],
    "resource": choice_of("cpu", "memory"),
    "volume": lambda source: source.choice((f"{source.choice(_NAMES)}-tls", f"{source.choice(_NAMES)}-config", f"kube-api-access-{_pod(source)[-5:]}")),
    "job": lambda source: f"{source.choice(_NAMES)}-{source.randrange(28 * 10**6, 29 * 10**6)}",
    "idb": _name("./shop/{name}.ibd"),
    "oserror": choice_of("[Errno 111] Connection refused", "[Errno 110] Connection timed out", "Error 2: No such file or directory", "timed out"),
    "mysqld": choice_of("/usr/sbin/mysqld", "mysqld"),
    "sock": choice_of("/var/run/mysqld/mysqld.sock", "/tmp/mysql.sock"),
    "channel": choice_of("", "dc2", "reporting"),
    "binlog": lambda source: f"{source.choice(('binlog', 'mysql-bin', 'relay-bin'))}.{source.randrange(10**6):06}",
    "plugin": choice_of("FEDERATED", "ndbcluster", "BLACKHOLE"),
    "pem": choice_of("ca.pem", "/etc/mysql/ca.pem"),
    "source": choice_of("/build/storage/innobase/row/row0mysql.cc", "ha_innodb.cc", "handler.cc"),
    "task": _name("shop.tasks.{name}.run"),
    "result": lambda source: source.choice(("None", "True", digits(source), "{'sent': 3}", "'ok'", "[1, 2]")),
    "raised": choice_of("TimeoutError('timed out')", "ConnectionError(MaxRetryError('retries exceeded'))", "ValueError('bad amount')", "KeyError('id')", "OperationalError()"),
    "worker": lambda source: f"ForkPoolWorker-{source.randrange(16)}",
    "exit": choice_of("signal 9 (SIGKILL)", "exitcode 1", "signal 11 (SIGSEGV)", "exitcode 0"),
    "celery": lambda source: f"celery@{source.choice(('worker', 'mail', 'web'))}-{hexadecimal(source, 6)}",
    "url": choice_of("redis://10.0.3.7:6379/0", "amqp://guest:**@rabbit:5672//", "redis://cache:6379/1"),
    "entry": choice_of("nightly-report", "expire-carts", "send-reminders", "sync-stock", "ping"),
    "mime": choice_of("HTML", "JSON", "TURBO_STREAM", "*/*"),
    "format": choice_of("html", "json", "*/*", "turbo_stream"),
    "view": lambda source: source.choice(("layouts/application.html.erb", f"{source.choice(_NAMES)}/index.html.erb", f"{source.choice(_NAMES)}/_row.html.erb", f"{source.choice(_NAMES)}/show.json.jbuilder", "layouts/application")),
    "queue": choice_of("default", "mailers", "low", "critical"),
    "mailid": lambda source: f"{hexadecimal(source, 13)}_{source.randrange(9999)}@{source.choice(('web-1', 'web-2'))}.mail",
    "column": choice_of("utf8", "commit", "role", "admin", "id", "locale"),
    "file": _name("/srv/shop/public/{name}-{n}.pdf"),
    "cache": lambda source: source.choice((f"views/{source.choice(_NAMES)}/{digits(source)}-{hexadecimal(source, 8)}", f"{source.choice(_NAMES)}/all", f"rates:{source.choice(('eur', 'usd', 'gbp'))}")),
    "listener": _name("0.0.0.0_{n}"),
    "xds": choice_of("xds-grpc", "xds_cluster", "istiod"),
    "reset": choice_of(*_RESETS),
    "typeurl": choice_of("type.googleapis.com/envoy.config.listener.v3.Listener", "type.googleapis.com/envoy.config.cluster.v3.Cluster"),
    "tls": choice_of("268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", "", "immediate connect error: 111", "CERTIFICATE_VERIFY_FAILED"),
    "upstream": lambda source: source.choice((f"outbound|{source.choice((80, 8080, 9090))}||{source.choice(_NAMES)}.shop.svc.cluster.local", f"{source.choice(_NAMES)}_cluster", f"inbound|{source.choice((80, 8080))}||")),
}  # fmt: skip
