"""One line of each format that is in use, and what it says. Every moment is 2026-11-20 10:15:00 UTC unless the row tells none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.logs.formats import Parser
from mcp_servers.logs.formats.fields import Fields
from mcp_servers.logs.formats.stamped import of_simple, of_stamped
from mcp_servers.logs.model import Severity

REFERENCE = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
T, D, I, W, E, F, U = (  # noqa: E741
    Severity.TRACE, Severity.DEBUG, Severity.INFO, Severity.WARN, Severity.ERROR, Severity.FATAL, Severity.UNSPECIFIED,
)  # fmt: skip
Row = tuple[str, Severity, str, str, dict[str, Any]]

SYSLOG: list[Row] = [
    ("Nov 20 10:15:00 db1 kernel: oom-killer: gfp_mask=0x201da", U, "kernel", "oom-killer: gfp_mask=0x201da", {"host.name": "db1"}),
    ("Nov 20 10:15:00 db1 sshd(pam_unix)[77]: session opened", U, "sshd(pam_unix)", "session opened", {"process.pid": "77"}),
    ("Nov 20 10:15:00 db1 syslogd 1.4.1: restart.", U, "syslogd 1.4.1", "restart.", {}),
    ("Nov 20 2026 10:15:00 fw1 asa: %ASA-4-106023: Deny tcp", U, "asa", "%ASA-4-106023: Deny tcp", {"host.name": "fw1"}),
    ("<13>Nov 20 10:15:00 web app[5]: saved", I, "app", "saved", {"host.name": "web", "process.pid": "5"}),
    ('<165>1 2026-11-20T10:15:00.000Z web shop 12 ID9 [meta@9 user="ann \\"a\\"" n="2"][x@1 y="z"] \ufeffpaid', I, "shop", "paid",
     {"host.name": "web", "process.pid": "12", "log.record.id": "ID9", "meta@9.user": 'ann "a"', "meta@9.n": "2", "x@1.y": "z"}),
    ("<14>1 2026-11-20T11:15:00+01:00 web shop - - - ", I, "shop", "", {}),
    ('Nov 20 10:15:00 web shop[12]: {"level":"error","msg":"no stock","order":7}', E, "shop", "no stock", {"order": 7, "process.pid": "12"}),
    ('<11>Nov 20 10:15:00 web shop: @cee: {"msg":"no stock"}', E, "shop", "no stock", {}),
    ("2026-11-20T10:15:00.000000+00:00 web nginx[9]: reload", U, "nginx", "reload", {"host.name": "web"}),
    ("<12>Nov 20 10:15:00 web drupal: https://s.test|1795169700|php|10.0.0.1|https://s.test/node/1?q=a|https://s.test/|3||Warning: bad array", W, "drupal",
     "Warning: bad array", {"logger": "php", "client.address": "10.0.0.1", "url.path": "/node/1", "url.query": "q=a", "user.id": "3"}),
    ("Nov 20 10:15:00 mac launchd[1] (com.test.agent[32]): exited", U, "launchd", "exited", {"process.pid": "1"}),
    ("[Fri Nov 20 10:15:00 2026] usb 1-1: new device", U, "file", "usb 1-1: new device", {}),
]  # fmt: skip

SERVERS: list[Row] = [
    ('10.0.0.1 - ann [20/Nov/2026:10:15:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12', I, "file", '"GET /a?b=1 HTTP/1.1" 200 12',
     {"http.request.method": "GET", "url.path": "/a", "url.query": "b=1", "http.response.status_code": 200, "user.name": "ann"}),
    ('::1 - - [20/Nov/2026:10:15:00 +0000] "POST /a HTTP/2.0" 503 0 "https://s.test/" "curl/8" rt=0.250 urt="0.240"', E, "file", '"POST /a HTTP/2.0" 503 0',
     {"http.server.request.duration": 0.25, "upstream.response.duration": 0.24, "user_agent.original": "curl/8"}),
    ('10.0.0.1 - - [20/Nov/2026:10:15:00 +0000] "\\x16\\x03" 400 0 "-" "-"', I, "file", '"\\x16\\x03" 400 0', {"http.response.status_code": 400}),
    ('Nov 20 10:15:00 lb haproxy[3]: 10.0.0.1:5000 [20/Nov/2026:10:15:00.000] web~ api/s1 0/0/1/2/30 502 99 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"', E, "haproxy",
     'web~ api/s1 0/0/1/2/30 502 99 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"',
     {"http.response.status_code": 502, "url.path": "/a", "http.server.request.duration": 0.03, "host.name": "lb"}),
    ('https 2026-11-20T10:15:00.000000Z app/web/50dc 10.0.0.1:2817 10.0.0.2:80 0.001 0.010 0.000 502 502 34 366 "GET https://s.test:443/a?b=1 HTTP/1.1" "curl/8" E T arn:x '
     '"Root=1-58337262-36d228ad"', E, "file", '"GET https://s.test:443/a?b=1" 502',
     {"http.response.status_code": 502, "url.path": "/a", "url.query": "b=1", "client.address": "10.0.0.1"}),
    ('2026-11-20T10:15:00.000000Z web 10.0.0.1:2817 10.0.0.2:80 0.001 0.010 0.000 200 200 0 29 "GET http://s.test:80/ HTTP/1.1" "curl/8" - -', I, "file",
     '"GET http://s.test:80/" 200', {"url.path": "/", "http.response.status_code": 200}),
    ("1795169700.000     45 10.0.0.1 TCP_MISS/200 1234 GET http://s.test/a - DIRECT/10.0.0.9 text/html", I, "file", '"GET http://s.test/a" 200',
     {"http.server.request.duration": 0.045, "url.path": "/a"}),
    ('2026/11/20 10:15:00 [error] 9#9: *4 connect() failed, client: 10.0.0.1, server: s.test, request: "GET /a?b=1 HTTP/1.1", host: "s.test"', E, "file",
     '9#9: *4 connect() failed, client: 10.0.0.1, server: s.test, request: "GET /a?b=1 HTTP/1.1", host: "s.test"',
     {"client.address": "10.0.0.1", "http.request.method": "GET", "url.path": "/a"}),
    ("[Fri Nov 20 10:15:00.000000 2026] [core:error] [pid 12:tid 34] [client 10.0.0.1:55] AH00124: limit reached", E, "core", "[client 10.0.0.1:55] AH00124: limit reached",
     {"client.address": "10.0.0.1:55", "process.pid": 12, "thread.id": "34"}),
    ("[Fri Nov 20 10:15:00 2026] [error] [client 10.0.0.1] File does not exist: /a", E, "file", "[client 10.0.0.1] File does not exist: /a", {"client.address": "10.0.0.1"}),
    ('INFO:     127.0.0.1:5000 - "GET /a HTTP/1.1" 500 Internal Server Error', I, "file", '127.0.0.1:5000 - "GET /a HTTP/1.1" 500 Internal Server Error',
     {"http.response.status_code": 500, "url.path": "/a"}),
    ('[20/Nov/2026 10:15:00] "GET /a HTTP/1.1" 404 12', I, "file", '"GET /a HTTP/1.1" 404 12', {"http.response.status_code": 404}),
    ("GET /a 200 12.5 ms - 5", I, "file", "GET /a 200 12.5 ms - 5", {"http.response.status_code": 200, "http.server.request.duration": 0.0125}),
]  # fmt: skip

PYTHON_AND_GO: list[Row] = [
    ("ERROR:shop.api:it broke", E, "shop.api", "it broke", {"logger": "shop.api"}),
    ("[2026-11-20 10:15:00 +0000] [12] [INFO] Booting worker", I, "file", "Booting worker", {"process.pid": 12}),
    (
        "[2026-11-20 10:15:00,000: ERROR/ForkPoolWorker-1] Task shop.pay[ab] raised",
        E,
        "file",
        "Task shop.pay[ab] raised",
        {"thread.name": "ForkPoolWorker-1"},
    ),
    ("2026-11-20 10:15:00.000 | ERROR    | shop.cart:total:12 - it broke", E, "shop.cart:total:12", "it broke", {}),
    ("2026-11-20 10:15:00 [warning  ] it may break order=7", W, "file", "it may break order=7", {}),
    ("2026-11-20 10:15:00,000 ERROR ValueError: no such thing", E, "file", "ValueError: no such thing", {}),
    ("E1120 10:15:00.000000   12 pool.go:34] no node", E, "pool.go:34", "no node", {"thread.id": 12}),
    ("2026/11/20 10:15:00 listening on :80", U, "file", "listening on :80", {}),
    ("2026/11/20 10:15:00 ERROR it broke err=x", E, "file", "it broke err=x", {}),
    ('time="2026-11-20T10:15:00Z" level=warning msg="low stock" item=7', W, "file", "low stock", {"item": "7"}),
    ("ERRO[2026-11-20T10:15:00Z] it broke", E, "file", "it broke", {}),
    ('2026-11-20T10:15:00.000Z\terror\tshop/cart.go:12\tit broke\t{"order": 7}', E, "shop/cart.go:12", "it broke", {"order": 7}),
    (
        '[2026-11-20T10:15:00+00:00] app.ERROR: card {x} refused {"order":7} {"url":"/pay"}',
        E,
        "app",
        "card {x} refused",
        {"order": 7, "url": "/pay"},
    ),
    ("[2026-11-20T10:15:00+00:00] app.INFO: stored [] []", I, "app", "stored", {}),
    ("[2026-11-20T10:15:00+00:00] app.INFO: the list is [1,2]", I, "app", "the list is [1,2]", {}),
    ('2026-11-20 10:15:00,000 INFO shop: answer was {"order": 7}', I, "shop", 'answer was {"order": 7}', {}),
    ("10:15AM ERR it broke err=x", E, "file", "it broke err=x", {}),
    ("[2026-11-20T10:15:00Z ERROR shop::cart] it broke", E, "shop::cart", "it broke", {}),
    ("2026-11-20T10:15:00.000000Z  WARN shop::cart: it may break id=7", W, "shop::cart", "it may break id=7", {}),
    ("2026-11-20T10:15:00.000Z [ERROR] agent: it broke", E, "agent", "it broke", {}),
]

JVM_NODE_DOTNET: list[Row] = [
    ("10:15:00.000 [main] WARN  com.shop.Cart - it may break", W, "com.shop.Cart", "it may break", {"thread.name": "main"}),
    ("2026-11-20 10:15:00,000 - WARN  [Worker[id=1]/10.0.0.1:21:Election@7] - Timed out", W, "file", "Timed out", {"thread.name": "Worker[id=1]/10.0.0.1:21:Election@7"}),
    ("Nov 20, 2026 10:15:00 AM com.shop.Cart total\nSEVERE: it broke", E, "com.shop.Cart", "it broke", {"code.function": "total"}),
    ("20-Nov-2026 10:15:00.000 SEVERE [main] org.apache.Core.start it broke", E, "org.apache.Core.start", "it broke", {"thread.name": "main"}),
    ("10:15:00,000 ERROR [org.jboss.as] (ServerService Thread Pool -- 58) WFLY1: it broke", E, "org.jboss.as", "WFLY1: it broke", {"thread.name": "ServerService Thread Pool -- 58"}),
    ("26/11/20 10:15:00 INFO shop.Cart: ok", I, "shop.Cart", "ok", {}),
    ("261120 101500 148 INFO shop.Cart$Line: ok", I, "shop.Cart$Line", "ok", {"process.pid": 148}),
    ("2026-11-20 10:15:00.000 25746 INFO nova.osapi.server [req-3810 113d 54fa - - -] 10.0.0.1 status: 200", I, "nova.osapi.server", "10.0.0.1 status: 200", {"process.pid": 25746}),
    ("nova.log.1 2026-11-20 10:15:00.000 2931 WARNING nova.compute [-] found 2", W, "nova.compute", "found 2", {"log.file.name": "nova.log.1"}),
    ("[10:15:00.000] ERROR (12): it broke", E, "file", "it broke", {}),
    ("[Nest] 12  - 11/20/2026, 10:15:00 AM   ERROR [Cart] it broke +2ms", E, "Cart", "it broke +2ms", {"process.pid": 12}),
    ("fail: Shop.Cart[3]\n      it broke", E, "Shop.Cart", "it broke", {"event.id": 3}),
    ("[10:15:00 ERR] it broke", E, "file", "it broke", {}),
    ("2026-11-20 10:15:00.000 +00:00 [WRN] it may break", W, "file", "it may break", {}),
    ("2026-11-20 10:15:00.0000|ERROR|Shop.Cart|it broke", E, "Shop.Cart", "it broke", {}),
    ("2026-11-20 10:15:00, Info                  CBS    Loaded stack v6", I, "CBS", "Loaded stack v6", {}),
    ("11-20 10:15:00.000  1702  2395 D WindowManager: rotate", D, "WindowManager", "rotate", {"process.pid": "1702", "thread.id": "2395"}),
    ("E/Activity( 1702): it broke", E, "Activity", "it broke", {"process.pid": 1702}),
    ("20261120-10:15:0:000|Step_LSC|30002312|changed 3579", U, "file", "Step_LSC|30002312|changed 3579", {}),
]  # fmt: skip

PHP_RUBY: list[Row] = [
    ("[20-Nov-2026 10:15:00 UTC] PHP Warning:  bad array in /a.php on line 3", W, "file", "PHP Warning:  bad array in /a.php on line 3", {}),
    ("[20-Nov-2026 10:15:00 UTC] PHP Fatal error:  Uncaught Exception: x", F, "file", "PHP Fatal error:  Uncaught Exception: x", {}),
    ('[2026-11-20 10:15:00] production.ERROR: it broke {"order":7}', E, "production", "it broke", {"order": 7}),
    ('[2026-11-20T10:15:00.000000+00:00] app.CRITICAL: it broke {"k":1} []', F, "app", "it broke", {"k": 1}),
    ("E, [2026-11-20T10:15:00.000000 #12] ERROR -- shop: it broke", E, "shop", "it broke", {"process.pid": 12}),
    ('Started GET "/cart?id=7" for 10.0.0.1 at 2026-11-20 10:15:00 +0000', U, "file", 'Started GET "/cart?id=7" for 10.0.0.1 at 2026-11-20 10:15:00 +0000',
     {"http.request.method": "GET", "url.path": "/cart", "url.query": "id=7"}),
]  # fmt: skip

DATABASES: list[Row] = [
    ("2026-11-20 10:15:00.000 UTC [12] ann@shop STATEMENT:  select 1", U, "file", "[12] ann@shop STATEMENT:  select 1", {}),
    ('2026-11-20 10:15:00.000 UTC [12] ann@shop ERROR:  no "x"\nDETAIL:  because', E, "file", 'no "x"\nDETAIL:  because', {"process.pid": 12}),
    ("2026-11-20 10:15:00.000 UTC [12-1] LOG:  checkpoint starting: time", I, "file", "checkpoint starting: time", {}),
    ('2026-11-20 10:15:00.000 UTC,"ann","shop",12,"10.0.0.1:5","65",1,"SELECT",2026-11-20 10:00:00 UTC,3/4,0,ERROR,42P01,"no ""x""",,,,,,"select x",15,,"psql"', E, "file",
     'no "x"\nSTATEMENT:  select x', {"user.name": "ann", "db.namespace": "shop", "process.pid": "12", "db.response.status_code": "42P01"}),
    ("2026-11-20T10:15:00.000000Z 12 [ERROR] [MY-010119] [Server] Aborting", E, "file", "Aborting", {"process.pid": 12}),
    ("261120 10:15:00 [Note] ready for connections", I, "file", "ready for connections", {}),
    ("# Time: 2026-11-20T10:15:00.000000Z\n# User@Host: ann[ann] @ web [10.0.0.1]  Id:     8\n# Query_time: 2.500000  Lock_time: 0.0\nSET timestamp=1795169700;\nSELECT sleep(2);",
     U, "file", "SELECT sleep(2);", {"event.duration": 2_500_000_000, "user.name": "ann"}),
    ("12:M 20 Nov 2026 10:15:00.000 # Out of memory", W, "file", "Out of memory", {"process.pid": 12}),
    ('{"t":{"$date":"2026-11-20T10:15:00.000+00:00"},"s":"W","c":"NETWORK","id":1,"ctx":"conn1","msg":"slow","attr":{"n":2}}', W, "NETWORK", "slow",
     {"thread.name": "conn1", "attr.n": 2}),
    ("2026-11-20T10:15:00.000+0000 E STORAGE  [conn1] it broke", E, "STORAGE", "it broke", {"thread.name": "conn1"}),
]  # fmt: skip

