"""Files, pulls and programs are heard of a source as its events are: on its page, in its alerts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.models import ApiKey
from personalization.importing import catalogue, run
from personalization.models import Source, SourceDay
from personalization.quality import alerts, report
from tests.personalization.factories import client_of, queries
from tests.personalization.importing_support import YESTERDAY, write_csv, write_json_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA: dict[str, object] = {"external_id": "C-1", "email": "anna@example.com", "country": "DE"}


@pytest.fixture
def crm() -> Source:
    return Source.objects.create(
        slug="crm", name="CRM", stale_after_hours=200, created_at=NOW - timedelta(days=60)
    )


def order(number: int) -> dict[str, object]:
    return {
        "message_id": f"m-{number}", "event": "Order Completed", "external_id": "C-1",
        "timestamp": YESTERDAY, "properties": {"order_id": str(number), "total": 5},
    }  # fmt: skip


def load(kind: str, path: Path) -> None:
    run.run(kind, path=path, source_slug="crm", now=NOW)


def page(client: Client, source: Source) -> str:
    url = reverse("admin:personalization_source_change", args=[source.pk])
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("kind", ["customers", "products", "events"])
def test_a_source_of_files_is_silent_only_when_no_file_comes(
    crm: Source, tmp_path: Path, kind: str
) -> None:
    product: dict[str, object] = {
        "product_id": "b",
        "name": "Boots",
        "price": 80,
        "currency": "EUR",
    }
    given: dict[str, object] = {"customers": ANNA, "products": product, "events": order(1)}[kind]
    assert [each.source_id for each in alerts.alerts(now=NOW)] == [crm.pk]

    load(kind, write_json_lines(tmp_path / "file.jsonl", given))

    assert alerts.alerts(now=NOW) == []
    (late,) = alerts.alerts(now=NOW + timedelta(hours=201))
    assert late.text == "CRM: silent for 8 days"


def test_a_dry_run_is_no_sign_of_life(crm: Source, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "customers.csv", ANNA)

    run.run("customers", path=path, source_slug="crm", now=NOW, is_dry_run=True)

    crm.refresh_from_db()
    assert crm.last_event_at is None


def test_events_of_a_file_are_counted_on_the_day_it_was_loaded(crm: Source, tmp_path: Path) -> None:
    load("events", write_json_lines(tmp_path / "a.jsonl", order(1), order(2)))
    load("events", write_json_lines(tmp_path / "b.jsonl", order(2), order(3), {"event": "x"}))

    counts = SourceDay.objects.filter(source=crm).values_list("day", "outcome", "count")
    assert set(counts) == {(NOW.date(), "stored", 3), (NOW.date(), "repeated", 1)}
    tally = report.of(crm, now=NOW).tally
    assert (tally.arrived, tally.total("stored")) == (4, 3)


def test_the_page_shows_what_files_brought_and_how_full_their_fields_are(
    crm: Source, tmp_path: Path
) -> None:
    bad = {"external_id": "", "email": "none", "country": "DE"}
    load("customers", write_csv(tmp_path / "november.csv", ANNA, bad))

    shown = page(client_of("analyst"), crm)

    assert "Fields it fills" in shown
    assert "attributes.country" in shown
    assert "november.csv" in shown
    assert '<span class="at-chip at-warn">1</span>' in shown
    assert "Waiting for the first event" not in shown


def test_the_page_takes_the_same_queries_for_one_file_and_for_four(
    crm: Source, tmp_path: Path
) -> None:
    client = client_of("analyst")
    url = reverse("admin:personalization_source_change", args=[crm.pk])
    path = write_csv(tmp_path / "customers.csv", ANNA)
    load("customers", path)
    queries(client, url)
    before = queries(client, url)
    for _ in range(3):
        load("customers", path)

    assert queries(client, url) == before


def test_a_program_that_puts_customers_is_heard(crm: Source) -> None:
    put = catalogue.put_customers(
        [{"external_id": "C-1"}], source=crm, now=NOW, evidence={"caller": ApiKey().pk}
    )

    assert [item.status for item in put.items] == ["created"]
    crm.refresh_from_db()
    assert crm.last_event_at == NOW


def test_who_was_heard_a_moment_ago_is_not_written_again(crm: Source) -> None:
    Source.objects.heard(crm.pk, at=NOW)
    Source.objects.heard(crm.pk, at=NOW + timedelta(seconds=59))
    Source.objects.heard(crm.pk, at=NOW - timedelta(days=1))

    crm.refresh_from_db()
    assert crm.last_event_at == NOW


def test_the_page_says_why_events_could_not_be_read_after_they_were_discarded(crm: Source) -> None:
    now = timezone.now()
    counted = {(now.date(), "quarantined", "event: is missing"): 7}
    SourceDay.objects.add(counted, source_id=crm.pk)
    Source.objects.heard(crm.pk, at=now)

    shown = page(client_of("analyst"), crm)

    assert "Nothing any more." in shown
    assert "Could not be read, in 30 days" in shown
    assert "Event: is missing" in shown
