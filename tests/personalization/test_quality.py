"""How good the incoming data is: counts, lag, fields, drift, alerts; the queries stay few."""

from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from personalization.models import (
    CustomerProfile,
    InboxEvent,
    SeenProperty,
    Source,
    SourceDay,
    WebhookDelivery,
)
from personalization.quality import alerts, drift, fields, report, tallies
from personalization.quality.drift import Property
from tests.campaigns.factories import people

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def source(slug: str = "web", **given: Any) -> Source:
    defaults = {"kind": "collector", "created_at": NOW - 60 * DAY}
    return Source.objects.create(slug=slug, name=slug.title(), **{**defaults, **given})


def counted(of: Source, outcome: str, count: int, *, detail: str = "", back: int = 0) -> None:
    day = (NOW - back * DAY).date()
    SourceDay.objects.create(source=of, day=day, outcome=outcome, detail=detail, count=count)


def seen(name: str = "price", *, event: str = "Viewed", **given: Any) -> Property:
    usual: dict[str, Any] = {
        "type": "number",
        "count": 1,
        "first_seen_at": NOW - 40 * DAY,
        "last_seen_at": NOW,
    }
    return Property(event, name, **{**usual, **given})


@pytest.mark.django_db
def test_days_are_complete_and_tell_what_became_of_events() -> None:
    web, other = source(), source("other")
    counted(web, "accepted", 10)
    counted(web, "stored", 6)
    counted(web, "repeated", 1)
    counted(web, "refused", 2, detail="profiling")
    counted(web, "quarantined", 1, detail="no name")
    counted(web, "stored", 5, back=3)
    counted(web, "stored", 99, back=4)
    counted(other, "stored", 7)

    found = tallies.of([web.pk, other.pk], days=4, now=NOW)

    tally = found[web.pk]
    assert [day.arrived for day in tally.days] == [5, 0, 0, 10]
    assert [day.day.day for day in tally.days] == [20, 21, 22, 23]
    today = tally.days[-1]
    assert (today.stored, today.repeated, today.refused, today.quarantined) == (6, 1, 2, 1)
    assert (tally.arrived, tally.total("stored")) == (15, 11)
    assert (dict(tally.refused), dict(tally.quarantined)) == ({"profiling": 2}, {"no name": 1})
    assert found[other.pk].arrived == 7


@pytest.mark.django_db
def test_lag_is_read_from_its_buckets_and_the_last_has_no_end() -> None:
    web = source()
    for detail, count in (("60", 10), ("1", 80), ("5", 6), ("more", 4)):
        counted(web, "lag", count, detail=detail)

    tally = tallies.of([web.pk], days=7, now=NOW)[web.pk]

    assert [lag.upto_seconds for lag in tally.lags] == [1, 5, 60, inf]
    assert [tally.lag_of(share) for share in (0.5, 0.8, 0.81, 0.96, 0.97)] == [1, 1, 5, 60, inf]
    assert tally.arrived == 0


def test_a_source_without_counts_has_no_lag() -> None:
    assert tallies.Tally().lag_of(0.95) is None


@pytest.mark.django_db
def test_fields_tell_how_many_customers_have_them_and_how_old_they_are() -> None:
    given = [
        {"attributes.country": 400, "attributes.city": 10},
        {"attributes.country": 20},
        {"attributes.country": 5},
    ]
    for subject, ages in zip(people(3), given, strict=True):
        origins = {
            path: {"source": "web", "at": (NOW - age * DAY).isoformat()}
            for path, age in ages.items()
        }
        origins["attributes.language"] = {"source": "other", "at": NOW.isoformat()}
        CustomerProfile.objects.filter(pk=subject.pk).update(origins=origins)

    found = fields.of("web", now=NOW)

    country, city = found.filled
    assert (found.people, found.is_sample) == (3, False)
    assert (country.path, country.count, country.missing_count, country.stale_count) == (
        "attributes.country", 3, 0, 1,
    )  # fmt: skip
    assert country.oldest == NOW - 400 * DAY
    assert (city.count, round(city.share), city.is_thin) == (1, 33, True)
    assert country.label == "Country"


