"""A real dlt pipeline, here and now, writes through the same upserts as files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from django.db import connection
from pytest_django import Settings

from consent.models import DataSubject, Job
from personalization.importing.rows import UnreadableError
from personalization.models import CustomerProfile, Event, Product, ProductChange, Source
from personalization.sources import dlt_destination
from tests.personalization.importing_support import NOON

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

BOOTS = {"product_id": "b", "name": "Boots", "price": 80.5, "currency": "EUR", "stock": 3}
ANNA = {"Nummer": 17, "email": "anna@shop.example", "first_name": "Annabella", "city": "Bonn"}
ORDER = {
    "message_id": "m-1", "type": "track", "event": "Order Completed", "external_id": "17",
    "timestamp": "2026-01-05T10:00:00Z",
    "properties": {"order_id": "o-1", "total": 80.5, "product_id": "b", "price": 80.5},
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    settings.ATTUNE_VAR = tmp_path
    yield tmp_path
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE personalization_event, personalization_eventitem")


def pull(**tables: list[dict[str, Any]]) -> Job:
    source, _ = Source.objects.get_or_create(slug="crm", defaults={"name": "CRM"})
    resources = [dlt.resource(rows, name=name) for name, rows in tables.items()]
    mappings = {"customers": {"Nummer": "external_id"}}
    job = dlt_destination.pull(resources, name="crm", source=source, now=NOON, mappings=mappings)
    job.refresh_from_db()
    return job


def test_products_customers_and_events_are_pulled_and_a_second_pull_changes_nothing() -> None:
    first = pull(products=[BOOTS], customers=[ANNA])
    events = pull(events=[ORDER])
    second = pull(products=[BOOTS], customers=[ANNA], events=[ORDER])

    assert [job.state for job in (first, events, second)] == ["done"] * 3
    assert (first.result["loaded"], events.result["loaded"]) == (2, 1)
    assert (second.result["loaded"], second.result["unchanged"]) == (0, 3)
    assert Product.objects.get().stock == 3
    assert ProductChange.objects.count() == 1
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}
    assert Event.objects.get().profile_id == DataSubject.objects.get().pk


def test_from_a_source_that_is_switched_off_nothing_is_pulled() -> None:
    Source.objects.create(slug="crm", name="CRM", is_active=False)

    with pytest.raises(UnreadableError, match="switched off"):
        pull(products=[BOOTS])

    assert not Product.objects.exists()


def test_a_bad_row_is_an_error_of_the_job_and_its_neighbours_are_taken() -> None:
    job = pull(products=[{**BOOTS, "price": -1}, {**BOOTS, "product_id": "c"}])

    assert job.result["rejected"] == 1
    assert job.errors.get().column == "price"
    assert [product.product_id for product in Product.objects.all()] == ["c"]


def test_nothing_that_was_pulled_stays_on_the_disk(own_folder: Path) -> None:
    pull(customers=[ANNA])

    files = [file for file in own_folder.rglob("*") if file.is_file()]
    assert files
    assert [file.name for file in files if b"Annabella" in file.read_bytes()] == []
    assert (own_folder / "pipelines").stat().st_mode & 0o077 == 0


def test_a_resource_of_another_name_fails_with_the_names_there_are() -> None:
    with pytest.raises(Exception, match="customers, products, events"):
        pull(orders=[{"id": 1}])

    assert Job.objects.get().state == Job.State.FAILED
