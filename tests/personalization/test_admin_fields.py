"""The field catalogue and the fits in the admin: what is filled, unknown, computed, how wrong."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from consent.models import Purpose
from personalization import traits
from personalization.models import CustomerProfile, Field, SeenProperty, Source, TraitModel
from personalization.profiles import coverage
from tests.campaigns.factories import order, person, product, staff
from tests.consent.people import NOON
from tests.personalization.test_traits_values import crowd_of_buyers
from tests.personalization.trait_worlds import happened

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
LIST = reverse("admin:personalization_field_changelist")
ADD = reverse("admin:personalization_field_add")


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(staff(role))
    return client


def told(name: str, *, type_: str = "text", count: int = 3, is_kept: bool = False) -> None:
    source, _ = Source.objects.get_or_create(slug="web", defaults={"name": "Website"})
    SeenProperty.objects.create(
        source=source, name=name, type=type_, is_kept=is_kept, count=count,
        first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip


def trait(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "traits", "name": "views_30", "label": "Views", "type": "number",
        "purpose": "profiling", "event": "Product Viewed", "function": "count", "property": "",
        "days": "30", **changes,
    }  # fmt: skip


def test_the_list_says_of_how_many_a_field_is_known_and_how_old_it_is() -> None:
    now = timezone.now()
    for number in (1, 2, 3, 4):
        subject = person(number)
        origins = {"attributes.city": {"source": "shop", "at": now.isoformat()}}
        attributes = {"city": "Berlin", "country": None} if number > 1 else {}
        CustomerProfile.objects.filter(pk=subject.pk).update(
            attributes=attributes, origins=origins if number > 1 else {}
        )
    order(subject, product(1), at=now - timedelta(days=3))
    traits.compute(now=now - timedelta(days=9, hours=1))
    traits.compute(now=now - timedelta(hours=26))

    found = coverage.filled(now=now)
    page = client_of("analyst").get(LIST).content.decode()

    assert found["attributes.city"].share == 0.75
    assert "attributes.country" not in found
    assert found["traits.order_count"].share == 0.25
    assert found["traits.order_count"].age == timedelta(hours=26)
    assert "26 hours" in page
    assert "Whole days since the last order" in page


def test_a_sealed_value_counts_by_its_origin_alone() -> None:
    anna = person()
    person(2)
    CustomerProfile.objects.filter(pk=anna.pk).update(
        origins={"personal.phone": {"source": "shop", "at": NOON.isoformat()}}
    )

    found = coverage.filled(now=NOON + timedelta(days=2))

    assert (found["attributes.phone"].share, found["attributes.phone"].age) == (
        0.5,
        timedelta(days=2),
    )


def test_what_nobody_registered_is_listed_with_a_link_that_fills_the_form() -> None:
    told("shoe_size", type_="number", count=7)
    told("Lieblingsfarbe & mehr")
    told("city", count=99)
    told("kept", is_kept=True)

    page = client_of("compliance").get(LIST).content.decode()
    form = client_of("admin").get(
        ADD, {"kind": "attributes", "name": "shoe_size", "label": "Shoe size", "type": "number"}
    )

    assert [each.name for each in coverage.unknown()] == ["shoe_size", "Lieblingsfarbe & mehr"]
    assert f"{ADD}?kind=attributes&amp;name=shoe_size&amp;label=Shoe%20size&amp;type=number" in page
    assert "rename it at its source" in page
    assert 'value="shoe_size"' in form.content.decode()


def test_an_analyst_sees_what_is_unknown_but_cannot_register_it() -> None:
    told("shoe_size")

    page = client_of("analyst").get(LIST).content.decode()

    assert "shoe_size" in page
    assert "Register shoe_size" not in page


def test_the_list_asks_no_more_of_many_fields_than_of_few() -> None:
    client = client_of("analyst")
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(10):
        Field.objects.create(
            kind="traits", name=f"own_{number}", label="Own", type="number",
            purpose_id="profiling", definition={"event": "Product Viewed", "function": "count"},
        )  # fmt: skip

    with CaptureQueriesContext(connection) as many:
        client.get(LIST)

    assert len(few) == len(many)


def test_a_trait_of_ones_own_is_computed_for_everybody(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    anna = person(at=timezone.now())
    happened(anna.pk, "Product Viewed", at=timezone.now() - timedelta(days=1))

    with django_capture_on_commit_callbacks() as callbacks:
        answer = client_of("compliance").post(ADD, trait())

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Field.objects.get(name="views_30").definition == {
        "event": "Product Viewed", "function": "count", "property": "", "days": 30,
    }  # fmt: skip
    assert len(callbacks) == 1
    traits.queue_everybody()
    traits.compute_due(now=timezone.now())
    assert CustomerProfile.objects.get(pk=anna.pk).traits["views_30"] == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event": ""}, "Name the event to look at"),
        ({"function": ""}, "is no function"),
        ({"function": "sum"}, "needs a property that is a number"),
        ({"type": "text"}, "change the type to number"),
        ({"purpose": "contract"}, "may only be used for the purpose “profiling”"),
        ({"event": "Email Opened"}, "may only be used for the purpose “email_tracking”"),
        ({"is_sensitive": "on"}, "it cannot be computed"),
        ({"kind": "attributes"}, "Only a trait is computed from events"),
        ({"days": "0"}, "greater than or equal to 1"),
        ({"name": "order_count"}, "already exists"),
    ],
)
def test_a_trait_that_cannot_be_is_refused_with_what_to_mend(
    changes: dict[str, str], words: str
) -> None:
    assert Purpose.objects.filter(pk="contract").exists()

    page = client_of("compliance").post(ADD, trait(**changes)).content.decode()

    assert words in page
    assert not Field.objects.filter(name="views_30").exists()


def test_a_definition_can_be_changed_and_a_trait_of_attunes_own_has_none() -> None:
    own = Field.objects.create(
        kind="traits", name="own", label="Own", type="number", purpose_id="profiling",
        definition={"event": "Product Viewed", "function": "count", "property": "", "days": 7},
    )  # fmt: skip
    ours = Field.objects.get(name="engagement")
    client = client_of("compliance")
    page = reverse("admin:personalization_field_change", args=[own.pk])

    answer = client.post(
        page, {"label": "Own", "purpose": "profiling", "event": "Product Viewed",
               "function": "count", "property": "", "days": "14"},
    )  # fmt: skip
    of_ours = client.get(reverse("admin:personalization_field_change", args=[ours.pk]))

    assert answer.status_code == 302
    own.refresh_from_db()
    assert own.definition["days"] == 14
    assert "Computed from events" not in of_ours.content.decode()
    assert client.get(page).content.decode().count('value="14"') == 1


def test_a_fit_shows_its_parameters_and_its_error_beside_the_simple_guesses() -> None:
    crowd_of_buyers()
    traits.compute(now=NOON)
    client = client_of("analyst")
    pages = {
        row.name: client.get(
            reverse("admin:personalization_traitmodel_change", args=[row.pk])
        ).content.decode()
        for row in TraitModel.objects.all()
    }

    listed = client.get(reverse("admin:personalization_traitmodel_changelist")).content.decode()

    assert "best simple guess" in listed
    assert "The model was closer than every simple guess." in pages["lifetime"]
    assert "Each goes on as before" in pages["lifetime"]
    assert "BG/NBD <code>alpha</code>" in pages["lifetime"]
    assert "Frequency: orders in a year" in pages["rfm"]
    assert "100 × P / (P + 20)" in pages["rfm"]


def test_a_fit_of_too_few_says_how_many_are_needed() -> None:
    traits.compute(now=NOON)
    client = client_of("analyst")
    rows = {row.name: row.pk for row in TraitModel.objects.all()}

    lifetime, rfm = (
        client.get(reverse("admin:personalization_traitmodel_change", args=[rows[name]]))
        for name in ("lifetime", "rfm")
    )

    assert "100 buyers and 20 who bought again" in lifetime.content.decode()
    assert "Nobody who allows profiling ordered" in rfm.content.decode()
