"""A receipt is enough to write its mail again, byte for byte, whatever changed since."""

import json
from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from campaigns.models import Send
from campaigns.sending.replay import replay_mail
from consent import identity
from consent.models import DataSubject
from personalization import receipts
from personalization.models import Receipt, ReceiptPart
from personalization.receipts import packing, retention
from personalization.replay import Outcome, Replayed
from tests.campaigns import factories as make
from tests.campaigns import replay_world as world
from tests.personalization.factories import client_of

PEOPLE = 40


def receipts_of_a_sent_campaign(count: int = PEOPLE) -> list[Receipt]:
    world.populate(count, seed=7)
    (campaign,) = world.campaigns(1)
    world.send_all(campaign)
    return list(Receipt.objects.select_related("subject").order_by("pk"))


def rule_that_held(receipt: Receipt) -> str:
    """Whatever was tried out instead of it."""
    key, is_hit = receipt.decision["slots"]["hero"]["considered"][-1]
    return str(key) if is_hit else "plain"


def outcomes(found: list[Receipt]) -> Counter[Outcome]:
    return Counter(replay_mail(receipt).outcome for receipt in found)


def resealed(receipt: Receipt, change: dict[str, Any]) -> Receipt:
    """The receipt with other inputs under the right key, as only somebody inside could do it."""
    opened = receipts.open_inputs(receipt)
    assert opened is not None
    kept = {name: getattr(opened, name) for name in opened.__slots__}
    pseudonym = str(receipt.subject.pseudonym)
    receipt.inputs = identity.seal(
        packing.packed(orjson.dumps({**kept, **change})),
        key=identity.unwrap(receipt.subject.wrapped_key or b"", pseudonym=pseudonym),
        place=packing.PLACE,
        owner=packing.owner(pseudonym, message_key=str(receipt.message_key)),
    )
    return receipt


@pytest.mark.django_db
def test_every_mail_comes_out_the_same_after_everything_changed() -> None:
    found = receipts_of_a_sent_campaign()
    chosen = {rule_that_held(receipt) for receipt in found}
    assert len(found) == PEOPLE
    assert chosen == {"boots", "loyal", "vip", "german", "plain"}
    assert {receipt.decision["arm"] for receipt in found} == {"a", "b"}
    heroes = [receipt.decision["slots"]["hero"] for receipt in found]
    assert any(hero.get("is_explored") for hero in heroes)
    assert {hero["probability"] < 1 for hero in heroes} == {True, False}
    assert any(receipt.decision["cards"] for receipt in found)
    opened = [receipts.open_inputs(receipt) for receipt in found]
    assert {bool(each.cart) for each in opened if each} == {True, False}
    assert {hero["language"] for hero in heroes} == {"de", "es", "en"}
    assert {hero["language_why"] for hero in heroes} == {"wider", "own", "other", "unknown"}

    world.change_everything()

    assert outcomes(found) == {Outcome.EQUAL: PEOPLE}


@pytest.mark.django_db
def test_one_altered_byte_of_the_inputs_is_reported() -> None:
    (receipt, *_) = receipts_of_a_sent_campaign(1)
    sealed = bytearray(bytes(receipt.inputs or b""))
    sealed[len(sealed) // 2] ^= 1
    receipt.inputs = bytes(sealed)

    done = replay_mail(receipt)

    assert done.outcome is Outcome.DIFFERENT
    assert "altered" in done.reason


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"personal": {"first_name": "Anno"}}, "output.mail.html"),
        ({"extras": {"unsubscribe": "https://other.example"}}, "output.mail.text"),
        (
            {"facts": {"values": {"attributes.country": "DE"}, "segments": [], "events": {}}},
            "slots.hero",
        ),
    ],
)
def test_altered_inputs_under_the_right_key_are_reported_by_their_effect(
    change: dict[str, Any], place: str
) -> None:
    found = receipts_of_a_sent_campaign()
    receipt = next(each for each in found if each.decision["slots"]["hero"]["rule"] == "boots")

    done = replay_mail(resealed(receipt, change))

    assert done.outcome is Outcome.DIFFERENT
    assert any(difference.place.startswith(place) for difference in done.differences)
    assert "Anno" not in str(done.differences)


@pytest.mark.django_db
def test_another_recorded_variant_is_reported() -> None:
    (receipt, *_) = receipts_of_a_sent_campaign(1)
    chosen = receipt.decision["slots"]["hero"]["variant"]
    receipt.decision["slots"]["hero"]["variant"] = "never"

    done = replay_mail(receipt)

    (difference,) = done.differences
    assert (difference.place, difference.recorded) == ("slots.hero.variant", "never")
    assert difference.replayed == chosen


