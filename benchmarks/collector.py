"""Events a second that the collector accepts over HTTP: 1, 10 and 100 of them a request."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import orjson
from django.db import connection

from benchmarks import posting, receiver
from benchmarks.posting import Posted
from benchmarks.report import Cell, Result, Table, middle, spread
from config.processes import Processes, answers, web
from personalization.models import Source

SIZES = (1, 10, 100)
SECONDS = {"short": 4.0, "full": 15.0}
ROUNDS = 3
CONNECTIONS = 4
KEY = "bench-collector"
NOTE = (
    f"Events of about {{bytes:,}} bytes on {CONNECTIONS} connections; the client and PostgreSQL "
    "share the cores. A core-second is one of the web process alone: what it would do on a core of "
    "its own."
)
_ID = "@@@@@@@@@@"


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Let the sizes take turns; nobody applies the events meanwhile."""
    Source.objects.create(slug="bench", name="Bench", write_key=KEY, kind=Source.Kind.COLLECTOR)
    server, processes = receiver.free_port(), Processes()
    try:
        processes.start("bench-collector", web(server, processes=1))
        url = f"http://{posting.HOST}:{server}/healthz"
        processes.wait_for("bench-collector", partial(answers, url))
        found = _take_turns(server, seconds=SECONDS[scale])
    finally:
        processes.stop()
    return _result(found)


def _take_turns(port: int, *, seconds: float) -> dict[int, list[Posted]]:
    found: dict[int, list[Posted]] = {size: [] for size in SIZES}
    for size in SIZES:
        _post(size, port=port, seconds=1.0)
    for _ in range(ROUNDS):
        for size in SIZES:
            found[size].append(_post(size, port=port, seconds=seconds))
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE personalization_inboxevent")
    return found


def _post(size: int, *, port: int, seconds: float) -> Posted:
    path = f"/v1/batch?writeKey={KEY}"
    return posting.post(path, body=body(size), port=port, seconds=seconds, connections=CONNECTIONS)


def body(size: int) -> Callable[[int], bytes]:
    """Return how to make the n-th batch of so many events as a browser sends them."""
    batch = [_event(f"{_ID}-{number}") for number in range(size)]
    text = orjson.dumps({"batch": batch, "sentAt": "2026-11-23T12:00:01Z"})
    return lambda number: text.replace(_ID.encode(), b"%010d" % number)


def _event(message_id: str) -> dict[str, object]:
    page = {"url": "https://shop.example/boots/17?from=mail", "path": "/boots/17", "title": "Boots"}
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": message_id,
        "anonymousId": "6f1c6a52-3f7c-4c86-a0a3-3f3c5b6e2f10",
        "timestamp": "2026-11-23T12:00:00Z",
        "properties": {
            "product_id": "P-17",
            "name": "Boots",
            "brand": "Alp",
            "category": "Shoes",
            "price": 129.95,
            "currency": "EUR",
            "position": 3,
            "url": page["url"],
        },
        "context": {
            "page": page,
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0 Safari/537.36",
            "locale": "de-DE",
            "timezone": "Europe/Berlin",
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "ip": "203.0.113.7",
        },
    }


def _result(found: dict[int, list[Posted]]) -> Result:
    rows = [_row(size, rounds) for size, rounds in found.items()]
    base = rows[0][1]
    event = len(body(1)(0))
    return Result(
        figures={
            "event_bytes": event,
            "connections": CONNECTIONS,
            "rounds": {str(size): [asdict(each) for each in all_] for size, all_ in found.items()},
        },
        tables=[
            Table(
                (
                    *("events a request", "events/s", "lowest–highest", "requests/s"),
                    *("p50 ms", "p99 ms", "errors", "events per core-second", "× of 1"),
                ),
                [[*row, float(row[1]) / float(base)] for row in rows],
            )
        ],
        notes=[NOTE.format(bytes=event)],
    )


def _row(size: int, rounds: Sequence[Posted]) -> list[Cell]:
    rates = [size * each.requests / each.seconds for each in rounds]
    per_core = [size * each.requests / each.cpu_seconds for each in rounds if each.cpu_seconds]
    return [
        str(size),
        middle(rates),
        spread(rates),
        middle([each.requests / each.seconds for each in rounds]),
        middle([each.p50_ms for each in rounds]),
        middle([each.p99_ms for each in rounds]),
        sum(each.errors + each.told_to_wait for each in rounds),
        middle(per_core) if per_core else 0.0,
    ]
