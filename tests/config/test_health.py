"""Ready or not: each check really fails once, and no answer tells where the servers are."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from config import figures
from config.embedded.layout import PROJECT
from tests.config.relay import Relay, Target, relayed, target_of
from tests.config.users import environment

PROGRAM = """
import json, sys
import django
django.setup()
from django.test import Client
client = Client()
for path in sys.stdin:
    response = client.get(path.strip())
    print(json.dumps([response.status_code, response.content.decode()]), flush=True)
"""
PASSWORD = "hunter2-should-never-be-shown"


class Web:
    """A web process of its own, whose servers can be taken away."""

    def __init__(self, *, database: Relay, broker: Relay, folder: str) -> None:
        given = connection.settings_dict
        password = quote(given["PASSWORD"] or PASSWORD)
        self.secrets = (password, "127.0.0.1")
        self.ports = (str(database.port), str(broker.port))
        number = settings.REDIS_URL.rpartition("db=")[2] if "db=" in settings.REDIS_URL else "0"
        urls = {
            "DATABASE_URL": f"postgres://{given['USER']}:{password}@127.0.0.1:{database.port}"
            f"/{given['NAME']}",
            "REDIS_URL": f"redis://127.0.0.1:{broker.port}/{number}",
            "ATTUNE_DEMO": "1",
            "ATTUNE_VAR": folder,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=PROJECT,
            env={**environment(PROJECT / "var"), **urls},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def get(self, path: str) -> tuple[int, str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(path, file=self.process.stdin, flush=True)
        status, body = json.loads(self.process.stdout.readline())
        assert not [secret for secret in self.secrets if secret in body]
        return status, body

    def readiness(self) -> tuple[int, Any]:
        status, body = self.get("/readyz")
        assert not [port for port in self.ports if port in body]
        return status, json.loads(body)


def _database() -> Target:
    given = connection.settings_dict
    host, port = given["HOST"] or "localhost", int(given["PORT"] or 5432)
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


@contextmanager
def _serving(folder: str) -> Iterator[tuple[Web, Relay, Relay]]:
    with ExitStack() as stack:
        database = stack.enter_context(relayed(_database()))
        broker = stack.enter_context(relayed(target_of(settings.REDIS_URL)))
        web = Web(database=database, broker=broker, folder=folder)
        stack.callback(web.process.wait)
        stack.callback(web.process.kill)
        yield web, database, broker


@pytest.mark.django_db
def test_readiness_follows_the_servers_as_they_stop(tmp_path_factory: Any) -> None:
    with _serving(str(tmp_path_factory.mktemp("var"))) as (web, database, broker):
        assert web.readiness() == (200, {"database": "ok", "broker": "ok", "migrations": "ok"})

        broker.stop()
        status, body = web.readiness()
        assert status == 503
        assert body == {
            "database": "ok",
            "broker": "no answer from the server of REDIS_URL",
            "migrations": "ok",
        }

        database.stop()
        status, body = web.readiness()
        assert status == 503
        assert body == {
            "database": "no answer from the server of DATABASE_URL",
            "broker": "no answer from the server of REDIS_URL",
            "migrations": "unknown: no database",
        }
        # Alive all the same: a restart would not bring the servers back.
        assert web.get("/healthz") == (200, '{"status": "ok"}')
        assert web.get("/metrics")[0] == 200


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["0001_initial", "newest"])
def test_a_missing_migration_is_named(client: Client, name: str) -> None:
    assert client.get("/readyz").status_code == 200

    with connection.cursor() as cursor:
        if name == "newest":
            cursor.execute(
                "SELECT name FROM django_migrations WHERE app = 'consent' ORDER BY name DESC"
            )
            name = cursor.fetchone()[0]
        cursor.execute("DELETE FROM django_migrations WHERE app = 'consent' AND name = %s", [name])
    response = client.get("/readyz")

    assert response.status_code == 503
    problems = response.json()
    assert problems["migrations"].endswith(f"first consent.{name}: run manage.py migrate")
    assert (problems["database"], problems["broker"]) == ("ok", "ok")


@pytest.mark.django_db
def test_alive_asks_nobody(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


COUNT = "from prometheus_client import Counter; Counter('attune_test', 'Made up').inc(int({count}))"


def test_metrics_are_those_of_all_processes_together(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(figures.VARIABLE, str(tmp_path))
    for count in (2, 3):
        subprocess.run([sys.executable, "-c", COUNT.format(count=count)], check=True)

    text = client.get("/metrics").content.decode()

    assert "\nattune_test_total 5.0\n" in text
    assert "\n# TYPE process_resident_memory_bytes gauge\n" in text


def test_processes_that_are_alive_are_added_up(tmp_path: Path) -> None:
    for pid in (os.getpid(), os.getppid(), 2**22 + 1):
        (tmp_path / f"counter_{pid}.db").touch()

    together = figures.processes(tmp_path)
    (tmp_path / f"counter_{os.getppid()}.db").unlink()
    alone = figures.processes(tmp_path)

    assert together["resident_memory_bytes"] > alone["resident_memory_bytes"] > 1_000_000
    assert together["open_fds"] > alone["open_fds"] > 0


def test_what_ended_parents_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(figures.VARIABLE, raising=False)
    monkeypatch.setattr(figures, "var_folder", lambda: tmp_path)
    left = tmp_path / "figures" / str(2**22 + 1)
    left.mkdir(parents=True)
    (left / "counter_1.db").touch()

    figures.share()
    given = os.environ.pop(figures.VARIABLE)

    assert Path(given) == tmp_path / "figures" / str(os.getppid())
    assert Path(given).is_dir()
    assert not left.exists()


@pytest.mark.django_db
def test_metrics_are_prometheus_text_without_a_secret(client: Client) -> None:
    response = client.get("/metrics")

    text = response.content.decode()
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    assert "\n# TYPE process_resident_memory_bytes gauge\n" in text
    for name in ("SECRET_KEY", "ATTUNE_ENCRYPTION_KEYS", "ATTUNE_TOKEN_KEY"):
        assert getattr(settings, name) not in text
