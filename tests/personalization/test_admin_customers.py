"""Customers in the admin: masked by default, found by whole identifiers, never a query per row."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent import identity, suppression
from consent.models import AuditEntry, Identifier
from personalization.models import CustomerProfile
from personalization.profiles import people
from tests.campaigns.factories import order, person, product
from tests.personalization.factories import client_of, event, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
LIST = reverse("admin:personalization_customerprofile_changelist")


def page_of(pk: int) -> str:
    return reverse("admin:personalization_customerprofile_change", args=[pk])


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("role", ["marketer", "analyst", "approver"])
def test_staff_without_the_permission_see_masked_names_everywhere(role: str) -> None:
    anna = person()
    client = client_of(role)

    for url in (LIST, page_of(anna.pk)):
        shown = text(client, url)
        assert "A*** B***" in shown
        assert "a***@e***.com" in shown
        assert "Anna" not in shown
        assert "anna1@example.com" not in shown
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()


def test_who_may_see_personal_data_sees_it_and_that_is_noted() -> None:
    anna = person()
    client = client_of("compliance")

    assert "Anna Berg" in text(client, LIST)
    assert "anna1@example.com" in text(client, page_of(anna.pk))

    in_list, of_anna = AuditEntry.objects.filter(action="personal_data.view").order_by("id")
    assert in_list.detail == {"list": "customers", "count": 1}
    assert of_anna.pseudonym == anna.pseudonym
    assert of_anna.actor == User.objects.get(username="compliance")


@pytest.mark.parametrize("term", ["C2", " C2 ", "anna2@example.com", "ANNA2@Example.com"])
def test_a_whole_number_or_address_finds_its_customer(term: str) -> None:
    person(1)
    second = person(2)

    answer = client_of("marketer").post(f"{LIST}find/", {"term": term})

    assert answer.headers["Location"] == page_of(second.pk)


@pytest.mark.parametrize("term", ["anna2", "example.com", "C", "%", "2", "'; --", "a" * 500])
def test_a_part_of_an_identifier_finds_nobody(term: str) -> None:
    person(2)

    answer = client_of("admin").post(f"{LIST}find/", {"term": term}, follow=True)

    assert "Nobody has this number or address" in answer.content.decode()


def test_one_number_in_two_shops_shows_both_customers() -> None:
    both = [person(1), person(2)]
    for subject, source in zip(both, ("shop", "crm"), strict=True):
        Identifier.objects.create(
            subject=subject,
            kind="external_id",
            source=source,
            hash=identity.blind_index("external_id", "77"),
            ciphertext=b"",
        )

    answer = client_of("marketer").post(f"{LIST}find/", {"term": "77"}, follow=True)

    shown = {profile.pk for profile in answer.context["cl"].result_list}
    assert shown == {subject.pk for subject in both}


def test_an_address_is_never_asked_for_in_a_url() -> None:
    person(1)
    client = client_of("marketer")

    assert client.get(f"{LIST}find/", {"term": "anna1@example.com"}).status_code == 405
    assert 'name="q"' not in text(client, LIST)


def test_the_list_says_who_can_be_reached() -> None:
    person(1)
    person(2, granted=())
    third = person(3)
    now = timezone.now()
    suppression.suppress_subject(third, reason="complaint", source="test", at=now)

    shown = text(client_of("marketer"), LIST)

    for word in ("Reachable", "No consent", "Suppressed"):
        assert f">{word}</span>" in shown


def test_the_list_takes_the_same_queries_for_2_and_for_20_customers() -> None:
    client = client_of("compliance")
    counts = []
    for numbers in (range(2), range(2, 20)):
        for number in numbers:
            person(number)
        counts.append(queries(client, LIST))

    assert counts[0] == counts[1]


def test_the_page_shows_what_happened_and_labels_what_was_made_up() -> None:
    anna = person()
    now = timezone.now()
    order(anna, product(name="Blue boots"), at=now - timedelta(days=2))
    event(anna.pk, at=now - timedelta(days=1), is_generated=True)
    CustomerProfile.objects.filter(pk=anna.pk).update(
        traits={"order_count": 1, "total_spent": 19.9}, traits_at=now
    )

    shown = text(client_of("marketer"), page_of(anna.pk))

    assert "Blue boots" in shown
    assert "19.90 USD" in shown
    assert "Orders in the last year" in shown
    assert shown.count(">Generated</span>") == 1


def test_the_page_holds_no_more_than_50_events_in_a_constant_number_of_queries() -> None:
    anna = person()
    client = client_of("marketer")
    now = timezone.now()
    counts = []
    for hours in (range(1, 3), range(3, 70)):
        for hour in hours:
            event(anna.pk, at=now - timedelta(hours=hour))
        counts.append(queries(client, page_of(anna.pk)))

    assert counts[0] == counts[1]
    shown = text(client, page_of(anna.pk))
    assert shown.count("<strong>Product Viewed</strong>") == 50


@pytest.mark.parametrize("role", ["marketer", "admin"])
def test_nobody_changes_a_customer_through_the_admin(role: str) -> None:
    anna = person()
    client = client_of(role)

    changed = client.post(page_of(anna.pk), {"attributes": "{}"})
    added = client.post(reverse("admin:personalization_customerprofile_add"), {})
    deleted = client.post(
        reverse("admin:personalization_customerprofile_delete", args=[anna.pk]), {"post": "yes"}
    )

    assert {changed.status_code, added.status_code, deleted.status_code} == {403}
    assert CustomerProfile.objects.get(pk=anna.pk).attributes["city"] == "Berlin"


def test_an_erased_person_has_no_name_left_to_show() -> None:
    anna = person()
    anna.wrapped_key, anna.email_index, anna.erased_at = None, None, timezone.now()
    anna.save()

    who = people.of([anna.pk], in_clear=True)[anna.pk]

    assert who.title == "Erased"
    assert (who.name, who.email, who.number) == ("", "", "")


def test_the_name_of_a_person_does_not_appear_when_it_is_printed_by_mistake() -> None:
    anna = person()

    printed = repr(people.of([anna.pk], in_clear=True)[anna.pk])

    assert "Anna" not in printed
    assert "example.com" not in printed
