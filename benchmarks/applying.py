"""Events a second applied, not only accepted: over HTTP, by workers, to the end of the backlog."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np
import orjson
from django.db import connection
from django.utils import timezone

from benchmarks import pacing, posting, receiver, workers
from benchmarks.pacing import Paced
from benchmarks.peers import plain_web
from benchmarks.report import Cell, Result, Table
from config.processes import Processes, answers, web
from consent import identify, ledger
from consent.identify import Names
from consent.ledger import Statement
from personalization import tasks
from personalization.models import Product, Source

SEED = 20_26
BATCH = 100
PEOPLE, PRODUCTS = 20_000, 500
SECONDS = {"short": 15.0, "full": 60.0}
HELD_SECONDS = {"short": 60.0, "full": 300.0}
HELD_RATE = 2_000
WORKERS = 2
CONNECTIONS = 4
KEY = "bench-applying"
PATH = f"/v1/batch?writeKey={KEY}"
NAIVE = "benchmarks.naive_wsgi:application"
# As beat does, next to the nudges of the collector.
TICK_SECONDS = 2.0
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 300.0
_ID = "@@@@@@@@@@"

NOTE = (
    f"{BATCH} events a request on {CONNECTIONS} connections, one source, {WORKERS} Celery "
    "processes; client, web process and PostgreSQL share the cores. Behind: from the answer to the "
    "commit that applied the event, carts and orders folded. The peer stores events, lines and day "
    "counts, but folds no carts and seals nothing; what it answers for is applied. It gets one "
    "connection: on more its transactions lock each other out. Who is told to wait (429, too many "
    "wait to be applied) does so, and sends the same again."
)
# Everything that a worker was done with, whatever its end.
_DONE = """
SELECT coalesce(sum(count), 0) FROM personalization_sourceday
WHERE outcome IN ('stored', 'repeated', 'refused', 'quarantined')
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """One run: what was posted, and when how much of it was applied."""

    posted: int
    errors: int
    seconds: float
    p99_ms: float
    told_to_wait: int = 0
    # From the answer to the commit that applied the event, in seconds.
    behind_p50: float = 0.0
    behind_p95: float = 0.0
    backlog: int = 0

    @property
    def rate(self) -> float:
        return (self.posted - self.errors) * BATCH / self.seconds


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """At full speed, at half of that, and at a steady rate; then the peer, at full speed."""
    _lay_ground(people or PEOPLE)
    batches = _batches(people or PEOPLE)
    seconds = SECONDS[scale]
    with _served() as server, workers.running(WORKERS), _ticking():
        _flood(batches, port=server, seconds=2.0)
        full = _flood(batches, port=server, seconds=seconds)
        half = _pace(batches, port=server, seconds=seconds, rate=full.rate / 2)
        held = _pace(batches, port=server, seconds=HELD_SECONDS[scale], rate=HELD_RATE)
    with _served(NAIVE) as server:
        naive = _flood(batches, port=server, seconds=seconds, connections=1, is_peer=True)
    return _result(full=full, half=half, held=held, naive=naive)


def _lay_ground(people: int) -> None:
    """Customers who allow profiling, most of what they look at, and one source."""
    now = timezone.now()
    Source.objects.create(slug="bench", name="Bench", write_key=KEY, kind=Source.Kind.COLLECTOR)
    Product.objects.bulk_create(
        Product(product_id=f"P{n}", name=f"Product {n}", price=20, currency="EUR")
        for n in range(PRODUCTS)
    )
    names = (Names(external_id=f"C{n}") for n in range(people))
    found = identify.resolve(names, source="bench").subject_ids
    ledger.record_many(
        [
            Statement(
                subject_id=subject_id,
                purpose="profiling",
                action="granted",
                source="bench",
                occurred_at=now - timedelta(days=1),
            )
            for subject_id in found
            if subject_id
        ]
    )


def _batches(people: int) -> Callable[[int], bytes]:
    """Return how to make the n-th body: of 200 made ahead, each time with new message ids."""
    draw = random.Random(SEED)
    now = timezone.now()
    texts = [
        orjson.dumps({"batch": [_event(f"{_ID}-{n}", draw, people, now) for n in range(BATCH)]})
        for _ in range(200)
    ]
    mark = _ID.encode()
    numbers = iter(range(10**9))

    def body(_: int) -> bytes:
        number = next(numbers)
        return texts[number % len(texts)].replace(mark, b"%010d" % number)

    return body


def _event(message_id: str, draw: random.Random, people: int, now: object, /) -> dict[str, object]:
    name, properties = _happening(message_id, draw)
    return {
        "type": "track",
        "event": name,
        "messageId": message_id,
        "userId": f"C{draw.randrange(people)}",
        "timestamp": now,
        "properties": properties,
        "context": {
            "page": {"path": "/boots/17", "title": "Boots", "url": "https://shop.example/boots/17"},
            "locale": "de-DE",
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
        },
    }


def _happening(message_id: str, draw: random.Random, /) -> tuple[str, dict[str, object]]:
    """Four views in five; of the rest most go into a cart, and one in seven is an order."""
    line: dict[str, object] = {"product_id": f"P{draw.randrange(PRODUCTS)}", "price": 19.95}
    chance = draw.random()
    if chance < 0.8:
        return "Product Viewed", {**line, "category": "Shoes", "currency": "EUR", "position": 3}
    if chance < 0.97:
        return "Product Added", {**line, "quantity": 1, "currency": "EUR"}
    return "Order Completed", {
        "order_id": message_id,
        "total": 39.9,
        "currency": "EUR",
        "products": [line, {"product_id": f"P{draw.randrange(PRODUCTS)}", "price": 19.95}],
    }