@pytest.mark.django_db
def test_a_shared_part_that_was_changed_is_reported() -> None:
    found = receipts_of_a_sent_campaign(3)
    content = ReceiptPart.objects.get(key=found[0].decision["frame"]).content
    content["sender"]["postal_address"] = "3 Forged Lane"
    ReceiptPart.objects.filter(key=found[0].decision["frame"]).update(content=content)

    done = replay_mail(found[0])

    assert done.outcome is Outcome.DIFFERENT
    assert [difference.place for difference in done.differences] == ["frame"]


@pytest.mark.django_db
def test_inputs_moved_to_another_receipt_of_the_same_person_do_not_open() -> None:
    subjects = world.populate(1, seed=7)
    first, second = world.campaigns(2)
    world.send_all(first)
    world.send_all(second)
    one, two = Receipt.objects.select_related("subject").order_by("pk")
    assert one.subject_id == two.subject_id == subjects[0].pk

    one.inputs = two.inputs

    assert "altered" in replay_mail(one).reason


@pytest.mark.django_db
def test_after_an_erasure_nothing_can_be_replayed() -> None:
    found = receipts_of_a_sent_campaign(2)
    DataSubject.objects.filter(pk=found[0].subject_id).update(
        erased_at=make.NOON, wrapped_key=None, email_index=None
    )

    done = replay_mail(Receipt.objects.select_related("subject").get(pk=found[0].pk))

    assert done == Replayed(Outcome.ERASED, reason="not replayable: erased")


@pytest.mark.django_db
def test_a_receipt_keeps_neither_output_nor_properties_nobody_asked_for() -> None:
    found = receipts_of_a_sent_campaign(10)

    for receipt in found:
        opened = receipts.open_inputs(receipt)
        kept = str((receipt.decision, opened))
        assert "<p>" not in kept
        assert "of no interest" not in kept
        assert "Anna" not in str(receipt.decision)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(content::text, '') FROM personalization_receiptpart")
        assert "Anna" not in cursor.fetchone()[0]


@pytest.mark.prove
@pytest.mark.django_db
def test_ten_thousand_mails_come_out_the_same() -> None:
    world.populate(2000, seed=11)
    for campaign in world.campaigns(5):
        world.send_all(campaign)
    found = list(Receipt.objects.select_related("subject").order_by("pk"))
    assert len(found) == 10_000

    world.change_everything()

    assert outcomes(found) == {Outcome.EQUAL: 10_000}


@pytest.mark.django_db
def test_receipts_and_their_parts_go_when_their_time_is_over() -> None:
    found = receipts_of_a_sent_campaign(3)
    days = timedelta(days=90)

    kept = retention.forget_old(now=make.NOON + days)
    assert (kept.receipts, Receipt.objects.count()) == (0, len(found))
    gone = retention.forget_old(now=make.NOON + days + timedelta(seconds=1))

    assert (gone.receipts, gone.parts) == (3, 0)
    later = retention.forget_old(now=make.NOON + days + timedelta(days=2))
    assert (later.receipts, ReceiptPart.objects.exists()) == (0, False)
    assert later.parts > 0


@pytest.mark.django_db
def test_the_command_says_equal_or_where_it_differs() -> None:
    (receipt, *_) = receipts_of_a_sent_campaign(1)
    out = StringIO()

    call_command("replay_receipt", str(receipt.message_key), stdout=out)
    assert "equal" in out.getvalue()

    receipt.decision["slots"]["hero"]["variant"] = "never"
    receipt.save()
    with pytest.raises(CommandError, match="differs"):
        call_command("replay_receipt", str(receipt.pk), "--json", stdout=(out := StringIO()))
    told = json.loads(out.getvalue())
    assert told["outcome"] == "different"
    assert told["differences"][0]["place"] == "slots.hero.variant"


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "says"), [("nonsense", "neither"), ("77", "no receipt 77")])
def test_the_command_refuses_what_is_no_receipt(given: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("replay_receipt", given)


@pytest.mark.django_db
@pytest.mark.usefixtures("roles")
def test_the_page_of_a_mail_writes_it_again_when_asked() -> None:
    receipts_of_a_sent_campaign(1)
    client = client_of("analyst")
    url = reverse("admin:campaigns_send_why", args=[Send.objects.get().pk])

    assert "Write it again" in client.get(url).content.decode()
    assert "every byte come out the same" in client.get(url, {"replay": "1"}).content.decode()