@pytest.mark.django_db
def test_a_sealed_value_is_called_by_its_name() -> None:
    (anna,) = people(1)
    origins = {"personal.first_name": {"source": "web", "at": NOW.isoformat()}}
    CustomerProfile.objects.filter(pk=anna.pk).update(origins=origins)

    (found,) = fields.of("web", now=NOW).filled

    assert (found.path, found.label) == ("personal.first_name", "First name")


@pytest.mark.django_db
def test_a_source_that_says_nothing_of_people_fills_no_field() -> None:
    assert fields.of("web", now=NOW).filled == []


def test_a_property_first_seen_this_week_is_new_unless_the_source_is() -> None:
    young = seen("colour", first_seen_at=NOW - 2 * DAY)

    assert drift.compare([seen(), young], now=NOW).new == [young]
    assert drift.compare([young], now=NOW).new == []


def test_a_property_that_changed_its_type_says_from_what_to_what() -> None:
    later = seen(type="text", first_seen_at=NOW - 3 * DAY)

    found = drift.compare([later, seen()], now=NOW)

    (change,) = found.changed
    assert (change.name, change.before, change.after) == ("price", "number", "text")
    assert change.since == NOW - 3 * DAY
    assert found.new == []


def test_a_value_that_is_empty_now_and_then_has_not_changed() -> None:
    assert drift.compare([seen(), seen(type="empty")], now=NOW).changed == []


def test_a_property_is_quiet_when_its_event_goes_on_without_it() -> None:
    gone = seen("colour", last_seen_at=NOW - 8 * DAY)
    alone = seen("size", event="Other", last_seen_at=NOW - 30 * DAY)

    assert drift.compare([seen(), gone, alone], now=NOW).quiet == [gone]


def test_two_spellings_of_one_event_are_found() -> None:
    names = ["Signed Up", "signed_up", "SignedUp", "Signed In", "Zurück", "zurück"]

    assert drift.spellings(names) == [
        ["Signed Up", "SignedUp", "signed_up"],
        ["Zurück", "zurück"],
    ]


@pytest.mark.django_db
def test_what_nobody_registered_is_reported() -> None:
    web = source()
    times = {"first_seen_at": NOW, "last_seen_at": NOW, "count": 3}
    SeenProperty.objects.create(source=web, event="", name="shoe", type="text", **times)
    SeenProperty.objects.create(
        source=web, event="", name="hat", type="text", is_kept=False, **times
    )
    SeenProperty.objects.create(source=source("b"), name="x", type="text", is_kept=False, **times)

    found = drift.of(web.pk, now=NOW)

    assert [each.name for each in found.unregistered] == ["hat"]
    assert found.seen == 2


@pytest.mark.parametrize(
    ("hours", "last", "expected"),
    [
        (None, NOW - 90 * DAY, None),
        (24, NOW - timedelta(hours=24), None),
        (24, NOW - timedelta(hours=25), "Web: silent for 25 hours"),
        (24, NOW - 5 * DAY, "Web: silent for 5 days"),
        (1, NOW - timedelta(minutes=61), "Web: silent for 61 minutes"),
        (24, None, "Web: no event yet"),
    ],
)
def test_silence_is_told_after_the_hours_that_were_set(
    hours: int | None, last: datetime | None, expected: str | None
) -> None:
    web = Source(pk=1, name="Web", stale_after_hours=hours, last_event_at=last)
    web.created_at = NOW - 60 * DAY

    found = alerts.silence(web, now=NOW)

    assert (found.text if found else None) == expected