@contextmanager
def _served(application: str = "") -> Iterator[int]:
    """The web process as `make serve` starts it, with another application for the peer."""
    port, processes = receiver.free_port(), Processes()
    command = web(port, processes=1)
    if application:
        command = plain_web(port, application=application, processes=1)
    try:
        processes.start("bench-web", command)
        processes.wait_for("bench-web", partial(answers, f"http://127.0.0.1:{port}/healthz"))
        yield port
    finally:
        processes.stop()


@contextmanager
def _ticking() -> Iterator[None]:
    ends = threading.Event()

    def tick() -> None:
        while not ends.wait(TICK_SECONDS):
            tasks.apply_inbox.delay()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def _flood(
    body: Callable[[int], bytes],
    *,
    port: int,
    seconds: float,
    connections: int = CONNECTIONS,
    is_peer: bool = False,
) -> Stage:
    """As fast as it goes; the time ends when nothing waits any more."""
    before, started = _done(), time.perf_counter()
    posted = posting.post(PATH, body=body, port=port, seconds=seconds, connections=connections)
    if not is_peer:
        _wait_until(before + (posted.requests - posted.errors) * BATCH)
    return Stage(
        posted=posted.requests,
        errors=posted.errors,
        seconds=time.perf_counter() - started,
        p99_ms=posted.p99_ms,
        told_to_wait=posted.told_to_wait,
        backlog=_backlog(),
    )


def _pace(body: Callable[[int], bytes], *, port: int, seconds: float, rate: float) -> Stage:
    """So many events a second; how far applying is behind is read off two curves."""
    before, curve = _done(), _Curve()
    with curve.drawn():
        posted = pacing.post(PATH, body=body, port=port, seconds=seconds, rate=rate / BATCH)
        _wait_until(before + posted.requests * BATCH)
        time.sleep(2 * LOOK_SECONDS)
    behind = _behind(posted, curve=curve, before=before)
    return Stage(
        posted=posted.requests,
        errors=posted.errors,
        seconds=posted.seconds,
        p99_ms=posted.p99_ms,
        behind_p50=float(np.percentile(behind, 50)),
        behind_p95=float(np.percentile(behind, 95)),
        backlog=_backlog(),
    )


class _Curve:
    """How much was applied by when, looked at every 50 ms over a connection of its own."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.done: list[int] = []

    @contextmanager
    def drawn(self) -> Iterator[None]:
        ends = threading.Event()
        thread = threading.Thread(target=self._look, args=[ends])
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()

    def _look(self, ends: threading.Event, /) -> None:
        while not ends.wait(LOOK_SECONDS):
            self.done.append(_done())
            # After the look: what it saw was there by then.
            self.at.append(time.perf_counter())
        connection.close()


def _behind(posted: Paced, *, curve: _Curve, before: int) -> list[float]:
    """Return for each request how much later its last event was applied: first in, first out."""
    found = []
    for number, answered in enumerate(posted.at, start=1):
        place = int(np.searchsorted(curve.done, before + number * BATCH))
        found.append(max(0.0, curve.at[min(place, len(curve.at) - 1)] - answered))
    return found


def _wait_until(done: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _done() < done and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def _done() -> int:
    return _number(_DONE)


def _backlog() -> int:
    return _number("SELECT count(*) FROM personalization_inboxevent WHERE quarantined_at IS NULL")


def _number(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def _result(*, full: Stage, half: Stage, held: Stage, naive: Stage) -> Result:
    stages: Mapping[str, Stage] = {
        "at full speed, applied to the last": full,
        "at half of that": half,
        f"{HELD_RATE:,}/s held for {held.seconds:.0f} s": held,
        "peer: a Django view, an ORM call after the other": naive,
    }
    rows: list[Sequence[Cell]] = [
        (
            name,
            stage.rate,
            stage.p99_ms,
            f"{stage.behind_p50:.2f}" if stage.behind_p95 else "",
            f"{stage.behind_p95:.2f}" if stage.behind_p95 else "",
            stage.backlog,
            stage.told_to_wait,
            stage.errors,
            stage.rate / naive.rate,
        )
        for name, stage in stages.items()
    ]
    return Result(
        figures={
            "seed": SEED,
            "batch": BATCH,
            "workers": WORKERS,
            "stages": {
                name: {
                    "events_per_second": round(stage.rate, 1),
                    "p99_ms": round(stage.p99_ms, 1),
                    "behind_p50_s": round(stage.behind_p50, 3),
                    "behind_p95_s": round(stage.behind_p95, 3),
                    "backlog": stage.backlog,
                    "told_to_wait": stage.told_to_wait,
                    "errors": stage.errors,
                }
                for name, stage in stages.items()
            },
        },
        tables=[
            Table(
                (
                    *("events applied", "events/s", "p99 ms of a request", "p50 s behind"),
                    *("p95 s behind", "backlog at the end", "told to wait", "errors", "× peer"),
                ),
                rows,
            )
        ],
        notes=[NOTE],
    )
