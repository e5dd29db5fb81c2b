"""Answers a second of the send-time API over HTTP, each for another person, with real tokens."""

import http.client
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from urllib.parse import urlencode

import orjson
from django.utils import timezone

from benchmarks import pacing, receiver, shop
from benchmarks.pacing import HOST, Paced
from benchmarks.peers import plain_web
from benchmarks.report import Cell, Result, Table
from campaigns.models import Campaign, CampaignSlot
from config.processes import Processes, answers, web
from consent import oauth
from personalization.models import SendTimeSlot

PEOPLE = {"short": 3_000, "full": 12_000}
SECONDS = {"short": 12.0, "full": 60.0}
RATE = 200.0
# Faster than anything answers: what comes back is the capacity.
FLAT_OUT = 1_000_000.0
BATCH = 100
# Enough that each web process gets some: the system deals them out by chance.
CALLERS = 8
PRODUCTS = 4
NOTE = (
    "Open loop: a wait counts from the moment the request was due, each request is for another "
    "person. Cold: the first time a message asks; warm: the same message again. Fallbacks and all "
    "but 200 count as failures. The client and PostgreSQL share the cores with the web processes."
)


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Ask one by one, then flat out, then in batches; the peer last."""
    count, seconds = people or PEOPLE[scale], SECONDS[scale]
    campaign, _ = shop.open_shop(count, now=timezone.now())
    _slot(campaign)
    client = oauth.make("Bench", scopes=["decide"], actor=None, source=shop.SOURCE)
    ours, plain = receiver.free_port(), receiver.free_port()
    processes = Processes()
    try:
        processes.start("bench-api", web(ours))
        peer = plain_web(plain, application="benchmarks.naive_page_wsgi:application")
        processes.start("bench-api-plain", peer)
        for name, server in (("bench-api", ours), ("bench-api-plain", plain)):
            processes.wait_for(name, partial(answers, f"http://{HOST}:{server}/healthz"))
        token = _token(ours, client=client)
        found = _one_by_one(ours, token=token, people=count, seconds=seconds)
        batches = _batches(ours, token=token, people=count)
        found["plain Django"] = _get(
            "/{}", port=plain, people=count, seconds=_flat(count), rate=FLAT_OUT
        )
    finally:
        processes.stop()
    return _result(found, batches=batches)


def _slot(campaign: Campaign) -> None:
    """The demo's ruleset, as a slot with products."""
    ruleset = CampaignSlot.objects.filter(campaign=campaign).select_related("ruleset")[0].ruleset
    SendTimeSlot.objects.create(
        slug="hero", name="Hero", ruleset=ruleset, recommendation_count=PRODUCTS
    )


def _token(port: int, *, client: oauth.Made) -> str:
    """Fetch a token as a program does."""
    named = b64encode(f"{client.row.client_id}:{client.secret}".encode()).decode()
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    form = urlencode({"grant_type": "client_credentials"})
    headers = {
        "Authorization": f"Basic {named}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/oauth/token/", form, headers)
    token: str = json.load(connection.getresponse())["access_token"]
    connection.close()
    return token


def _one_by_one(port: int, *, token: str, people: int, seconds: float) -> dict[str, Paced]:
    ask = partial(_get, port=port, people=people, token=token)
    path = "/api/v1/personalize/hero?external_id={}&message=%s"
    return {
        f"cold, {RATE:.0f}/s": ask(path % "paced", seconds=seconds, rate=RATE),
        f"warm, {RATE:.0f}/s": ask(path % "paced", seconds=seconds, rate=RATE),
        "cold, flat out": ask(path % "flat", seconds=_flat(people), rate=FLAT_OUT),
        "warm, flat out": ask(path % "flat", seconds=_flat(people), rate=FLAT_OUT),
    }


def _flat(people: int) -> float:
    return people / FLAT_OUT


def _get(
    path: str, *, port: int, people: int, seconds: float, rate: float, token: str = ""
) -> Paced:
    """Ask for one person after the other."""

    def request(number: int) -> bytes:
        target = path.format(shop.external_id(number % people))
        return (
            f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()

    return pacing.ask(request, port=port, seconds=seconds, rate=rate)


def _batches(port: int, *, token: str, people: int) -> Paced:
    """Ask for everybody, a hundred in a call, several calls at once."""

    def request(number: int) -> bytes:
        first = number * BATCH
        recipients = [{"external_id": shop.external_id(first + one)} for one in range(BATCH)]
        raw = orjson.dumps({"recipients": recipients, "slots": ["hero"], "message": "batch"})
        head = (
            f"POST /api/v1/personalize/ HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        return head.encode() + raw

    calls = people // BATCH
    return pacing.ask(
        request, port=port, seconds=calls / FLAT_OUT, rate=FLAT_OUT, connections=CALLERS
    )


def _result(found: Mapping[str, Paced], *, batches: Paced) -> Result:
    base = _rate(found["plain Django"])
    rows: list[Sequence[Cell]] = [
        (name, each.requests, _rate(each), each.p50_ms, each.p99_ms, each.errors,
         _rate(each) / base)
        for name, each in found.items()
    ]  # fmt: skip
    per_second = BATCH * _rate(batches)
    rows.append(
        (f"batches of {BATCH}, decisions", BATCH * batches.requests, per_second, batches.p50_ms,
         batches.p99_ms, batches.errors, per_second / base)
    )  # fmt: skip
    told = {**found, "batches": batches}
    return Result(
        figures={
            "seed": shop.SEED,
            "parts": {name: asdict(replace(each, at=[])) for name, each in told.items()},
        },
        tables=[
            Table(
                ("asked", "answers", "answers/s", "p50 ms", "p99 ms", "failures", "× plain"), rows
            )
        ],
        notes=[NOTE],
    )


def _rate(paced: Paced) -> float:
    return paced.requests / paced.seconds
