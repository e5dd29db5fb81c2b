"""Two subjects become one person: who is meant, what they allow, where they are mailed."""

from datetime import datetime, timedelta

import pytest

from consent import gate, identify, ledger, merging
from consent.identify import Names
from consent.ledger import Statement
from consent.models import ConsentState, DataSubject, Merge
from tests.consent.people import NOON, subject

pytestmark = pytest.mark.django_db
MARKETING = "email_marketing"


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def two() -> tuple[DataSubject, DataSubject]:
    return subject("kept@example.com", external_id="K"), subject(
        "gone@example.com", external_id="G"
    )


def join(kept: DataSubject, absorbed: DataSubject, *, on: int = 10) -> Merge:
    return merging.join(kept, absorbed, reason="decided", source="test", actor=None, now=day(on))


def say(who: DataSubject, action: str, on: int, *, own: bool = True) -> None:
    said = Statement(
        subject_id=who.pk,
        purpose=MARKETING,
        action=action,
        source="test",
        occurred_at=day(on),
        is_own_choice=own,
    )
    ledger.record_many([said])


def is_granted(who: DataSubject) -> bool:
    return gate.ask(who, purpose=MARKETING, at=day(100)).may_send


@pytest.mark.parametrize(
    ("kept_says", "absorbed_says", "may_mail"),
    [
        ([], [("granted", 1)], True),
        ([("granted", 1)], [], True),
        ([("granted", 1)], [("withdrawn", 2)], False),
        ([("withdrawn", 2)], [("granted", 1)], False),
        ([("granted", 1)], [("objected", 2)], False),
        # A yes in the one account does not lift a no in the other, however late it was given.
        ([("granted", 3)], [("objected", 2)], False),
        ([("granted", 3)], [("withdrawn", 2)], False),
        ([("objected", 2)], [("granted", 3)], False),
        ([], [("objected", 2), ("granted", 3)], True),
        ([("granted", 1)], [("objected", 2), ("granted", 3)], True),
    ],
)
def test_of_two_ledgers_the_more_cautious_answer_counts_and_is_given_back(
    kept_says: list[tuple[str, int]], absorbed_says: list[tuple[str, int]], may_mail: bool
) -> None:
    kept, absorbed = two()
    for who, says in ((kept, kept_says), (absorbed, absorbed_says)):
        for action, on in says:
            say(who, action, on)
    before = list(ConsentState.objects.order_by("pk").values())

    made = join(kept, absorbed)

    assert is_granted(kept) is may_mail
    assert gate.ask(absorbed, purpose=MARKETING, at=day(100)).reason == gate.GONE
    merging.part(made, actor=None, now=day(11))
    assert list(ConsentState.objects.order_by("pk").values()) == before


def test_a_banners_refusal_gives_way_to_a_later_grant_as_in_one_ledger() -> None:
    kept, absorbed = two()
    say(absorbed, "refused", 1, own=False)
    say(kept, "granted", 2, own=False)

    join(kept, absorbed)

    assert is_granted(kept)


def test_after_the_joining_a_new_choice_lifts_what_either_refused() -> None:
    kept, absorbed = two()
    say(absorbed, "objected", 1)
    say(kept, "withdrawn", 2)
    made = join(kept, absorbed)

    say(kept, "granted", 20)

    assert is_granted(kept)
    merging.part(made, actor=None, now=day(30))
    assert is_granted(kept)
    assert not is_granted(absorbed)


def test_a_choice_lifts_what_was_refused_before_and_stays_when_more_are_joined() -> None:
    first, second = two()
    third = subject("third@example.com")
    say(first, "objected", 1)
    join(second, first, on=10)
    say(second, "granted", 20)

    join(third, second, on=30)

    assert is_granted(third)


def test_what_is_said_of_a_joined_row_counts_for_the_person() -> None:
    kept, absorbed = two()
    say(kept, "granted", 1)
    made = join(kept, absorbed)

    say(absorbed, "objected", 20)

    assert not is_granted(kept)
    merging.part(made, actor=None, now=day(30))
    assert is_granted(kept)
    assert ConsentState.objects.get(subject=absorbed).is_objection


def test_a_consent_that_runs_out_runs_out_whoever_has_it() -> None:
    kept, absorbed = two()
    say(kept, "granted", 1)
    say(absorbed, "granted", 2)
    ConsentState.objects.filter(subject=absorbed).update(expires_at=day(50))
    ConsentState.objects.filter(subject=kept).update(expires_at=day(60))
    before = list(ConsentState.objects.order_by("pk").values())

    made = join(kept, absorbed)

    assert gate.ask(kept, purpose=MARKETING, at=day(49)).may_send
    assert not gate.ask(kept, purpose=MARKETING, at=day(51)).may_send
    merging.part(made, actor=None, now=day(11))
    assert list(ConsentState.objects.order_by("pk").values()) == before


def test_merged_into_always_points_at_the_living_one() -> None:
    a, b = two()
    c = subject("c@example.com")
    join(b, a)
    second = join(c, b)

    assert set(DataSubject.objects.exclude(merged_into=None).values_list("pk", "merged_into")) == {
        (a.pk, c.pk),
        (b.pk, c.pk),
    }
    assert identify.find("external_id", "K", source="shop") == c

    merging.part(second, actor=None, now=day(20))

    assert list(DataSubject.objects.exclude(merged_into=None).values_list("pk", "merged_into")) == [
        (a.pk, b.pk)
    ]


def test_the_kept_address_counts_and_that_of_the_other_only_where_there_is_none() -> None:
    kept, absorbed = two()
    number = subject("", external_id="N")
    made = join(kept, absorbed)
    assert identify.emails([kept.pk]) == {kept.pk: "kept@example.com"}

    other = join(number, kept, on=12)

    assert identify.emails([number.pk]) == {number.pk: "kept@example.com"}
    found = identify.resolve(
        [Names(email="kept@example.com"), Names(email="gone@example.com")], source="shop"
    )
    assert found.subject_ids == [number.pk, number.pk]
    merging.part(other, actor=None, now=day(13))
    merging.part(made, actor=None, now=day(14))
    assert identify.emails([number.pk, kept.pk, absorbed.pk]) == {
        kept.pk: "kept@example.com",
        absorbed.pk: "gone@example.com",
    }


def test_an_erased_person_cannot_be_parted() -> None:
    kept, absorbed = two()
    made = join(kept, absorbed)
    DataSubject.objects.filter(pk=kept.pk).update(
        erased_at=NOON, wrapped_key=None, email_index=None
    )

    with pytest.raises(merging.MergeRefused, match="erased"):
        merging.part(made, actor=None, now=day(20))
