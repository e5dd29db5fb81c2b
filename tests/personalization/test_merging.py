"""Two profiles become one and two again: nothing is lost, counted twice or left behind."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from consent import gate, identify, ledger, suppression
from consent.models import (
    AuditEntry,
    DataSubject,
    Merge,
    MergeProposal,
)
from personalization.ingest.incoming import Said
from personalization.merging import merge as joining
from personalization.merging import proposals
from personalization.merging.merge import MergeRefused
from personalization.models import (
    Basket,
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    Order,
    ProfileDue,
    SegmentMembership,
)
from personalization.profiles import people
from tests.campaigns.factories import product
from tests.consent.people import NOON, at_once
from tests.personalization.factories import segment
from tests.personalization.ground import event, take_in
from tests.personalization.merging_support import (
    LATE,
    dump,
    happened,
    living,
    personal_of,
    profile,
    somebody,
)

pytestmark = pytest.mark.django_db
concurrent = pytest.mark.django_db(transaction=True, serialized_rollback=True)
HOUR = timedelta(hours=1)


def merge(kept: DataSubject, absorbed: DataSubject, *, actor: User | None = None) -> Merge:
    return joining.merge(
        kept.pk, absorbed.pk, reason="decided", source="test", actor=actor, now=NOON
    )


def unmerge(made: Merge) -> None:
    joining.unmerge(made.pk, actor=None, now=LATE)


def anna_and_ben() -> tuple[DataSubject, DataSubject]:
    """Two customers with values, events, a cart, orders, consents and a segment each."""
    anna, ben = somebody(external_id="C-1"), somebody(email="ben@example.com")
    profile(anna, at=NOON - 9 * HOUR, personal={"first_name": "Anna"}, country="DE", tags=["a"])
    personal = {"first_name": "Ben", "phone": "+49 1"}
    profile(ben, at=NOON - 8 * HOUR, personal=personal, country="FR", city="Paris")
    boots = product()
    for number, row in enumerate((anna, ben), start=1):
        happened(row.pk, "Product Viewed", at=NOON - 7 * HOUR, product=boots)
        happened(row.pk, "Product Added", at=NOON - (5 - number) * HOUR, product=boots)
        happened(
            row.pk,
            "Order Completed",
            at=NOON - 6 * HOUR,
            product=boots,
            amount=Decimal(20 * number),
            order_id=f"O-{number}",
        )
        ledger.grant(row, purpose="profiling", source="form", at=NOON - number * HOUR)
        made = segment(f"segment-{number}")
        SegmentMembership.objects.create(segment=made, profile_id=row.pk, entered_at=NOON - HOUR)
    ledger.grant(ben, purpose="email_marketing", source="form", at=NOON - HOUR)
    return anna, ben


def test_everything_of_both_is_one_persons_and_undone_it_is_as_it_was() -> None:
    anna, ben = anna_and_ben()
    before = dump()

    made = merge(anna, ben)

    assert set(Event.objects.values_list("profile_id", flat=True)) == {anna.pk}
    assert set(EventItem.objects.values_list("profile_id", flat=True)) == {anna.pk}
    viewed = EventDaily.objects.get(name="Product Viewed")
    assert (viewed.profile_id, viewed.count) == (anna.pk, 2)
    ordered = EventDaily.objects.get(name="Order Completed")
    assert (ordered.count, ordered.total) == (2, Decimal(60))
    assert set(Order.objects.values_list("profile_id", "order_id")) == {
        (anna.pk, "O-1"),
        (anna.pk, "O-2"),
    }
    cart = Basket.objects.get()
    assert (cart.profile_id, cart.items[0]["quantity"]) == (anna.pk, 4)
    assert dump() != before
    unmerge(made)
    assert dump() == before


def test_the_kept_ones_values_win_and_gaps_are_filled_with_where_they_came_from() -> None:
    anna, ben = anna_and_ben()

    merge(anna, ben)

    held = CustomerProfile.objects.get(pk=anna.pk)
    assert held.attributes == {"country": "DE", "tags": ["a"], "city": "Paris"}
    assert personal_of(anna.pk) == {"first_name": "Anna", "phone": "+49 1"}
    assert held.origins["attributes.city"] == {
        "source": "file",
        "at": (NOON - 8 * HOUR).isoformat(),
        "from": ben.pk,
    }
    assert held.first_seen_at == NOON - 9 * HOUR
    assert held.last_seen_at == NOON - 3 * HOUR


def test_both_wait_for_their_traits_and_the_absorbed_is_in_no_segment() -> None:
    anna, ben = anna_and_ben()

    made = merge(anna, ben)

    assert set(ProfileDue.objects.values_list("profile_id", flat=True)) == {anna.pk, ben.pk}
    assert set(SegmentMembership.objects.values_list("profile", flat=True)) == {anna.pk}
    unmerge(made)
    assert set(SegmentMembership.objects.values_list("profile", flat=True)) == {anna.pk, ben.pk}


def test_who_has_no_address_is_mailed_at_that_of_the_other() -> None:
    anna, ben = anna_and_ben()

    made = merge(anna, ben)

    assert identify.emails([anna.pk]) == {anna.pk: "ben@example.com"}
    assert people.of([anna.pk], in_clear=True)[anna.pk].email == "ben@example.com"
    unmerge(made)
    assert identify.emails([anna.pk, ben.pk]) == {ben.pk: "ben@example.com"}


def test_what_came_in_since_goes_back_to_whom_its_name_belongs() -> None:
    anna, ben = anna_and_ben()
    made = merge(anna, ben)

    happened(ben.pk, "Product Viewed", at=NOON)
    happened(anna.pk, "Product Viewed", at=NOON)
    happened(ben.pk, "Order Completed", at=NOON, amount=Decimal(5), order_id="O-3")

    assert Order.objects.filter(profile_id=anna.pk).count() == 3
    unmerge(made)
    mine = Event.objects.filter(profile_id=ben.pk)
    assert mine.filter(name="Product Viewed").count() == 2
    assert Event.objects.filter(profile_id=anna.pk, name="Product Viewed").count() == 2
    assert set(Order.objects.filter(profile_id=ben.pk).values_list("order_id", flat=True)) == {
        "O-2",
        "O-3",
    }
    assert EventDaily.objects.filter(profile_id=ben.pk).aggregate(n=Sum("count"))["n"] == 5
    assert CustomerProfile.objects.get(pk=ben.pk).last_seen_at == NOON


def test_a_value_said_since_stays_with_who_was_kept() -> None:
    anna, ben = anna_and_ben()
    made = merge(anna, ben)
    held = CustomerProfile.objects.get(pk=anna.pk)
    held.attributes["city"] = "Rome"
    held.origins["attributes.city"] = {"source": "crm", "at": NOON.isoformat()}
    held.save()

    unmerge(made)

    assert CustomerProfile.objects.get(pk=anna.pk).attributes["city"] == "Rome"
    assert CustomerProfile.objects.get(pk=ben.pk).attributes["city"] == "Paris"


def test_a_visitor_without_a_profile_leaves_none_behind() -> None:
    anna, visitor = somebody(external_id="C-1"), somebody(anonymous_id="v")
    happened(visitor.pk, "Product Viewed", at=NOON)
    before = dump()

    made = merge(anna, visitor)

    assert CustomerProfile.objects.get(pk=anna.pk).last_seen_at == NOON
    unmerge(made)
    assert dump() == before
    assert not CustomerProfile.objects.filter(pk=anna.pk).exists()


def test_any_link_of_a_chain_can_be_undone_first() -> None:
    a, b, c = (somebody(external_id=f"C-{n}") for n in range(3))
    for number, row in enumerate((a, b, c)):
        profile(row, at=NOON - number * HOUR, personal={}, **{f"own{number}": number})
        happened(row.pk, "Product Viewed", at=NOON - number * HOUR)
    before = dump()
    first, second = merge(b, a), merge(c, b)
    assert {living(row.pk) for row in (a, b, c)} == {c.pk}
    assert set(
        DataSubject.objects.exclude(merged_into=None).values_list("merged_into", flat=True)
    ) == {c.pk}

    unmerge(first)

    assert [living(row.pk) for row in (a, b, c)] == [a.pk, c.pk, c.pk]
    assert set(CustomerProfile.objects.get(pk=c.pk).attributes) == {"own1", "own2"}
    assert Event.objects.filter(profile_id=c.pk).count() == 2
    unmerge(second)
    assert dump() == before


def test_what_cannot_be_is_refused_with_the_reason() -> None:
    anna, ben = anna_and_ben()
    made = merge(anna, ben)

    with pytest.raises(MergeRefused, match="erased or joined"):
        merge(anna, ben)
    with pytest.raises(MergeRefused, match="itself"):
        merge(anna, anna)
    unmerge(made)
    with pytest.raises(MergeRefused, match="parted before"):
        unmerge(made)
    DataSubject.objects.filter(pk=ben.pk).update(erased_at=NOON, wrapped_key=None, email_index=None)
    with pytest.raises(MergeRefused, match="erased or joined"):
        merge(anna, ben)


def test_a_merge_and_its_undoing_are_in_the_audit_log_by_pseudonym() -> None:
    anna, ben = anna_and_ben()
    actor = User.objects.create_user("judge")

    made = merge(anna, ben, actor=actor)
    joining.unmerge(made.pk, actor=actor, now=NOON)

    there, back = AuditEntry.objects.filter(action__startswith="identity.").order_by("id")
    assert [each.action for each in (there, back)] == ["identity.merge", "identity.part"]
    assert {each.actor for each in (there, back)} == {actor}
    assert there.pseudonym == anna.pseudonym
    assert there.detail == {"absorbed": str(ben.pseudonym), "reason": "decided", "source": "test"}
    assert Merge.objects.get().undone_by == actor


def test_what_was_asked_is_answered_by_a_merge_and_by_its_undoing() -> None:
    anna, ben = anna_and_ben()
    doubt = identify.Doubt(first_id=anna.pk, second_id=ben.pk, reason="test")
    proposals.note([doubt], source="shop", now=NOON)

    made = merge(anna, ben)
    merged = MergeProposal.objects.get().state
    unmerge(made)

    assert (merged, MergeProposal.objects.get().state) == ("merged", "rejected")


def test_a_refusal_at_one_address_holds_for_the_person_while_they_are_joined() -> None:
    anna, ben = somebody(email="anna@example.com"), somebody(email="ben@example.com")
    for row in (anna, ben):
        ledger.grant(row, purpose="email_marketing", source="form", at=NOON - HOUR)
    suppression.suppress_subject(ben, reason="complaint", source="test", at=NOON)
    before = dump()

    made = merge(anna, ben)

    assert _refusal(anna) == "suppressed"
    unmerge(made)
    assert dump() == before
    assert _refusal(anna) == ""


def _refusal(subject: DataSubject) -> str:
    return gate.ask(subject, purpose="email_marketing", at=NOON + HOUR).reason


def test_joining_many_takes_as_many_statements_as_joining_few() -> None:
    def statements(count: int) -> int:
        pairs = []
        for number in range(count):
            kept = somebody(external_id=f"{count}-{number}")
            visitor = somebody(anonymous_id=f"{count}-{number}")
            happened(visitor.pk, "Product Viewed", at=NOON)
            pairs.append(joining.Pair(kept_id=kept.pk, absorbed_id=visitor.pk, reason="identified"))
        with CaptureQueriesContext(connection) as captured:
            joining.merge_many(pairs, source="shop", actor=None, now=NOON)
        return len(captured)

    assert statements(2) == statements(40) < 40


@concurrent
def test_two_who_decide_at_once_merge_and_part_once() -> None:
    anna, ben = somebody(external_id="C-1"), somebody(external_id="C-2")

    def refused(deed: Callable[[], object]) -> bool:
        try:
            deed()
        except MergeRefused:
            return True
        return False

    forth = partial(refused, partial(merge, anna, ben))
    back = partial(refused, partial(merge, ben, anna))
    assert sorted(at_once(forth, back)) == [False, True]
    undo = partial(refused, partial(joining.unmerge, Merge.objects.get().pk, actor=None, now=NOON))
    assert sorted(at_once(undo, undo)) == [False, True]
    assert {living(row.pk) for row in (anna, ben)} == {anna.pk, ben.pk}


def test_through_the_collector_a_visitor_becomes_a_customer_and_can_be_parted_again() -> None:
    yes = (Said("profiling", is_granted=True, source="banner"),)
    names = {"external_id": "", "anonymous_id": "v"}
    seen = partial(event, name="Product Viewed", timestamp=NOON - HOUR, said=yes)
    take_in(seen("1", **names), seen("2", **names))
    take_in(event("3", name="", type="identify", external_id="C-1", anonymous_id="v", said=yes))
    take_in(seen("4", **names), seen("5", external_id="C-1"))
    customer = identify.find("external_id", "C-1", source="shop")
    assert customer is not None
    assert Event.objects.filter(profile_id=customer.pk).count() == 4

    made = Merge.objects.get()
    unmerge(made)

    assert Event.objects.filter(profile_id=made.absorbed_id).count() == 3
    assert Event.objects.filter(profile_id=customer.pk).count() == 1