MACHINES: list[Row] = [
    ("- 1795169700 2026.11.20 R02-M1-N0 2026-11-20-02.15.00.675872 R02-M1-N0 RAS KERNEL INFO parity error corrected", I, "KERNEL", "parity error corrected", {"host.name": "R02-M1-N0"}),
    ("KERNDTLB 1795169700 2026.11.20 R30 2026-11-20-02.15.00.675872 R30 RAS KERNEL FATAL data TLB error", F, "KERNEL", "data TLB error", {"label": "KERNDTLB"}),
    ("- 1795169700 2026.11.20 dn228 Nov 20 02:15:00 dn228/dn228 crond(pam_unix)[29]: session closed", U, "crond(pam_unix)", "session closed", {"process.pid": "29"}),
    ("134681 node-246 unix.hw state_change 1795169700 1 Component State Change: off", U, "unix.hw", "Component State Change: off", {"host.name": "node-246"}),
    ("[11.20 10:15:00] tool.exe - s.test:443 open through proxy", U, "file", "s.test:443 open through proxy", {"process.executable.name": "tool.exe"}),
    ("@400000006b001dae00000000 ready", U, "file", "ready", {}),
    ("1795169700.000 ready", U, "file", "ready", {}),
    ("type=SYSCALL msg=audit(1795169700.000:45): arch=c0 syscall=2 success=no", U, "SYSCALL", "arch=c0 syscall=2 success=no", {"success": "no"}),
    ("__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795169700000000\nPRIORITY=3\nMESSAGE=it broke\n_HOSTNAME=web\nSYSLOG_IDENTIFIER=shop", E, "shop", "it broke", {"host.name": "web"}),
]  # fmt: skip

