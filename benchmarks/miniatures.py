"""Small logs of our own, one per kind of system, with the template of every line known by construction.

A sentence names its values as `{kind}`; in the truth each stands as `<*>`. Lines follow a steep rank law, so most sentences are rare.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

Kinds = Mapping[str, Callable[[random.Random], str]]
"""How values of each kind are drawn."""

SENTENCES: dict[str, tuple[str, ...]] = {
    "phone": (
        'setLight light={n}, mask={hex}, on={bool}, tag="{quoted}", ws={null}, uid={n}',
        "onTouch: action={n} target=Window{{{hex} {unit} {package}}} handled={bool}",
        'acquire wake lock flags={hex} tag="{quoted}" pid={n}',
        'release wake lock flags={hex} tag="{quoted}" pid={n}',
        "startActivity cmp={activity} from pid {n}",
        "brightness changed from {float} to {float}",
        "killing process {n}:{package} (adj {n}): empty",
        "notification posted by {package} id={n} ongoing={bool}",
        "screen is off",
        "screen is on",
        "radio state changed to READY",
        "no sensor found for type {n}",
    ),
    "supercomputer": (
        "{n} torus receiver {axis} input pipe error(s) (dcr {hex0x}) detected and corrected",
        "data TLB error interrupt",
        "instruction address: {hex0x}",
        "machine check interrupt (bit={hex0x}): {cache} dcache unit read return parity error",
        "CE sym {n}, at {hex0x}, mask {hex0x}",
        "ciod: cannot open {path}: No such file or directory",
        "lost connection to {ip}:{n} on node {location}",
        "node card {location} is not ready: temperature {n} C over limit",
        "kernel panic: code {n} at rank {n}",
        "program interrupt: illegal instruction......{d}",
        "program interrupt: trap instruction......{d}",
        "rank {n} of job {n} killed by signal {d}",
        "power module {location} status fault detected",
        "fan module {location} speed {n} rpm",
    ),
    "cluster": (
        "boot (command {n}) on nodes:{nodelist} started",
        "halt (command {n}) on nodes:{nodelist} started",
        "node {host} detected link loss on network {ip} via interface {nic}",
        "domain {host} is full",
        "domain {host} is degraded",
        "job {n} allocated hosts {hostlist}",
        "temperature ({n}) exceeds warning threshold",
        "heartbeat from {host} missed {n} times",
        "synchronized to {ip}, stratum {d}",
        "session opened for user {user} by (uid={n})",
        "session closed for user {user}",
        "connection from {host} to {host}:{n} refused",
        "reconnecting to {host} in {n} seconds",
        "accounting record written to {path}",
    ),
    "desktop": (
        "{app}[{n}]: deprecated call to {func} by process {n}, please file a bug",
        "network changed: {unit}({nic}:{ip}) DNS Proxy SMB",
        "wake reason: lid opened after {n} minutes, battery at {percent}",
        "wake reason: timer fired after {n} minutes, battery at {percent}",
        "The app {package} took {float} seconds to quit and was terminated",
        "BSSID changed to {mac} on {nic}",
        "could not resolve host {fqdn}: timed out",
        "window server: display {hex0x} mirrored={bool}",
        "Thermal pressure level {d}",
        "failed to read preferences from {path}, using the defaults",
        "hostname set to {fqdn}",
        "printer queue is empty",
        "entering sleep",
    ),
    "cloud": (
        '{ip} "GET {url}" status: {status} len: {n} time: {float}',
        '{ip} "POST {url}" status: {status} len: {n} time: {float}',
        "[instance: {uuid}] VM started (lifecycle event)",
        "[instance: {uuid}] took {float} seconds to spawn",
        "[instance: {uuid}] terminating",
        "image {uuid} at ({path}): checking",
        "creating event network-plugged:{uuid} for instance {uuid}",
        "claim successful, memory {n} MB, disk {n} GB",
        "pod {k8s} restarted {n} times, last exit code {d}",
        "volume {uuid} attached to {host} as {path}",
        "scaling deployment {k8s} from {n} to {n} replicas",
        "quota exceeded for tenant {hex}: {n} of {n} cores",
    ),
    "servicing": (
        "package {package_id} applicable state: {n}, current state: {n}",
        "loaded stack {version} with core: {winpath}",
        "session {pair} initialized by client UpdateAgent",
        "failed to open package [HRESULT = {hex0x} - E_NOT_FOUND]",
        "failed to upload report [HRESULT = {hex0x} - E_FAIL]",
        "reading manifest {winpath}, flags: {hex0x}",
        "startup processing is not needed",
        "trusted installer ends",
        'service "{quoted}" entered the running state',
        'service "{quoted}" entered the stopped state',
        "registry key {regpath} not found",
    ),
    "steps": (
        "onStandStepChanged {n}",
        "onExtend:{n} {d} {d} {d}",
        "calories total={n}",
        "altitude total={n}",
        "day details = {n}##{n}##{n}##{n}##{n}",
        "flush sensor data",
        "sync {bool}: {n} records",
        "upload of {date} failed, retry={d}",
        "screen status unknown, take it as off",
        "REPORT : {n} {n} {n} {n}",
    ),
    "shop": (
        "Accepted publickey for {user} from {ip} port {n} ssh2",
        "Connection to {host} closed after {n} ms",
        "user={user} action=login ok={bool} took={ms}",
        "user={user} action=logout ok={bool} took={ms}",
        "Pool exhausted: limit={n} waiting={n}",
        "Retry {d} of {d} for order {hex}",
        "payment {uuid} of {float} EUR authorised",
        "payment {uuid} of {float} EUR declined",
        "mail to {email} bounced",
        "cache miss for key {colonkey}",
        "Bestellung {n} für Kunde {n} übernommen",
        "заказ {n} оплачен",
        "wrote {n} rows to {path} in {float} s",
        "deploy of {hex} to {host} finished at {date}",
        "starting worker",
        "worker stopped",
    ),
    "db": (
        "duration: {float} ms statement on table {noun}",
        "automatic vacuum of table {noun}: {n} pages removed",
        "deadlock detected between process {n} and process {n}",
        "checkpoint complete: wrote {n} buffers ({percent})",
        "connection received: host={ip} port={n}",
        "could not serialize access to relation {noun}",
        "replica {host} lags {n} bytes",
        "user {user} granted access to {noun}",
        "index on {noun} is corrupt",
        "autovacuum launcher started",
        "database system is ready",
        "terminating connection of user {user} due to administrator command",
    ),
    "orchestrator": (
        "pod {svc}-{hex} of namespace {svc} moved to phase Running",
        "pod {svc}-{hex} of namespace {svc} moved to phase Failed",
        "pulled image {fqdn}/{svc}:{version} in {dur}",
        "probe of container {svc} failed: {err}",
        "evicting {n} pods from node {host}",
        "volume {uuid} mounted for pod {k8s}",
        "node {host} not ready",
        "node {host} ready",
        "scheduler bound {k8s} to {host}",
        "endpoint {ip}:{n} added to service {svc}",
        "endpoint {ip}:{n} removed from service {svc}",
        "lease of {host} renewed",
    ),
    "stream": (
        "consumer {svc} joined group {topic} at generation {n}",
        "partition {topic}-{d} leader changed from broker {d} to broker {d}",
        "offset {n} out of range for topic {topic}",
        "[{thread}] {klass} started in {dur}",
        "[{thread}] {klass} failed: {err}",
        "flushed {size} to {path} in {dur}",
        "rebalance of group {topic} done",
        "rebalance of group {topic} failed",
        "reading from {ipv6} timed out after {dur}",
        "heap at {percent}, pause {float} ms",
        "throttled client {svc} by {n} ms",
    ),
    "kernel": (
        "{dev}: write error, sector {n}, flags {hex0x}",
        "{nic}: link up at {n} Mbps",
        "{nic}: link down",
        "out of memory: killed process {n} ({svc}) total-vm:{kb}",
        "extended file system on {dev} mounted",
        "usb {d}-{d}: device of vendor {hex} found",
        "cpu {d} throttled, temperature {n} C",
        "task {svc}:{n} blocked for more than {n} seconds",
        "audit: type={n} uid={n} res={d}",
        "firewall drop IN={nic} SRC={ip} DST={ip} LEN={n} PROTO={fruit}",
    ),
    "app": (
        "{user} bought {d} {fruit} for {float} EUR",
        "{user} returned {fruit} yesterday",
        "basket of {user} abandoned",
        "GET {url} by {user} took {dur}",
        "POST {url} by {user} took {dur}",
        "job {svc} finished",
        "job {svc} crashed with {err}",
        "feature {topic} switched on",
        "feature {topic} switched off",
        "template {path} rendered in {dur}",
        "unexpected value '{fruit}' for option {noun}",
        "retrying {svc} ({d}/{d})",
        "cache hit ratio {percent}",
        "login ok for {email} from {ip}",
    ),
}

_USERS = [
    "alice",
    "bob",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "niaj",
    "olivia",
    "peggy",
    "rupert",
    "sybil",
    "trent",
    "victor",
    "walter",
    "zoe",
]
_PLACES = ["alpha", "beta", "gamma", "delta", "omega", "north", "south", "east", "west", "core", "edge", "front"]
_SERVICES = ["api", "billing", "search", "auth", "catalog", "mailer", "inventory", "shipping", "gateway", "ledger"]
_NOUNS = ["users", "orders", "invoices", "carts", "payments", "products", "sessions", "audit"]
_FRUIT = ["apple", "banana", "cherry", "grape", "lemon", "mango", "melon", "orange", "peach", "pear", "plum", "kiwi"]
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def truth_of(sentence: str) -> str:
    """The sentence with `<*>` for each of its values."""
    return _PLACEHOLDER.sub(lambda found: "<*>" if found[1] else found[0][0], sentence)


def filled(sentence: str, source: random.Random, kinds: Kinds | None = None) -> str:
    """The sentence with values drawn for all it names; `kinds` are those of this module when none are given."""
    named = kinds or _KINDS
    return _PLACEHOLDER.sub(lambda found: named[found[1]](source) if found[1] else found[0][0], sentence)


def _hex(source: random.Random, digits: int) -> str:
    return f"{source.getrandbits(4 * digits):0{digits}x}"


def _ip(source: random.Random) -> str:
    return ".".join(str(source.randrange(1, 255)) for _ in range(4))


def _uuid(source: random.Random) -> str:
    return "-".join(_hex(source, digits) for digits in (8, 4, 4, 4, 12))


def _host(source: random.Random) -> str:
    return f"{source.choice(_PLACES)}-{source.choice(('node', 'sn', 'admin', 'db'))}{source.randrange(64)}"


def _path(source: random.Random) -> str:
    return (
        "/"
        + "/".join(source.choice(_PLACES) for _ in range(source.randrange(2, 5)))
        + source.choice(("", ".log", f".{source.randrange(9)}"))
    )


def _location(source: random.Random) -> str:
    return (
        f"R{source.randrange(64):02}-M{source.randrange(2)}-N{source.randrange(16)}-C:J{source.randrange(18):02}-U{source.randrange(2):02}"
    )


def _nodelist(source: random.Random) -> str:
    first = source.randrange(64)
    return f"node-[{first}-{first + source.randrange(1, 64)}]" if source.random() < 0.6 else f"node-{first}"


def _colonkey(source: random.Random) -> str:
    return f"{source.choice(_PLACES)}:{source.randrange(9999)}:{_hex(source, 6)}1"


def _package_id(source: random.Random) -> str:
    return f"Package_{source.randrange(99)}_for_KB{source.randrange(10**6)}~{_hex(source, 15)}1~amd64~~6.1.{source.randrange(9)}.{source.randrange(9)}"


_KINDS: dict[str, Callable[[random.Random], str]] = {
    "n": lambda source: str(source.randrange(10 ** source.randrange(1, 7))),
    "d": lambda source: str(source.randrange(10)),
    "pair": lambda source: f"{source.randrange(10**8)}_{source.randrange(10**6)}",
    "svc": lambda source: source.choice(_SERVICES),
    "noun": lambda source: source.choice(_NOUNS),
    "fruit": lambda source: source.choice(_FRUIT),
    "klass": lambda source: (
        f"org.{source.choice(_SERVICES)}.{source.choice(_NOUNS)}.{source.choice(('Handler', 'Worker', 'Reader', 'Store'))}"
    ),
    "err": lambda source: source.choice(("ECONNREFUSED", "ETIMEDOUT", "EPIPE", "ECONNRESET")),
    "topic": lambda source: f"{source.choice(_SERVICES)}-{source.choice(_NOUNS)}",
    "dev": lambda source: f"sd{source.choice('abcdefgh')}",
    "dur": lambda source: source.choice(("1m2s", "250ms", "3.2s", "1h2m3s", "17µs")),
    "size": lambda source: source.choice(("1.2 MB", "3.4 GB", "900.1 KB", "5.0 B")),
    "kb": lambda source: f"{source.randrange(10**6)}kB",
    "ipv6": lambda source: f"fe80::{source.getrandbits(15):x}1:{source.getrandbits(15):x}2",
    "thread": lambda source: f"pool-{source.randrange(9)}-thread-{source.randrange(99)}",
    "ms": lambda source: f"{source.randrange(9999)}ms",
    "percent": lambda source: f"{source.randrange(101)}%",
    "null": lambda source: "null",
    "unit": lambda source: f"u{source.randrange(12)}",
    "cache": lambda source: f"L{source.randrange(1, 4)}",
    "activity": lambda source: f"com.{source.choice(_PLACES)}.{source.choice(_PLACES)}/.Main",
    "axis": lambda source: f"{source.choice('xyz')}{source.choice('+-')}",
    "float": lambda source: f"{source.random() * 100:.{source.randrange(1, 7)}f}",
    "hex": lambda source: _hex(source, 11) + "7",
    "hex0x": lambda source: f"0x{_hex(source, 8)}",
    "bool": lambda source: source.choice(("true", "false")),
    "quoted": lambda source: " ".join(source.choices(_PLACES, k=source.randrange(1, 3))),
    "package": lambda source: f"com.{source.choice(_PLACES)}.{source.choice(_PLACES)}.{source.choice(_PLACES)}",
    "path": _path,
    "url": lambda source: f"/v2/{_hex(source, 11)}4/{source.choice(_PLACES)}?page={source.randrange(9)} HTTP/1.1",
    "ip": _ip,
    "mac": lambda source: ":".join(_hex(source, 2) for _ in range(5)) + ":07",
    "nic": lambda source: f"{source.choice(('eth', 'alt', 'en'))}{source.randrange(4)}",
    "host": _host,
    "fqdn": lambda source: f"{_host(source)}.{source.choice(_PLACES)}.example.com",
    "hostlist": lambda source: ", ".join(_host(source) for _ in range(source.randrange(1, 5))),
    "nodelist": _nodelist,
    "location": _location,
    "user": lambda source: source.choice(_USERS),
    "app": lambda source: f"com.{source.choice(_PLACES)}.{source.choice(_USERS)}",
    "func": lambda source: f"{source.choice(_PLACES)}_{source.choice(_USERS)}()",
    "uuid": _uuid,
    "k8s": lambda source: f"{source.choice(_PLACES)}/web-{_hex(source, 8)}1-x{source.randrange(10)}k{source.randrange(10)}z",
    "status": lambda source: source.choice(("200", "201", "404", "503")),
    "version": lambda source: f"v6.1.{source.randrange(9999)}.{source.randrange(99999)}",
    "winpath": lambda source: f"C:\\Windows\\{source.choice(_PLACES)}\\amd64_{_hex(source, 8)}_6.1.{source.randrange(9)}\\core.dll",
    "regpath": lambda source: f"\\Registry\\Machine\\{source.choice(_PLACES)}\\{source.choice(_USERS)}",
    "package_id": _package_id,
    "email": lambda source: f"{source.choice(_USERS)}@{source.choice(_PLACES)}.example.com",
    "colonkey": _colonkey,
    "date": lambda source: (
        f"2026-{source.randrange(1, 13):02}-{source.randrange(1, 29):02} {source.randrange(24):02}:{source.randrange(60):02}:07"
    ),
}
