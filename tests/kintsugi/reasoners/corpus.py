"""Synthetic projects of many shapes and names: those that recipes mend, and look-alikes that they must leave alone."""

from __future__ import annotations

from tests.kintsugi.reasoners.workshop import Shop

_STARLETTE = """
import logging
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route
"""

HEALED: dict[str, tuple[str, Shop]] = {
    "an optional parameter in a function": ("optional-value", Shop({
        "parcels/__init__.py": "",
        "parcels/labels.py": '''
            def street_line(street: str | None, number: int) -> str:
                cleaned = street.strip().title()
                return f"{cleaned} {number}"
        ''',
        "tests/test_labels.py": "from parcels.labels import street_line\n",
    }, "from parcels.labels import street_line\nstreet_line(None, 4)")),
    "an optional column of a row": ("optional-value", Shop({
        "crm.py": '''
            def card(member):
                """Text for the printed card."""
                name = member["name"]
                initial = member["nickname"].upper()[:1]
                return {"name": name, "initial": initial, "points": member["points"] + 1}
        ''',
    }, "from crm import card\ncard({'name': 'A', 'nickname': None, 'points': 3})")),
    "an optional attribute in a loop of a method": ("optional-value", Shop({
        "src/fleet/__init__.py": "",
        "src/fleet/trucks.py": '''
            class Fleet:
                def __init__(self, trucks):
                    self.trucks = trucks

                def plates(self) -> list[str]:
                    out = []
                    for truck in self.trucks:
                        out.append(truck.plate.replace(" ", ""))
                    return out
        ''',
    }, "from fleet.trucks import Fleet\nfrom types import SimpleNamespace as S\nFleet([S(plate=None)]).plates()", paths=("src",))),
    "a list that may be absent": ("optional-value", Shop({
        "billing/__init__.py": "",
        "billing/tax.py": '''
            def total(lines: list[int] | None, rate: int) -> int:
                return sum(lines) * rate
        ''',
    }, "from billing.tax import total\ntotal(None, 2)")),
    "a number that may be absent": ("optional-value", Shop({
        "weather.py": '''
            def feels_like(reading):
                offset = reading.get("wind")
                return reading["degrees"] - offset
        ''',
    }, "from weather import feels_like\nfeels_like({'degrees': 3, 'wind': None})")),
    "len of an optional in an async function": ("optional-value", Shop({
        "chat/rooms.py": '''
            async def unread(room, seen: int) -> int:
                messages = room.messages
                return len(messages) - seen
        ''',
        "chat/__init__.py": "",
    }, "import asyncio\nfrom chat.rooms import unread\nfrom types import SimpleNamespace as S\nasyncio.run(unread(S(messages=None), 1))")),
    "an argument that a function written in C refuses": ("optional-value", Shop({
        "slugs/__init__.py": "",
        "slugs/plain.py": '''
            import unicodedata

            def plain(title: str) -> str:
                """Letters without their marks."""
                normal = unicodedata.normalize("NFKD", title)
                return normal.encode("ascii", "ignore").decode("ascii")
        ''',
    }, "from slugs.plain import plain\nplain(None)")),
    "a number that a function written in C refuses": ("optional-value", Shop({
        "tiles.py": '''
            import math

            def rows(order):
                height = order["height"]
                return {"rows": math.ceil(height), "wide": order["width"]}
        ''',
    }, "from tiles import rows\nrows({'height': None, 'width': 2})")),
    "a count that may be absent": ("optional-value", Shop({
        "stickers/__init__.py": "",
        "stickers/sheet.py": '''
            class Sheet:
                def labels(self, item) -> list[str]:
                    return [f"{item.name} {number}" for number in range(item.count)]
        ''',
    }, "from stickers.sheet import Sheet\nfrom types import SimpleNamespace as S\nSheet().labels(S(name='a', count=None))")),
    "a sibling shows the default": ("optional-value", Shop({
        "zoo.py": '''
            def badge(animal):
                return (animal.species or "unknown").title()

            def sign(animal):
                return "Meet the " + animal.species.lower()
        ''',
    }, "from zoo import sign\nfrom types import SimpleNamespace as S\nsign(S(species=None))")),
    "the mean of nothing": ("zero-divisor", Shop({
        "survey/__init__.py": "",
        "survey/marks.py": '''
            def mean(marks) -> float:
                """The mean mark."""
                total = sum(marks)
                return total / len(marks)
        ''',
    }, "from survey.marks import mean\nmean([])")),
    "a share of a total that may be zero": ("zero-divisor", Shop({
        "board.py": '''
            class Board:
                def share(self, poll):
                    votes = poll["votes"]
                    return {"percent": round(100 * poll["yes"] / votes), "votes": votes}
        ''',
    }, "from board import Board\nBoard().share({'votes': 0, 'yes': 0})")),
    "a rate for which the module has a word": ("zero-divisor", Shop({
        "rates.py": '''
            def hits(stats):
                return stats.hits / stats.asked if stats.asked else 1.0

            def misses(stats):
                missed = stats.missed / stats.asked
                return missed
        ''',
    }, "from rates import misses\nfrom types import SimpleNamespace as S\nmisses(S(missed=0, asked=0, hits=0))")),
    "a number in a request that is none": ("unreadable-text", Shop({
        "pages.py": _STARLETTE + '''
ROWS = list(range(50))

async def page(request):
    if "q" in request.query_params:
        raise HTTPException(422, "no search here")
    start = int(request.query_params["start"])
    return JSONResponse({"rows": ROWS[start : start + 10]})

app = Starlette(routes=[Route("/rows", page)])
''',
    }, '''
import asyncio
from pages import app
async def none(): return {"type": "http.request", "body": b""}
async def send(m): pass
asyncio.run(app({"type": "http", "method": "GET", "path": "/rows", "query_string": b"start=abc", "headers": []}, none, send))
''', {"request": [{"method": "GET", "target": "/rows?start=abc", "body": "", "status": 500}]})),
    "a date that a caller refuses": ("unreadable-text", Shop({
        "leave/__init__.py": "",
        "leave/errors.py": "class BadRequest(Exception):\n    pass\n",
        "leave/days.py": '''
            from datetime import date

            def weekday(day: str) -> int:
                return date.fromisoformat(day).weekday()
        ''',
        "leave/door.py": '''
            from leave.days import weekday
            from leave.errors import BadRequest

            def answer(form):
                try:
                    return 200, weekday(form["day"])
                except BadRequest as error:
                    return 400, str(error)
        ''',
    }, "from leave.door import answer\nanswer({'day': 'tomorrow'})")),
    "a word that is not in the list": ("unreadable-text", Shop({
        "paint.py": '''
            from enum import Enum

            class Colour(Enum):
                RED = "red"

            def mix(name: str, litres: int) -> dict | None:
                colour = Colour(name)
                return {"colour": colour, "litres": litres}
        ''',
    }, "from paint import mix\nmix('mauve', 2)")),
    "a missed table entry with the project's 4xx": ("missed-lookup", Shop({
        "api/__init__.py": "",
        "api/trips.py": _STARLETTE + '''
FARES = {"adult": {"cents": 250}, "child": {"cents": 120}}
STOPS = {"a", "b"}

def fare(kind: str, zones: int) -> int:
    return FARES.get(kind)["cents"] * zones

async def quote(request):
    if request.query_params["stop"] not in STOPS:
        raise HTTPException(422, "unknown stop")
    return JSONResponse({"cents": fare(request.query_params["kind"], 2)})

app = Starlette(routes=[Route("/quote", quote)])
''',
    }, "from api.trips import fare\nfare('dog', 2)", {"request": [{"method": "GET", "target": "/quote?kind=dog&stop=a", "body": "", "status": 500}]})),
    "the same, only seen through the request": ("missed-lookup", Shop({
        "service.py": _STARLETTE + '''
def build():
    seats = {"1a": {"free": True}}

    async def seat(request):
        row = seats.get(request.path_params["row"])
        if "x" in request.query_params:
            return JSONResponse({"error": "no x please"}, status_code=400)
        return JSONResponse({"free": row["free"]})

    return seat

app = Starlette(routes=[Route("/seats/{row}", build())])
''',
    }, '''
import asyncio
from service import app
async def none(): return {"type": "http.request", "body": b""}
async def send(m): pass
asyncio.run(app({"type": "http", "method": "GET", "path": "/seats/9z", "query_string": b"", "headers": []}, none, send))
''', {"request": [{"method": "GET", "target": "/seats/9z", "body": "", "status": 500}]})),
    "a missing key with an exception that a caller catches": ("missed-lookup", Shop({
        "jobs/__init__.py": "",
        "jobs/errors.py": "class BadJob(Exception):\n    pass\n",
        "jobs/handlers.py": '''
            import logging
            from jobs.errors import BadJob

            HANDLERS = {"mail": print}

            def handler_for(kind):
                return HANDLERS[kind]

            def run(job):
                try:
                    handler_for(job["kind"])(job)
                except BadJob:
                    return False
                return True
        ''',
    }, "from jobs.handlers import run\nrun({'kind': 'fax'})")),
    "a search that is declared to find nothing at times": ("missed-lookup", Shop({
        "library/__init__.py": "",
        "library/shelf.py": '''
            from typing import Optional

            BOOKS = {"b1": {"title": "Dune", "shelf": None}}

            def find_book(code: str):
                for key, book in BOOKS.items():
                    if key == code:
                        return book
                return None

            def title_of(code: str) -> Optional[str]:
                book = find_book(code)
                return book["title"]
        ''',
    }, "from library.shelf import title_of\ntitle_of('zz')")),
    "a pattern that does not match": ("missed-lookup", Shop({
        "intake.py": '''
            import re

            PLATE = re.compile(r"([A-Z]+)-([0-9]+)")

            def region(plate: str) -> str | None:
                return PLATE.match(plate).group(1)
        ''',
    }, "from intake import region\nregion('??')")),
    "a repository object that finds nothing": ("missed-lookup", Shop({
        "clinic.py": '''
            class NotFound(LookupError):
                pass

            class Visits:
                def __init__(self, store):
                    self.store = store

                def doctor(self, visit_id: int) -> str:
                    visit = self.store.find(visit_id)
                    return visit.doctor.upper()

                def page(self, visit_id: int):
                    try:
                        return self.doctor(visit_id)
                    except NotFound:
                        return "404"
        ''',
    }, "from clinic import Visits\nfrom unittest import mock\nVisits(mock.Mock(**{'find.return_value': None})).page(7)")),
    "a second search in a function that guards its first": ("missed-lookup", Shop({
        "visits.py": """
            def greeting(db, visitor: int) -> dict:
                known = db.query("select * from visitors where id = ?", visitor)
                if not known:
                    return {"hello": "stranger"}
                last = db.query("select name from pages where id = ?", known[0])
                return {"hello": last[0]}
        """,
    }, """
        from unittest import mock
        from visits import greeting
        greeting(mock.Mock(**{"query.side_effect": [[1], []]}), 1)
    """)),
    "the first of an empty list": ("missed-lookup", Shop({
        "rank.py": '''
            def best(scores: list[int]) -> int | None:
                ordered = sorted(scores)
                return scores[0] + len(ordered)
        ''',
    }, "from rank import best\nbest([])")),
    "next without a default": ("missed-lookup", Shop({
        "roster.py": '''
            def on_call(people: list[dict], day: str) -> dict | None:
                person = next(p for p in people if p["day"] == day)
                return person
        ''',
    }, "from roster import on_call\non_call([{'day': 'mon'}], 'sun')")),
    "a small pool in TOML": ("undersized-limit", Shop({
        "conf/settings.toml": "[storage]\n# sockets to the ledger\npool_size = 3\n[web]\nport = 3\n",
        "ledger.py": '''
            class NoConnection(RuntimeError):
                pass

            def acquire(pool_size):
                raise NoConnection(f"no storage connection available: pool size {pool_size} exhausted")
        ''',
    }, "from ledger import acquire\nacquire(3)", {"concurrency": 17})),
    "a small pool in YAML": ("undersized-limit", Shop({
        "config/prod.yaml": "database:\n  max_connections: 5\n  timeout: 5\n", "app.py": "x = 1\n",
    }, "", {"message": "QueuePool limit of size 5 overflow 0 reached, connection timed out, timeout 30.00", "concurrency": 9})),
    "a worker limit in JSON": ("undersized-limit", Shop({
        "config.json": '{"server": {"workers": 4, "port": 8080}}', "app.py": "x = 1\n",
    }, "", {"message": "all 4 workers are busy, request rejected"})),
    "a queue in an env file": ("undersized-limit", Shop({
        ".env": "LOG_LEVEL=info\nINGEST_QUEUE_SIZE=8\n", "app.py": "x = 1\n",
    }, "", {"message": "ingest queue full (8 items)"})),
    "a limit in an INI file": ("undersized-limit", Shop({
        "settings.ini": "[cache]\nmax_clients = 6\nttl = 6\n", "app.py": "x = 1\n",
    }, "", {"message": "max_clients=6 reached, refusing client"})),
    "a pool constant in Python": ("undersized-limit", Shop({
        "depot/__init__.py": "",
        "depot/pool.py": '''
            import os

            SIZE = int(os.environ.get("DEPOT_POOL_SIZE", "2"))

            class Exhausted(Exception):
                pass

            def take():
                raise Exhausted(f"pool exhausted: {SIZE} in use")
        ''',
    }, "from depot.pool import take\ntake()")),
    "a token limit that cuts answers": ("truncating-limit", Shop({
        "bot.toml": "[summary]\nmax_tokens = 48\nretries = 48\n",
        "bot.py": '''
            import json

            def parse(text):
                return json.loads(text)
        ''',
    }, "from bot import parse\nparse('{\"a\": ')", {"also": [{"title": "answer truncated: finish_reason=length max_tokens=48", "template": "", "count": 4}]})),
    "a pool that only a burst exhausts": ("undersized-limit", Shop({
        "settings.toml": "[database]\npool_size = 2\n",
        "store.py": '''
            import asyncio, tomllib
            from pathlib import Path

            class Empty(RuntimeError):
                pass

            class Pool:
                def __init__(self):
                    self.size = tomllib.loads(Path(__file__).with_name("settings.toml").read_text("utf-8"))["database"]["pool_size"]
                    self.used = 0

                async def query(self):
                    if self.used >= self.size:
                        raise Empty(f"no database connection available: pool size {self.size} exhausted")
                    self.used += 1
                    await asyncio.sleep(0.01)
                    self.used -= 1
        ''',
        "main.py": _STARLETTE + '''
from contextlib import asynccontextmanager
from store import Pool

@asynccontextmanager
async def lifespan(app):
    app.state.pool = Pool()
    yield

async def items(request):
    try:
        await request.app.state.pool.query()
    except RuntimeError:
        logging.exception("query failed")
        return JSONResponse({}, status_code=503)
    return JSONResponse([])

app = Starlette(routes=[Route("/items", items)], lifespan=lifespan)
''',
    }, "import asyncio\nfrom store import Pool\nasync def go():\n    p = Pool()\n    await asyncio.gather(*(p.query() for _ in range(5)))\nasyncio.run(go())",
        {"concurrency": 8, "request": [{"method": "GET", "target": "/items", "body": "", "status": 503}]})),
    "a payment call without limit or second try": ("outgoing-call", Shop({
        "pay/__init__.py": "",
        "pay/charge.py": """
            import httpx2

            def charge(cents: int, order: str) -> str:
                headers = {"Idempotency-Key": order}
                response = httpx2.post("http://localhost:1/charges", json={"cents": cents}, headers=headers)
                if response.status_code != 200:
                    raise RuntimeError(f"payment provider answered {response.status_code}")
                return response.json()["id"]
        """,
    }, """
        from unittest import mock
        from pay.charge import charge
        with mock.patch("httpx2.post", return_value=mock.Mock(status_code=503)):
            charge(1, "o")
    """)),
    "a rate fetched with requests in one expression": ("outgoing-call", Shop({
        "rates.py": """
            import requests

            SOURCE = "http://localhost:1/rates"

            class Rates:
                def __init__(self, base: str):
                    self.base = base

                def today(self, currency: str) -> float:
                    reply = requests.get(
                        SOURCE,
                        params={"base": self.base, "to": currency},
                    )
                    reply.raise_for_status()
                    return float(reply.json()["rate"])
        """,
    }, """
        from unittest import mock
        import requests
        from rates import Rates
        with mock.patch("requests.get", side_effect=requests.exceptions.ReadTimeout("read timed out")):
            Rates("EUR").today("USD")
    """)),
    "a client that another module holds": ("outgoing-call", Shop({
        "wire/__init__.py": "",
        "wire/clients.py": "import httpx2\n\napi = httpx2.Client(timeout=None)\n",
        "wire/stock.py": """
            from wire import clients

            def stock(sku: str) -> int:
                answer = clients.api.get(f"http://localhost:1/stock/{sku}")
                if answer.status_code != 200:
                    raise RuntimeError(f"stock service answered {answer.status_code}")
                return answer.json()["count"]
        """,
    }, """
        from unittest import mock
        from wire.stock import stock
        with mock.patch("httpx2.Client.get", return_value=mock.Mock(status_code=503)):
            stock("a")
    """)),
    "an asynchronous client that fails to connect": ("outgoing-call", Shop({
        "geo.py": """
            import httpx2

            async def locate(address: str):
                async with httpx2.AsyncClient(base_url="http://localhost:1") as client:
                    response = await client.get("/locate", params={"q": address})
                    if response.status_code >= 500:
                        raise ValueError(f"geocoder said {response.status_code}")
                    return response.json()
        """,
    }, """
        import asyncio
        from unittest import mock
        from geo import locate
        with mock.patch("httpx2.AsyncClient.get", mock.AsyncMock(return_value=mock.Mock(status_code=502))):
            asyncio.run(locate("x"))
    """)),
    "urlopen in a script": ("outgoing-call", Shop({
        "sync_feed.py": """
            import json
            from urllib.request import urlopen

            def feed(url: str) -> list:
                with urlopen(url) as page:
                    return json.loads(page.read())
        """,
    }, """
        from unittest import mock
        import urllib.error
        from sync_feed import feed
        with mock.patch("sync_feed.urlopen", side_effect=urllib.error.URLError("connection refused")):
            feed("http://localhost:1")
    """)),
    "a post that may not be repeated gets a limit only": ("outgoing-call", Shop({
        "notify.py": """
            import requests

            def notify(text: str) -> None:
                answer = requests.post("http://localhost:1/send", json={"text": text})
                if not answer.ok:
                    raise OSError(f"sending failed: timeout or {answer.status_code}")
        """,
    }, """
        from unittest import mock
        from notify import notify
        with mock.patch("requests.post", return_value=mock.Mock(ok=False, status_code=504)):
            notify("x")
    """)),
    "a parked client": ("unclosed-resource", Shop({
        "advice/__init__.py": "",
        "advice/tips.py": '''
            import httpx2

            _clients = []

            def tips(topic: str) -> list[str]:
                client = httpx2.Client(base_url="http://localhost:1")
                _clients.append(client)
                response = client.get("/tips", params={"topic": topic})
                found = response.json()
                return [str(tip) for tip in found]
        ''',
    }, """
        from unittest import mock
        from advice.tips import tips
        with mock.patch("httpx2.Client", side_effect=OSError(24, "Too many open files")):
            tips("x")
    """)),
    "a file that another function suffers from": ("unclosed-resource", Shop({
        "scan.py": """
            import json
            import socket

            def read_settings(path: str) -> dict:
                return json.load(open(path, encoding="utf-8"))

            def listen():
                raise OSError(24, "Too many open files")
        """,
    }, "from scan import listen\nlisten()")),
    "a database connection that stays": ("unclosed-resource", Shop({
        "ledger_db.py": """
            import sqlite3

            def balance(account: int) -> int:
                connection = sqlite3.connect("ledger.db")
                row = connection.execute("select sum(cents) from entries where account = ?", (account,)).fetchone()
                return row[0]
        """,
    }, """
        from unittest import mock
        from ledger_db import balance
        with mock.patch("sqlite3.connect", side_effect=OSError(24, "Too many open files")):
            balance(1)
    """)),
    "a release that brought a wrong sum": ("regression", Shop({
        "tally/__init__.py": "",
        "tally/sums.py": """
            def share(total, parts):
                return total // parts


            def check(total, parts):
                if share(total, parts) * parts != total:
                    raise ValueError(f"shares do not add up to {total}")
                return True
        """,
    }, "from tally.sums import check\ncheck(10, 4)", {
        "releases": {"r3": 12},
        "request": [{"method": "POST", "target": "/check", "body": '{"total": 10, "parts": 4}', "status": 500}],
    }, ({"commit": "c0ffee", "subject": "use whole shares", "release": "r3", "score": 3.0, "files": ["tally/sums.py"],
         "patch": "diff --git a/tally/sums.py b/tally/sums.py\n--- a/tally/sums.py\n+++ b/tally/sums.py\n@@ -1,3 +1,3 @@\n"
                  " def share(total, parts):\n-    return total / parts\n+    return total // parts\n \n"},))),
}  # fmt: skip