JSON: list[Row] = [
    ('{"name":"shop","hostname":"web","pid":1,"level":50,"msg":"it broke","time":"2026-11-20T10:15:00.000Z","v":0}', E, "shop", "it broke", {"host.name": "web", "process.pid": 1}),
    ('{"level":40,"time":1795169700000,"pid":1,"hostname":"web","req":{"method":"GET","url":"/a?b=1"},"res":{"statusCode":500},"responseTime":12,"msg":"done"}', W, "file", "done",
     {"http.request.method": "GET", "url.path": "/a", "url.query": "b=1", "http.response.status_code": 500, "http.server.request.duration": 0.012}),
    ('{"level":"info","ts":1795169700.0,"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/a"},"status":200,"duration":0.01}', I, "http.log.access",
     "handled request", {"http.request.method": "GET", "url.path": "/a", "http.response.status_code": 200}),
    ('{"@t":"2026-11-20T10:15:00.000Z","@mt":"User {Id} paid {Sum:0.00}","Id":3,"Sum":4.5}', I, "file", "User 3 paid 4.5", {"Id": 3}),
    ('{"@t":"2026-11-20T10:15:00.000Z","@l":"Error","@m":"it broke","@tr":"abc"}', E, "file", "it broke", {}),
    ('{"Timestamp":"2026-11-20T10:15:00Z","Level":"Error","MessageTemplate":"no {X}","Properties":{"X":"y","SourceContext":"Shop.Cart"}}', E, "Shop.Cart", "no y", {}),
    ('{"EventId":0,"LogLevel":"Error","Category":"Shop.Cart","Message":"it broke","Timestamp":"2026-11-20T10:15:00Z"}', E, "Shop.Cart", "it broke", {}),
    ('{"message":"it broke","context":{"k":1},"level":400,"level_name":"ERROR","channel":"app","datetime":"2026-11-20T10:15:00+00:00"}', E, "app", "it broke", {"context.k": 1}),
    ('{"__REALTIME_TIMESTAMP":"1795169700000000","PRIORITY":"3","MESSAGE":[105,116],"_PID":"12","SYSLOG_IDENTIFIER":"sshd","_HOSTNAME":"h"}', E, "sshd", "it", {"process.pid": "12"}),
    ('{"timeUnixNano":"1795169700000000000","severityNumber":17,"body":{"stringValue":"it broke"},"attributes":[{"key":"http.route","value":{"stringValue":"/a"}}],'
     '"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}}', E, "shop", "it broke", {"http.route": "/a"}),
    ('{"timestamp":"2026-11-20T10:15:00Z","severity":"WARNING","textPayload":"slow","trace":"projects/p/traces/abc","httpRequest":{"requestMethod":"GET",'
     '"requestUrl":"https://s.test/a","status":200,"latency":"0.5s"}}', W, "file", "slow", {"url.path": "/a", "http.server.request.duration": 0.5}),
    ('{"log":"  INFO nothing\\n","stream":"stdout","time":"2026-11-20T10:15:00Z"}', I, "file", "  INFO nothing", {"log.iostream": "stdout"}),
    ('2026-11-20T10:15:00.000000000Z stderr F {"level":"error","msg":"it broke"}', E, "file", "it broke", {"log.iostream": "stderr"}),
    ("2026-11-20T10:15:00.000000000Z stdout F 2026-11-20 10:15:00 ERROR shop.api: it broke", E, "shop.api", "it broke", {}),
    ("api-1  | 2026-11-20 10:15:00 ERROR shop.api: it broke", E, "api", "it broke", {"container.name": "api-1", "logger": "shop.api"}),
]  # fmt: skip

