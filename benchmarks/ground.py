"""A database and a broker of the benchmarks' own, on the servers Attune uses anyway."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import django
import redis
from django.conf import settings
from django.db import connection, connections

from config import boot
from config.celery import app as celery_app

PREFIX = "attune_bench"
# Who works in a numbered Redis database, so that another run keeps out of it.
MARK = "attune-bench-owner"
REDIS_DATABASES = range(15, 0, -1)


class NoGround(Exception):
    """The benchmarks have no place to run; says what to change."""


@contextmanager
def laid(database: str, *, mail_port: int) -> Iterator[None]:
    """Point this process and its children at a place of their own, before settings are read.

    Mail goes to `mail_port`, and no weekly limit holds anybody back: people are mailed again
    in each round.
    """
    if not database.startswith(PREFIX):
        raise NoGround(f"the database is dropped at the end: its name has to begin with {PREFIX}")
    boot.prepare()
    broker = _free_broker(os.environ["REDIS_URL"])
    os.environ |= {
        "DATABASE_URL": _named(os.environ["DATABASE_URL"], database),
        "REDIS_URL": broker,
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}?timeout=10",
        "ATTUNE_DEMO": "1",
        "ATTUNE_WEEKLY_LIMIT": "10000",
        "LOG_LEVEL": "WARNING",
    }
    django.setup()
    celery_app.set_default()
    try:
        yield
    finally:
        with redis.Redis.from_url(broker) as client:
            client.flushdb()


@contextmanager
def fresh_database() -> Iterator[None]:
    """An empty, migrated database for one benchmark; what a killed run left is replaced."""
    name = str(settings.DATABASES["default"]["NAME"])
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(name, verbosity=0)


def _named(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    address, mark, options = url.partition("?")
    return f"{address.rpartition('/')[0]}/{database}{mark}{options}"


def _free_broker(url: str) -> str:
    for number in REDIS_DATABASES:
        numbered = _numbered(url, number)
        with redis.Redis.from_url(numbered, decode_responses=True) as client:
            if _claim(client):
                return numbered
    raise NoGround(
        "no database of the Redis server is empty: set REDIS_URL to a server with a free one"
    )


def _claim(client: "redis.Redis") -> bool:
    """Take an empty database; one whose owner died on this machine is emptied first."""
    host, _, owner = str(client.get(MARK) or "").partition(" ")
    if host == socket.gethostname() and not _is_alive(int(owner)):
        client.flushdb()
    if client.dbsize():
        return False
    return bool(client.set(MARK, f"{socket.gethostname()} {os.getpid()}", nx=True))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _numbered(url: str, number: int) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"{url.partition('?')[0]}?db={number}"
    options = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{number}{options}"
