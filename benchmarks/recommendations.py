"""Milliseconds to recommend for one person, and how long a million people take in chunks."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from django.utils import timezone

from benchmarks import shop
from benchmarks.report import Result, Table
from consent import gate
from consent.models import DataSubject
from personalization.conditions.tree import NOTHING
from personalization.profiles import catalogue, load
from personalization.profiles.loaded import LoadedProfile
from personalization.recommendations import shelf
from personalization.recommendations.offer import Wish, offers_for
from personalization.recommendations.shelf import Shelf

PEOPLE = {"short": 2_000, "full": 20_000}
PURPOSE = "email_marketing"
CHUNK = 500
COUNT = 4
ROUNDS = 3
STRATEGIES = (
    *("because_you_bought", "because_you_viewed", "goes_with", "buy_again", "you_looked_at"),
    *("trending", "popular_here", "popular", "vmis"),
)
LIMITS = {"price_to": 20, "per_brand": 1, "exclude_bought_days": 60}


def measure(*, scale: str, port: int, people: int | None) -> Result:
    """Time every strategy alone and in chunks, the look-up of the products included."""
    now = timezone.now()
    shop.open_shop(people or PEOPLE[scale], now=now)
    stock = shelf.live(now=now)
    ids = list(DataSubject.objects.order_by("pk").values_list("pk", flat=True))
    started = time.perf_counter()
    profiles = _load(ids)
    loading = time.perf_counter() - started
    rows, figures = [], {}
    for strategy in STRATEGIES:
        single = _single(profiles, Wish(strategy), stock=stock)
        chunked = _chunked(profiles, Wish(strategy), stock=stock)
        figures[strategy] = _figures(single, chunked)
        rows.append(_row(strategy, figures[strategy]))
    limited = Wish("because_you_bought", LIMITS)
    figures["limited"] = _figures(
        _single(profiles, limited, stock=stock), _chunked(profiles, limited, stock=stock)
    )
    rows.append(_row("because_you_bought with three limits", figures["limited"]))
    per_person = loading / max(len(profiles), 1)
    million = 1e6 * (per_person + figures["because_you_bought"]["chunk_ms"] / 1000)
    head = ("strategy", "p50 ms", "p99 ms", "CPU ms", "in chunks, ms", "a million, min")
    return Result(
        figures={
            "people": len(profiles),
            "products": len(stock.model.product_ids),
            "loading_ms": round(1000 * per_person, 3),
            "million_with_loading_minutes": round(million / 60, 1),
            "strategies": figures,
        },
        tables=[Table(head, rows)],
        notes=[_method(len(profiles)), _million(per_person, million)],
    )


def _method(people: int) -> str:
    return (
        f"{COUNT} products with reasons for each of {people:,} people, one at a time with a query"
        f" of its own, and in chunks of {CHUNK}. CPU: of this process, one at a time. VMIS needs"
        " visits; this shop's are two weeks of views."
    )


def _million(per_person: float, seconds: float) -> str:
    return (
        f"Loading profiles takes {1000 * per_person:.2f} ms a person more. A million people, loaded"
        f" and recommended for in chunks: {seconds / 60:.0f} minutes of one core."
    )


def _load(ids: Sequence[int]) -> list[LoadedProfile]:
    now, fields = timezone.now(), catalogue.load()
    found: list[LoadedProfile] = []
    for start in range(0, len(ids), CHUNK):
        permissions = gate.permissions(ids[start : start + CHUNK], purpose=PURPOSE, at=now)
        found += load.profiles(permissions, needs=NOTHING, catalogue=fields, now=now)
    return found


def _single(
    profiles: Sequence[LoadedProfile], wish: Wish, *, stock: Shelf
) -> tuple[list[float], float]:
    """Return the milliseconds of each person, and the mean of this process's own time."""
    times = []
    own = time.process_time()
    for profile in profiles:
        started = time.perf_counter()
        # A wish of one's own each time, as a request brings it.
        offers_for([(profile, replace(wish))], shelf=stock, count=COUNT)
        times.append(1000 * (time.perf_counter() - started))
    return times, 1000 * (time.process_time() - own) / len(profiles)


def _chunked(profiles: Sequence[LoadedProfile], wish: Wish, *, stock: Shelf) -> float:
    """Return the milliseconds a person, the best round of a few."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for start in range(0, len(profiles), CHUNK):
            part = [(profile, wish) for profile in profiles[start : start + CHUNK]]
            offers_for(part, shelf=stock, count=COUNT)
        rounds.append(time.perf_counter() - started)
    return 1000 * min(rounds) / len(profiles)


def _figures(single: tuple[list[float], float], chunk_ms: float) -> dict[str, float]:
    times, cpu = single
    return {
        "p50_ms": round(float(np.percentile(times, 50)), 3),
        "p99_ms": round(float(np.percentile(times, 99)), 3),
        "cpu_ms": round(cpu, 3),
        "chunk_ms": round(chunk_ms, 3),
        "million_minutes": round(chunk_ms * 1e6 / 60_000, 1),
    }


def _row(name: str, figures: dict[str, float]) -> tuple[str, ...]:
    return (name, *(f"{value:.2f}" for value in list(figures.values())[:4]),
            f"{figures['million_minutes']:.1f}")  # fmt: skip