def test_a_new_source_and_one_that_is_switched_off_may_be_silent() -> None:
    new = Source(pk=1, name="Web", stale_after_hours=2, created_at=NOW - timedelta(hours=1))
    off = Source(pk=2, name="Off", stale_after_hours=2, is_active=False, created_at=NOW - DAY)

    assert alerts.silence(new, now=NOW) is None
    assert alerts.silence(off, now=NOW) is None


@pytest.mark.django_db
def test_many_faults_of_late_are_told_and_a_few_or_old_ones_are_not() -> None:
    bad, few, old = source("bad"), source("few"), source("old")
    for each, caught, back in ((bad, 20, 0), (few, 4, 0), (old, 50, 5)):
        counted(each, "quarantined", caught, detail="no name", back=back)
        counted(each, "stored", 80)

    (found,) = alerts.alerts(now=NOW)

    assert (found.source_id, found.kind) == (bad.pk, "faulty")
    assert found.text == "Bad: 20 % of its events go to quarantine"


def delivered(of: Source, *states: str, days: int = 0, reason: str = "") -> None:
    for state in states:
        WebhookDelivery.objects.create(
            source=of, delivery_id=str(WebhookDelivery.objects.count()), topic="orders/create",
            state=state, reason=reason, received_at=NOW - days * DAY,
        )  # fmt: skip


@pytest.mark.django_db
def test_deliveries_that_fail_of_late_are_told_and_a_few_or_old_ones_are_not() -> None:
    bad, few, old, fine = (source(name, kind="shopify") for name in ("bad", "few", "old", "fine"))
    delivered(bad, "failed", "failed", "failed", "done")
    delivered(few, "failed", "failed")
    delivered(old, *["failed"] * 9, days=3)
    delivered(fine, *["failed"] * 3, *["done"] * 60)

    (found,) = alerts.alerts(now=NOW)

    assert (found.source_id, found.kind) == (bad.pk, "failed")
    assert found.text == "Bad: 75 % of its deliveries failed"
    assert [each.text for each in report.glances([bad], now=NOW)[bad.pk].alerts] == [found.text]


@pytest.mark.django_db
def test_a_report_says_what_became_of_deliveries_and_why_they_failed() -> None:
    shop = source("shop", kind="shopify")
    delivered(shop, "done", "ignored", "waiting", "done")
    delivered(shop, "failed", reason="currency: is missing")
    delivered(shop, "failed", "failed", reason="id: is missing")
    delivered(shop, "failed", days=31)
    delivered(source("other", kind="shopify"), "failed")

    found = report.of(shop, now=NOW).deliveries

    assert (found.total, found.done, found.ignored, found.waiting, found.failed) == (7, 2, 1, 1, 3)
    assert found.reasons == [("id: is missing", 2), ("currency: is missing", 1)]


@pytest.mark.django_db
def test_events_that_nobody_applies_are_told() -> None:
    web = source()
    for number, minutes in enumerate((4, 7)):
        InboxEvent.objects.create(
            source=web,
            message_id=f"m{number}",
            payload=b"x",
            received_at=NOW - timedelta(minutes=minutes),
        )
    assert alerts.alerts(now=NOW) == []

    InboxEvent.objects.filter(message_id="m0").delete()

    (found,) = alerts.alerts(now=NOW)
    assert found.text == "Events wait for 7 minutes: is a worker running?"


@pytest.mark.django_db
def test_a_report_and_a_list_take_few_queries_however_much_there_is(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    sources = [source(f"s{number}", stale_after_hours=1) for number in range(12)]
    for each in sources:
        for back in range(20):
            counted(each, "stored", 5, back=back)

    with django_assert_num_queries(8):
        found = report.of(sources[0], now=NOW)
    with django_assert_num_queries(3):
        glances = report.glances(sources, now=NOW)
    with django_assert_num_queries(4):
        warned = alerts.alerts(now=NOW)

    assert found.tally.arrived == 100
    assert {glance.tally.arrived for glance in glances.values()} == {70}
    assert len(warned) == 12
