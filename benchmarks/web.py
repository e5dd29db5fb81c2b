"""Requests a second of the web process, under granian and under gunicorn."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from benchmarks import load, receiver, shop
from benchmarks.load import Answered
from benchmarks.report import Cell, Result, Table, middle, spread
from campaigns.delivery.base import get_backend
from campaigns.models import Campaign, Send
from campaigns.sending import lifecycle, run
from campaigns.tracking import urls
from config.processes import Processes, answers, web
from consent import jobs

PEOPLE = 400
SECONDS = {"short": 3.0, "full": 10.0}
ROUNDS = 3
CONNECTIONS = 8
THREADS = "3"
PATIENCE_SECONDS = 60.0


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Let the servers take turns on each page."""
    now = timezone.now()
    campaign, _ = shop.open_shop(people or PEOPLE, now=now)
    with receiver.sink(port):
        _send(campaign)
    servers = {name: receiver.free_port() for name in _commands(0)}
    processes = Processes()
    try:
        for name, server_port in servers.items():
            processes.start(f"bench-{name}", _commands(server_port)[name])
        for name, server_port in servers.items():
            processes.wait_for(
                f"bench-{name}", partial(answers, f"http://127.0.0.1:{server_port}/healthz")
            )
        found = {
            page: _take_turns(paths, servers=servers, seconds=SECONDS[scale])
            for page, paths in _pages(campaign).items()
        }
    finally:
        processes.stop()
    return _result(found)


def _commands(port: int) -> Mapping[str, list[str]]:
    """As many processes and threads each; granian exactly as `make serve` starts it."""
    commands = {"granian": web(port, processes=1)}
    if find_spec("gunicorn"):
        gunicorn = [
            str(Path(sys.executable).with_name("gunicorn")),
            *("--bind", f"127.0.0.1:{port}", "--workers", "1", "--log-level", "warning"),
        ]
        application = "config.wsgi:application"
        commands["gunicorn-gthread"] = [*gunicorn, "--threads", THREADS, application]
        commands["gunicorn-sync"] = [*gunicorn, application]
    return commands


def _pages(campaign: Campaign) -> Mapping[str, Sequence[str]]:
    """Nothing but Django's own way; a look-up with three rows written; a rendered template."""
    sent = Send.objects.filter(campaign=campaign, state=Send.State.SENT)
    pixels = [urls.addresses().pixel(send.pk).removeprefix(settings.PUBLIC_URL) for send in sent]
    return {"/healthz": ["/healthz"], "/o/TOKEN.gif": pixels, "/admin/login/": ["/admin/login/"]}


def _send(campaign: Campaign) -> None:
    lifecycle.launch(campaign, now=timezone.now())
    with jobs.run(jobs.create("bench_send")) as progress:
        run.here(
            campaign,
            backend=get_backend(settings.EMAIL_URL),
            clock=timezone.now,
            patience_seconds=PATIENCE_SECONDS,
            progress=progress,
        )


def _take_turns(
    paths: Sequence[str], *, servers: Mapping[str, int], seconds: float
) -> dict[str, list[Answered]]:
    found: dict[str, list[Answered]] = {name: [] for name in servers}
    for port in servers.values():
        load.ask(paths, port=port, seconds=1.0, connections=CONNECTIONS)
    for _ in range(ROUNDS):
        for name, port in servers.items():
            found[name].append(load.ask(paths, port=port, seconds=seconds, connections=CONNECTIONS))
            time.sleep(0.2)
    return found


def _result(found: Mapping[str, Mapping[str, Sequence[Answered]]]) -> Result:
    rows: list[Sequence[Cell]] = []
    for page, servers in found.items():
        base = middle([each.per_second for each in servers["granian"]])
        for name, rounds in servers.items():
            rate = middle([each.per_second for each in rounds])
            rows.append(
                (
                    f"{page}, {name}",
                    rate,
                    spread([each.per_second for each in rounds]),
                    middle([each.p50_ms for each in rounds]),
                    middle([each.p99_ms for each in rounds]),
                    sum(each.errors for each in rounds),
                    rate / base,
                )
            )
    threads = f"{CONNECTIONS} connections by {load.tool()}, one process of {THREADS} threads each"
    notes = [f"{threads} (sync: one), medians of {ROUNDS} rounds taken in turns."]
    if not find_spec("gunicorn"):
        notes.append("Without gunicorn, which is missing here: `pip install 'attune[bench]'`.")
    return Result(
        figures={
            "tool": load.tool(),
            "seed": shop.SEED,
            "rounds": {
                page: {name: [asdict(each) for each in rounds] for name, rounds in servers.items()}
                for page, servers in found.items()
            },
        },
        tables=[
            Table(
                (
                    "page, server",
                    "requests/s",
                    "lowest–highest",
                    "p50 ms",
                    "p99 ms",
                    "errors",
                    "× granian",
                ),
                rows,
            )
        ],
        notes=notes,
    )
