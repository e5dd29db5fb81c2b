"""Two profiles become one and two again: nothing is lost, counted twice or left behind."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import gate, identify, ledger, suppression
from consent.ledger import Statement
from consent.models import (
    AuditEntry,
    ConsentRecord,
    ConsentState,
    DataSubject,
    Merge,
    MergeProposal,
)
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
        profile(row, at=NOON - number * HOUR, **{f"own{number}": number})
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


# What may happen: a number for who it happens to, and for whom or when.
_DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "merge", "part", "view", "order", "grant", "object", "withdraw"]),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    max_size=14,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=_DEEDS, order=st.permutations(range(14)))
def test_after_any_story_all_merges_undone_leave_what_there_would_be_without_them(
    deeds: list[tuple[str, int, int]], order: list[int]
) -> None:
    with TakenBack():
        rows = _five()
        with_merges: dict[str, Any] = {}
        without: dict[str, Any] = {}
        with TakenBack():
            _tell(rows, deeds, may_merge=True)
            _check_moments()
            held = list(Merge.objects.filter(undone_at=None).order_by("pk"))
            for place in order:
                if place < len(held):
                    unmerge(held[place])
            with_merges = _plain(rows)
        with TakenBack():
            _tell(rows, deeds, may_merge=False)
            without = _plain(rows)
        assert with_merges == without


class TakenBack(transaction.Atomic):
    """A block of which nothing stays."""

    def __init__(self) -> None:
        super().__init__(using=None, savepoint=True, durable=False)

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            transaction.set_rollback(True)
        super().__exit__(*error)


def _five() -> list[DataSubject]:
    rows = [
        somebody(external_id="C-0", email="zero@example.com"),
        somebody(external_id="C-1"),
        somebody(email="two@example.com"),
        somebody(anonymous_id="three"),
        somebody(anonymous_id="four"),
    ]
    for number, row in enumerate(rows[:3]):
        profile(
            row, at=NOON, personal={"first_name": str(number)}, shared=number, **{f"n{number}": 1}
        )
    return rows


def _tell(rows: list[DataSubject], deeds: list[tuple[str, int, int]], *, may_merge: bool) -> None:
    made: list[Merge] = []
    for step, (deed, one, other) in enumerate(deeds):
        row, at = rows[one], NOON + step * HOUR
        if deed == "merge" and may_merge and living(row.pk) != living(rows[other].pk):
            pair = joining.Pair(living(row.pk), living(rows[other].pk), reason="decided")
            made += joining.merge_many([pair], source="test", actor=None, now=at)
        elif deed == "part" and may_merge and made:
            joining.unmerge(made.pop(other % len(made)).pk, actor=None, now=at)
        elif deed == "view":
            happened(row.pk, "Product Viewed", at=at)
        elif deed == "order":
            happened(row.pk, "Order Completed", at=at, amount=Decimal(step), order_id=f"O-{other}")
        elif deed in _ACTIONS:
            ledger.record_many([_said(row, deed, number=other, step=step)])


_ACTIONS = {"grant": "granted", "object": "objected", "withdraw": "withdrawn"}


def _said(row: DataSubject, deed: str, *, number: int, step: int) -> Statement:
    return Statement(
        subject_id=row.pk,
        purpose="email_marketing",
        action=_ACTIONS[deed],
        source=f"story {step}",
        occurred_at=NOON + number * HOUR,
        is_own_choice=number % 2 == 0,
    )


def _check_moments() -> None:
    """Every event counts for who its name's row is now, and every day adds up."""
    rows = dict(DataSubject.objects.values_list("pk", "merged_into"))
    for event in Event.objects.all():
        assert event.profile_id == (rows[event.origin_profile_id] or event.origin_profile_id)
    counted = EventDaily.objects.aggregate(n=Sum("count"))["n"] or 0
    assert counted == Event.objects.count()


def _plain(rows: list[DataSubject]) -> dict[str, Any]:
    """Return what every row holds, without numbers that differ from run to run."""
    found = dump(without=[ConsentRecord, ConsentState, Event])
    found["Event"] = sorted(
        Event.objects.values_list("name", "profile_id", "origin_profile_id", "occurred_at")
    )
    found["ConsentState"] = sorted(
        ConsentState.objects.values_list(
            "subject", "purpose", "is_granted", "is_objection", "since", "record__source"
        )
    )
    return found
