"""Fixtures of the whole suite: the servers are real, only the database's name is a test's."""

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_django
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase

from config.celery import app as celery_app
from consent.models import DataSubject
from consent.roles import sync_roles
from personalization.recommendations import shelf
from tests import tables

pytest_plugins = ["tests.requirements", "tests.browser", "tests.parallel"]
# Tasks that a page enqueues go to the broker of this run.
celery_app.set_default()
# A shell that runs the tests in the background ignores Ctrl-C, and so would every child of ours.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Let each worker and each run beside another have its own database; no test cuts the power."""
    options = settings.DATABASES["default"].setdefault("OPTIONS", {})
    options["options"] = f"{options.get('options', '')} -c synchronous_commit=off"
    name = os.environ.get("ATTUNE_TEST_DB")
    if name:
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name
    # The worker's number comes after the name.
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """Add the roles to what migrations made, and let every test begin with just that."""
    with pytest.MonkeyPatch.context() as patch:
        with django_db_blocker.unblock():
            sync_roles()
            _let_ledgers_be_emptied()
            tables.keep()
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: tables.restore())
        # Else Django would save its own copy of these rows before each test that commits.
        patch.delattr(connection, "_test_serialized_contents", raising=False)
        yield


def _let_ledgers_be_emptied() -> None:
    """Let the tables be emptied after a test that commits: the ledger refuses it elsewhere."""
    with connection.cursor() as cursor:
        for table in ("consent_consentrecord", "consent_auditentry"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_whole")


@pytest.fixture
def roles(db: None) -> None:
    """The five roles: every test database has them."""


@pytest.fixture(scope="session", autouse=True)
def _models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let this worker unpack models where no other one and no earlier run did."""
    folder = tmp_path_factory.mktemp("models")
    settings.ATTUNE_MODELS = folder
    return folder


@pytest.fixture(scope="session", autouse=True)
def _unhurried() -> None:
    """Let no decision fall back because the machine is busy: who tests that sets a time."""
    settings.ATTUNE_DECIDE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _same_people(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test the same pseudonyms in every run: arms, buckets and trials follow from them."""
    chance = random.Random(request.node.nodeid)

    def drawn() -> UUID:
        return UUID(int=chance.getrandbits(128), version=4)

    monkeypatch.setattr("consent.identify.store.uuid4", drawn)
    monkeypatch.setattr(DataSubject._meta.get_field("pseudonym"), "_get_default", drawn)


@pytest.fixture(autouse=True)
def _clean_cache(_models: Path) -> Iterator[None]:
    """Each test numbers its models from 1: none may serve what another one trained."""
    yield
    cache.clear()
    if any(_models.iterdir()):
        shelf.forget()
        shutil.rmtree(_models)
        _models.mkdir()
