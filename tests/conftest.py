"""Fixtures of the whole suite: the servers are real, only the database's name is a test's."""

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache

from config.celery import app as celery_app
from consent.roles import sync_roles

pytest_plugins = ["tests.requirements", "tests.browser"]
# Tasks that a page enqueues go to the broker of this run.
celery_app.set_default()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Let a second run beside the first use a database of its own."""
    name = os.environ.get("ATTUNE_TEST_DB")
    if name:
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name


@pytest.fixture
def roles(db: None) -> None:
    sync_roles()


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    yield
    cache.clear()