LEVEL_FIRST: list[Row] = [
    ("WARNING 2026-11-20 10:15:00,000 basehttp 42 1401 no page", W, "file", "basehttp 42 1401 no page", {}),
    ("[ERROR] 2026-11-20 10:15:00,000 shop.cart - it broke", E, "shop.cart", "it broke", {}),
    ("ERROR [2026-11-20 10:15:00,000] [main] c.a.Cart: it broke", E, "c.a.Cart", "it broke", {"thread.name": "main"}),
    ("ERROR 2026-11-20T10:15:00Z cart: it broke", E, "cart", "it broke", {}),
    ("2026-11-20 10:15:00.000 [main] ERROR c.a.Cart -- it broke", E, "c.a.Cart", "it broke", {"thread.name": "main"}),
    ("[2026-11-20 10:15:00] ERROR -- shop: it broke", E, "shop", "it broke", {}),
    ("[10:15:00] [Server thread/WARN]: it lags", W, "file", "it lags", {"thread.name": "Server thread"}),
    ("[10:15:00 ERROR]: it broke", E, "file", "it broke", {}),
]

ROWS = [*LEVEL_FIRST, *SYSLOG, *SERVERS, *PYTHON_AND_GO, *JVM_NODE_DOTNET, *PHP_RUBY, *DATABASES, *MACHINES, *JSON]
UNTIMED = ("ERROR:", "INFO: ", "GET ", "E/", "fail:")