UNKNOWN: dict[str, Shop] = {
    "another symptom of the same requests is not the cause": Shop({
        "s.toml": "[db]\npool_size = 2\n", "a.py": "def f(engine):\n    return engine.part.ignite()\n",
    }, "from a import f\nfrom types import SimpleNamespace as S\nf(S(part=None))", {"also": [{"title": "pool size 2 exhausted", "template": "", "count": 1}]}),
    "a setting that is no number": Shop({"a.py": "import os\n\ndef f() -> int | None:\n    return int(os.environ['HOME'])\n"}, "from a import f\nf()"),
    "a bad text that nobody refuses": Shop({"a.py": "def f(text):\n    return int(text) + 1\n"}, "from a import f\nf('q')"),
    "a line that divides twice": Shop({"a.py": "def f(a, b):\n    return 1 / a + 1 / b\n"}, "from a import f\nf(1, 0)"),
    "a divisor that is computed": Shop({"a.py": "def f(items):\n    return 1 / next(items)\n"}, "from a import f\nf(iter([0]))"),
    "no trace and nothing said": Shop({"a.py": "x = 1\n"}, "", {"message": "something odd"}),
    "a missing value of an unknown kind": Shop({"a.py": "def f(machine):\n    return machine.engine.ignite()\n"}, "from a import f\nfrom types import SimpleNamespace as S\nf(S(engine=None))"),
    "a miss that nobody answers": Shop({"a.py": "RATES = {}\n\ndef f(code) -> int:\n    return RATES.get(code)['x']\n"}, "from a import f\nf('q')"),
    "two candidates on one line": Shop({"a.py": "def f(a, b):\n    return a.strip() + b.strip()\n"}, "from a import f\nf('x', None)"),
    "a plain assertion of the program": Shop({"a.py": "def f(a):\n    raise ValueError('cannot do this')\n"}, "from a import f\nf(1)"),
    "a pool number that no setting has": Shop({"a.toml": "[db]\npool_size = 9\n"}, "", {"message": "pool size 4 exhausted"}),
    "two settings that fit alike": Shop({"a.toml": "[red]\npool_size = 4\n[blue]\npool_size = 4\n"}, "", {"message": "pool size 4 exhausted"}),
    "a server error inside without any outgoing call": Shop({"a.py": "def f(codes):\n    raise RuntimeError('answered 503 ' + str(codes.get('x')))\n"}, "from a import f\nf({})"),
    "a call that has it all": Shop({"a.py": "import requests\n\ndef f():\n    for attempt in range(3):\n        try:\n            return requests.get('http://localhost:1', timeout=1).json()\n        except requests.Timeout:\n            continue\n    raise RuntimeError('gave up: 503')\n"},
        "from a import f\nfrom unittest import mock\nimport requests\nwith mock.patch('requests.get', side_effect=requests.Timeout('x')):\n    f()"),
    "descriptors run out and all is closed": Shop({"a.py": "def f(path):\n    with open(path) as handle:\n        return handle.read()\n"}, "from a import f\nfrom unittest import mock\nwith mock.patch('builtins.open', side_effect=OSError(24, 'Too many open files')):\n    f('x')"),
    "frames of another program": Shop({"a.py": "x = 1\n"}, "import json\njson.loads('{')"),
}  # fmt: skip
