"""Answers at send time in the admin: listed, found by their id, explained and taken again."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Send
from consent.models import AuditEntry, DataSubject
from personalization.models import CustomerProfile, Exposure, Receipt
from personalization.recommendations import shelf
from tests.campaigns import factories as make
from tests.personalization.decision_support import get, key, people, slot
from tests.personalization.factories import client_of
from tests.personalization.test_recommendations_api import get as get_list

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("roles", "served_afresh"),
]
LIST = reverse("admin:personalization_receipt_changelist")


def answered(message: str = "spring", *, who: str = "C1", secret: str = "") -> Receipt:
    body = get(secret=secret, external_id=who, message=message).json()
    return Receipt.objects.get(message_key=body["decision_id"])


def page(client: Client, receipt: Receipt, **given: str) -> str:
    url = reverse("admin:personalization_receipt_why", args=[receipt.pk])
    answer: Any = client.get(url, given)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def test_answers_are_listed_with_what_was_asked_and_mails_are_not() -> None:
    campaign = make.campaign()
    make.person(3, first_name="Cleo")
    make.launched(campaign)
    people()
    slot()
    answered()

    text = client_of("marketer").get(LIST).content.decode()

    assert (Receipt.objects.count(), Exposure.objects.count()) == (2, 1)
    assert text.count("/change/") == 1
    assert "a***@e***.com" in text
    assert "anna1@" not in text
    assert "for spring" in text
    assert "Lives in Germany" in text


def test_an_answer_is_found_by_its_id_also_after_another_took_its_place() -> None:
    people()
    slot()
    old = answered()
    Exposure.objects.all().delete()
    answered()
    client = client_of("marketer")

    for term, is_there in ((old.message_key, True), (old.pk, True), (uuid.uuid4(), False)):
        found = client.get(LIST, {"q": str(term)}).content.decode()
        assert (f"/receipt/{old.pk}/change/" in found) is is_there
    assert "A later answer has taken its place" in page(client, old)


def test_its_page_says_which_rule_decided_and_takes_it_again() -> None:
    anna, _ = people()
    slot()
    receipt = answered()
    CustomerProfile.objects.filter(pk=anna.pk).update(attributes={"country": "FR"})

    text = page(client_of("marketer"), receipt, replay="1")

    assert "True for this customer: this rule decided." in text
    assert "Customers whose country is “DE”." in text
    assert "every byte come out the same" in text
    assert "The values are sealed." in text
    assert str(receipt.message_key) in text
    assert "anna1@" not in text


def test_whoever_may_see_values_opens_them_and_the_look_is_noted() -> None:
    anna, _ = people()
    slot()
    receipt, client = answered(), client_of("compliance")

    text = page(client, receipt)

    assert "Country" in text
    looks = AuditEntry.objects.filter(action="personal_data.view", pseudonym=anna.pseudonym)
    assert looks.filter(detail__what="receipt").count() == 1
    DataSubject.objects.filter(pk=anna.pk).update(
        erased_at=make.NOON, wrapped_key=None, email_index=None
    )
    assert "not replayable: erased" in page(client, receipt, replay="1")


def test_a_person_who_may_not_be_mailed_is_shown_so() -> None:
    make.person(1, granted=("profiling",))
    slot()

    assert "the answer says that no mail may be sent" in page(client_of("marketer"), answered())


def test_a_list_of_products_has_a_page_too() -> None:
    shelf.forget()
    make.product(1, name="Tea")
    make.person(1)
    body = get_list(external_id="C1", strategy="popular", limit="3").json()
    receipt = Receipt.objects.get(message_key=body["decision_id"])

    text = page(client_of("marketer"), receipt, replay="1")

    assert "A list of products was asked for" in text
    assert "3 products by popular" in text
    assert "Tea" in text
    assert "every byte come out the same" in text


def test_a_mails_receipt_leads_to_the_mails_own_page() -> None:
    campaign = make.campaign()
    make.person()
    make.launched(campaign)
    url = reverse("admin:personalization_receipt_why", args=[Receipt.objects.get().pk])

    answer = client_of("marketer").get(url)

    assert answer.headers["Location"] == reverse(
        "admin:campaigns_send_why", args=[Send.objects.get().pk]
    )


def test_the_list_takes_the_same_queries_for_any_number_of_answers() -> None:
    people()
    slot()
    secret, client = key(), client_of("marketer")
    counts = []
    for message in ("a", "b", "c"):
        answered(message, secret=secret)
        answered(message, who="C2", secret=secret)
        client.get(LIST)
        with CaptureQueriesContext(connection) as found:
            client.get(LIST)
        counts.append(len(found))

    assert len(set(counts)) == 1


def test_nothing_can_be_changed_there() -> None:
    people()
    slot()
    receipt = answered()
    client = client_of("admin")

    assert client.get(reverse("admin:personalization_receipt_add")).status_code == 403
    for given in (receipt.pk, "nonsense"):
        changed = client.get(reverse("admin:personalization_receipt_change", args=[given]))
        assert changed.status_code == 302
    gone = reverse("admin:personalization_receipt_delete", args=[receipt.pk])
    assert client.post(gone, {"post": "yes"}).status_code == 403