@pytest.mark.parametrize(("line", "severity", "service", "body", "attributes"), ROWS)
def test_a_line_says_what_it_says(line: str, severity: Severity, service: str, body: str, attributes: dict[str, Any]) -> None:
    record = Parser(REFERENCE, fallback="file").parse(line)

    assert (record.severity, record.service, record.body) == (severity, service, body)
    assert {name: record.attributes.get(name) for name in attributes} == attributes
    assert record.timestamp == (None if line.startswith(UNTIMED) else AT)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-20 10:15:00,000 ERROR [shop] [cart.py:12] [trace_id=ab12 span_id=cd resource.service.name=shop] - it broke",
        "2026-11-20 10:15:00.000 12 ERROR shop.api [req-ab12 - -] it broke",
        '{"message": "it broke", "trace": "projects/p/traces/ab12"}',
        "time=2026-11-20T10:15:00Z level=error msg=x trace_id=ab12",
    ],
)
def test_a_line_tells_its_trace(line: str) -> None:
    assert Parser(REFERENCE).parse(line).trace_id.removeprefix("req-") == "ab12"


def test_a_parser_that_has_seen_everything_reads_a_line_as_a_fresh_one_does() -> None:
    used = Parser(REFERENCE, fallback="file")
    for _ in range(2):
        for line, severity, service, body, _ in ROWS:
            record = used.parse(line)
            assert (record.severity, record.service, record.body) == (severity, service, body)


_HEADERS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["2026-11-20 10:15:00,000", "2026-11-20T10:15:00Z", "2026/11/20 10:15:00"]),
    st.sampled_from(["", " [main]", " [12]", " [ERROR]", " - shop.api -", " - api -", " 12"]),
    st.sampled_from([" ERROR", " INFO ", " [WARN]", " INFO:", " LOG", " ERROR -"]),
    st.sampled_from([" ", " shop.api: ", " com.shop.Cart - ", " Failed: ", " in app: ", " agent: ", " - ", " [x] ", " shop.api "]),
    st.sampled_from(
        ["it broke", "ValueError: no", "7 of 9 ready", "in app: x", 'sent "GET /a HTTP/1.1" 200', "a.b.c d", "a - b", "x=1", ""]
    ),
)


@given(_HEADERS)
def test_the_short_way_through_a_header_reads_what_the_long_way_does(line: str) -> None:
    short = of_simple(line)

    assert short is None or short == of_stamped(line, Fields)
