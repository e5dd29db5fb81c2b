"""Answers for operators: alive, ready (and if not, what is missing), and figures."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config import figures

# What the checks before this one found.
Problems = Mapping[str, str]


def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers; it looks at nothing else."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether a request could be served, check by check; 503 when one of them fails."""
    problems: dict[str, str] = {}
    for name, check in CHECKS.items():
        problems[name] = check(problems)
    status = 503 if any(problems.values()) else 200
    body = {name: problem or "ok" for name, problem in problems.items()}
    return JsonResponse(body, status=status)


def metrics(request: HttpRequest) -> HttpResponse:
    """Give the figures of all processes at this address in the text form of Prometheus."""
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    folder = figures.shared()
    if folder is None:
        return REGISTRY
    registry = CollectorRegistry()
    _counted(registry, path=str(folder))
    registry.register(_Processes(folder))
    return registry


# The package does not say its types here.
_counted: Callable[..., Collector] = MultiProcessCollector


class _Processes(Collector):
    """What Prometheus calls the processes' memory, processor time and open files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        found = figures.processes(self._folder)
        for name, kind in _PROCESS_FIGURES.items():
            yield kind(f"process_{name}", "All web processes together.", value=found[name])


_PROCESS_FIGURES = {
    "resident_memory_bytes": GaugeMetricFamily,
    "cpu_seconds": CounterMetricFamily,
    "open_fds": GaugeMetricFamily,
}


def database_problem(_: Problems) -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "no answer from the server of DATABASE_URL"
    return ""


def broker_problem(_: Problems) -> str:
    # One try: whoever asks for readiness asks again soon.
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2, retry=None
    )
    try:
        client.ping()
    except redis.RedisError:
        return "no answer from the server of REDIS_URL"
    finally:
        client.close()
    return ""


def migration_problem(before: Problems) -> str:
    if before["database"]:
        return "unknown: no database"
    try:
        loader = MigrationExecutor(connection).loader
    except Error:
        return "unknown: no database"
    # All of them, and not only the newest of each app: an older one may be the one that lacks.
    graph = loader.graph
    plan = dict.fromkeys(key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf))
    missing = [".".join(key) for key in plan if key not in loader.applied_migrations]
    if missing:
        return f"{len(missing)} missing, first {missing[0]}: run manage.py migrate"
    return ""


CHECKS: dict[str, Callable[[Problems], str]] = {
    "database": database_problem,
    "broker": broker_problem,
    "migrations": migration_problem,
}
