"""A steady load on the shop, driven by a process of its own that writes one line per request until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypedDict

from kintsugi.demo.processes import Group

USERS = 14
THINK = 0.11
PATIENCE = 5.0
KEPT = 400_000


class Figures(TypedDict):
    """What a span of time saw; latencies in milliseconds, errors are answers from 500 on and no answer at all."""

    requests: int
    errors: int
    p50: float
    p95: float


class Snapshot(Figures):
    endpoints: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: `at` on the monotonic clock that all processes share, status 0 when nobody answered."""

    at: float
    wall: float
    endpoint: str
    status: int
    milliseconds: float


class Load:
    """Starts and ends the driver, and tells what its users met. A new `Load` on the same folder finds the one that runs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder.absolute() / "load.jsonl"
        self._folder = folder.absolute()
        self._group = Group(self._folder / "load.json")
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._read = 0

    @property
    def running(self) -> bool:
        return self._group.running("load")

    def start(self, web: str, api: str, *, users: int = USERS, seed: int = 7) -> None:
        """Starts the driver on a new file of samples; an earlier driver of this folder is ended first."""
        self.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(b"")
        self._samples.clear()
        self._read = 0
        options = ["--web", web, "--api", api, "--users", str(users), "--seed", str(seed), "--out", str(self.file)]
        command = [sys.executable, "-P", "-m", "kintsugi.demo.load", *options]
        env = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONNOUSERSITE": "1"}
        self._group.start("load", command, cwd=self._folder, env=env, log=self._folder / "load.log")

    def stop(self) -> None:
        self._group.end()

    def samples(self, since: float = 0.0, until: float = float("inf")) -> list[Sample]:
        """Returns the requests that ended in [since, until) on the monotonic clock, as far as the driver has written them."""
        self._tail()
        return [sample for sample in self._samples if since <= sample.at < until]

    def snapshot(self, since: float = 0.0, until: float = float("inf")) -> Snapshot:
        """Returns the figures of [since, until), in all and for each endpoint."""
        return summarise(self.samples(since, until))

    def _tail(self) -> None:
        if not self.file.exists():
            return
        with self.file.open("rb") as lines:
            lines.seek(self._read)
            whole = lines.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        self._samples.extend(Sample(*json.loads(line)) for line in whole.splitlines())


def summarise(samples: Iterable[Sample]) -> Snapshot:
    """Returns counts and latencies of the samples, in all and for each endpoint."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.endpoint, []).append(sample)
    everything = [sample for group in groups.values() for sample in group]
    return Snapshot(**_figures(everything), endpoints={name: _figures(groups[name]) for name in sorted(groups)})


def _figures(samples: list[Sample]) -> Figures:
    times = sorted(sample.milliseconds for sample in samples)
    errors = sum(sample.status == 0 or sample.status >= 500 for sample in samples)
    return Figures(requests=len(samples), errors=errors, p50=_quantile(times, 0.5), p95=_quantile(times, 0.95))


def _quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A request of one user: to the pages (`web`) or to the `api`."""

    service: str
    target: str
    body: dict[str, Any] | None = None


def _coupon(dice: random.Random) -> Step:
    code = dice.choice(["WELCOME10", "autumn15", "SPRING20", "VIP50", "NEWS5"])
    return Step("api", f"/coupons/{code}?subtotal={dice.randrange(2500, 9000)}")


def _order(dice: random.Random) -> Step:
    lines = [
        {"sku": f"p{dice.randint(1, 60)}", "cents": dice.randrange(995, 9999), "quantity": dice.randint(1, 3)}
        for _ in range(dice.randint(1, 3))
    ]
    order: dict[str, Any] = {"lines": lines, "email": f"visitor{dice.randint(1, 999)}@example.test"}
    return Step("api", "/orders", order | ({"coupon": dice.choice(["WELCOME10", "AUTUMN15"])} if dice.random() < 0.8 else {}))


def _payment(dice: random.Random) -> Step:
    return Step(
        "api", "/payments", {"order": f"W{time.time_ns() // 1000:x}{dice.randrange(4096):03x}", "cents": dice.randrange(995, 30000)}
    )


def _question(dice: random.Random) -> Step:
    about = dice.choice(["lamp", "stool", "rug", "pot", "clock", "throw", "stand", "bowl"])
    return Step("api", "/assistant", {"question": f"Does the {about} come in size {dice.randint(1, 40)}?"})


MIX: dict[str, tuple[int, Callable[[random.Random], Step]]] = {
    "home": (4, lambda dice: Step("web", f"/?page={dice.randint(1, 3)}")),
    "listing": (7, lambda dice: Step("api", f"/products?page={dice.randint(1, 3)}")),
    "product page": (6, lambda dice: Step("web", f"/products/{dice.randint(1, 60)}?visitor={dice.randint(1, 100)}")),
    "product": (9, lambda dice: Step("api", f"/products/{dice.randint(1, 60)}?visitor={dice.randint(1, 100)}")),
    "search": (16, lambda dice: Step("api", f"/products?q={dice.choice(['lamp', 'stool', 'rug', 'pot', 'clock', 'bowl'])}")),
    "missing product": (2, lambda dice: Step("api", f"/products/{dice.randint(900, 999)}")),
    "customer": (17, lambda dice: Step("api", f"/customers/{dice.randint(1, 200)}")),
    "coupon": (5, _coupon),
    "odd coupon": (2, lambda dice: Step("api", "/coupons/%3F%3F?subtotal=4000")),
    "order": (7, _order),
    "payment": (18, _payment),
    "question": (5, _question),
}


async def drive(web: str, api: str, users: int, seed: int, out: IO[str]) -> None:
    """Sends requests as `users` people do, each with pauses to think, and writes a sample of each, until cancelled."""
    import httpx2

    limits = httpx2.Limits(max_connections=2 * users, max_keepalive_connections=2 * users, keepalive_expiry=25)
    async with httpx2.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False, verify=False) as client:

        async def send(endpoint: str, step: Step) -> None:
            url = (web if step.service == "web" else api) + step.target
            started = time.monotonic()
            try:
                answer = await (client.get(url) if step.body is None else client.post(url, json=step.body))
                status = answer.status_code
            except httpx2.HTTPError:
                status = 0
            ended = time.monotonic()
            out.write(json.dumps([round(ended, 4), round(time.time(), 3), endpoint, status, round((ended - started) * 1000, 1)]) + "\n")

        async def behave(number: int) -> None:
            dice = random.Random(f"{seed}:{number}")
            names, weights = list(MIX), [weight for weight, _ in MIX.values()]
            while True:
                await asyncio.sleep(dice.expovariate(1 / THINK))
                endpoint = dice.choices(names, weights)[0]
                await send(endpoint, MIX[endpoint][1](dice))

        await asyncio.gather(_flush(out), *(behave(number) for number in range(users)))


async def _flush(out: IO[str]) -> None:
    while True:
        await asyncio.sleep(0.1)
        out.flush()


async def _until_told(options: argparse.Namespace, out: IO[str]) -> None:
    work = asyncio.create_task(drive(options.web, options.api, options.users, options.seed, out))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await asyncio.wait([work])


def main() -> None:
    """Drive until SIGTERM."""
    parser = argparse.ArgumentParser(prog="load")
    for name in ("--web", "--api", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with Path(options.out).open("a", encoding="utf-8") as out:
        asyncio.run(_until_told(options, out))


if __name__ == "__main__":
    main()
