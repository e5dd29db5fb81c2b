"""Receipts: what was decided stays readable, what it was decided on only while the person is."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from consent import gate, identity
from consent.models import DataSubject
from personalization import receipts
from personalization.conditions.tree import needs, parse
from personalization.models import CustomerProfile, Receipt
from personalization.profiles import catalogue, load
from personalization.profiles.loaded import LoadedProfile
from personalization.receipts import Entry
from tests.campaigns.factories import order, person, product
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db

DECISION = {"slots": {"hero": {"rule": "german"}}}


def profile_of(subject: DataSubject) -> LoadedProfile:
    permissions = gate.permissions([subject.pk], purpose="email_marketing", at=NOON)
    (profile,) = load.profiles(
        permissions,
        needs=needs(parse({"field": "attributes.city", "op": "is_set"})),
        catalogue=catalogue.load(),
        now=NOON,
    )
    return profile


def recorded(subject: DataSubject, key: str = "") -> Receipt:
    message_key = key or str(uuid4())
    entry = Entry(message_key=message_key, profile=profile_of(subject), decision=DECISION)
    receipts.record([entry], now=NOON)
    return Receipt.objects.select_related("subject").get(message_key=message_key)


def test_a_receipt_opens_to_the_values_that_were_looked_at() -> None:
    anna, boots = person(), product()
    order(anna, boots, at=NOON)

    receipt = recorded(anna)

    assert receipt.decision == DECISION
    opened = receipts.open_inputs(receipt)
    assert opened is not None
    assert opened.facts == {
        "values": {"attributes.city": "Berlin", "attributes.country": "DE"},
        "segments": [],
        "events": {},
    }
    assert opened.personal == {"first_name": "Anna", "last_name": "Berg"}
    assert [list(each) for each in opened.bought] == [[boots.pk, 0.0]]
    assert not opened.viewed


def test_of_a_long_history_the_newest_is_kept_and_what_a_reason_names() -> None:
    anna, items = person(), [product(number) for number in range(1, 15)]
    for age, item in enumerate(items):
        order(anna, item, at=NOON - timedelta(days=age))
    why, own = ({"because_of": items[place].pk} for place in (12, 13))
    decision = {**DECISION, "recommendations": [why], "own": {"hero": {"recommendations": [own]}}}
    entry = Entry(message_key=str(uuid4()), profile=profile_of(anna), decision=decision)

    receipts.record([entry], now=NOON)

    opened = receipts.open_inputs(Receipt.objects.select_related("subject").get())
    assert opened is not None
    expected = [items[place].pk for place in (*range(10), 12, 13)]
    assert [pk for pk, _ in opened.bought] == expected


def test_what_was_looked_at_is_sealed_in_the_table() -> None:
    anna = person()
    CustomerProfile.objects.update(attributes={"city": "Quitzdorf"})
    recorded(anna)

    with connection.cursor() as cursor:
        cursor.execute("SELECT r::text FROM personalization_receipt r")
        row = cursor.fetchone()[0].lower()

    assert "german" in row
    assert "quitzdorf" not in row
    assert b"Quitzdorf".hex() not in row


def test_when_the_key_is_destroyed_the_inputs_are_gone_and_the_decision_stays() -> None:
    anna = person()
    recorded(anna)

    DataSubject.objects.filter(pk=anna.pk).update(
        erased_at=NOON, wrapped_key=None, email_index=None
    )

    receipt = Receipt.objects.select_related("subject").get()
    assert receipts.open_inputs(receipt) is None
    assert receipt.decision == DECISION


def test_inputs_copied_to_another_persons_receipt_do_not_open() -> None:
    anna, ben = person(1), person(2)
    first, second = recorded(anna), recorded(ben)

    Receipt.objects.filter(pk=second.pk).update(inputs=first.inputs)

    second = Receipt.objects.select_related("subject").get(pk=second.pk)
    with pytest.raises(identity.SealBroken):
        receipts.open_inputs(second)


def test_a_mail_that_is_tried_again_has_one_receipt_of_the_last_try() -> None:
    anna, key = person(), str(uuid4())
    recorded(anna, key)
    later = NOON.replace(hour=15)
    entry = Entry(message_key=key, profile=profile_of(anna), decision={"slots": {}})

    receipts.record([entry], now=later)

    receipt = Receipt.objects.get()
    assert (receipt.decision, receipt.decided_at) == ({"slots": {}}, later)


def test_an_empty_batch_is_no_work() -> None:
    receipts.record([], now=NOON)

    assert not Receipt.objects.exists()
