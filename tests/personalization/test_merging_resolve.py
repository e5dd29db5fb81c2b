"""Visitors become customers in the order in which events say so; two customers never become one."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import identify
from consent.identify import Found, Names
from consent.models import AuditEntry, DataSubject, Identifier, Merge, MergeProposal
from personalization import merging
from personalization.merging import merge as joining
from personalization.merging import proposals
from tests.campaigns.factories import staff
from tests.consent.people import NOON, at_once

pytestmark = pytest.mark.django_db
concurrent = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def found(*names: Names, source: str = "shop") -> Found:
    return merging.resolve(names, source=source, now=NOON)


def ids(*names: Names, source: str = "shop") -> list[int]:
    return [pk or 0 for pk in found(*names, source=source).subject_ids]


def visitor(name: str) -> Names:
    return Names(anonymous_id=name)


def test_a_visitor_who_says_who_they_are_becomes_the_customer() -> None:
    (anonymous,) = ids(visitor("v"))

    (customer,) = ids(Names(external_id="C-1", anonymous_id="v"))

    assert customer != anonymous
    made = Merge.objects.get()
    assert (made.kept_id, made.absorbed_id, made.reason) == (customer, anonymous, "identified")
    assert (made.source, made.at, made.actor) == ("shop", NOON, None)
    after = found(visitor("v"), Names(external_id="C-1"))
    assert after.subject_ids == [customer, customer]
    assert after.origin_ids == [anonymous, customer]


def test_who_was_never_seen_alone_needs_no_merge() -> None:
    first, second = ids(Names(external_id="C-1", anonymous_id="v"), visitor("v"))

    assert first == second
    assert not Merge.objects.exists()


@pytest.mark.parametrize("together", [True, False])
def test_the_same_comes_out_of_one_batch_and_of_many(together: bool) -> None:
    lines = [
        visitor("v"),
        Names(external_id="C-1", email="a@example.com"),
        Names(email="a@example.com", anonymous_id="v"),
        visitor("w"),
        Names(external_id="C-2", anonymous_id="w"),
        Names(external_id="C-1", anonymous_id="w"),
        Names(external_id="C-3", previous_id="v"),
    ]

    if together:
        ids(*lines)
    else:
        for line in lines:
            ids(line)

    assert DataSubject.objects.count() == 5
    assert Merge.objects.count() == 2
    v, w = found(visitor("v"), visitor("w")).subject_ids
    assert [v, w] == ids(Names(external_id="C-1"), Names(external_id="C-2"))


def test_events_of_a_batch_before_the_line_that_names_them_count_for_the_customer() -> None:
    first, second, third = ids(
        visitor("v"), Names(external_id="C-1", anonymous_id="v"), visitor("v")
    )

    assert first == second == third


def test_a_shared_browser_stays_with_the_customer_it_came_to_first() -> None:
    ids(visitor("kitchen"))
    (anna,) = ids(Names(external_id="C-1", anonymous_id="kitchen"))

    (ben,) = ids(Names(external_id="C-2", anonymous_id="kitchen"))

    assert anna != ben
    assert ids(visitor("kitchen")) == [anna]
    assert Merge.objects.count() == 1
    assert not MergeProposal.objects.exists()


def test_a_number_decides_over_an_address_and_a_human_is_asked() -> None:
    anna, ben = ids(Names(external_id="C-1"), Names(email="ben@example.com"))

    torn = found(Names(external_id="C-1", email="ben@example.com", anonymous_id="v"))

    assert torn.subject_ids == [anna]
    assert not Merge.objects.exists()
    asked = MergeProposal.objects.get()
    assert (asked.first_id, asked.second_id, asked.state) == (*sorted((anna, ben)), "open")
    assert "ben" not in asked.reason
    assert ids(Names(email="ben@example.com"), visitor("v")) == [ben, anna]


@pytest.mark.usefixtures("roles")
def test_what_is_asked_once_is_not_asked_again() -> None:
    ids(Names(external_id="C-1"), Names(email="ben@example.com"))
    torn = Names(external_id="C-1", email="ben@example.com")
    ids(torn, torn)
    proposals.reject(MergeProposal.objects.get(), actor=staff("admin"), now=NOON)

    ids(torn)

    asked = MergeProposal.objects.get()
    assert (asked.state, asked.seen_count) == ("rejected", 2)
    assert AuditEntry.objects.filter(action="identity.reject").count() == 1


def test_an_alias_leads_a_visitor_to_their_number() -> None:
    (anonymous,) = ids(visitor("v"))

    (customer,) = ids(Names(external_id="C-1", previous_id="v"))

    assert Merge.objects.get().reason == "aliased"
    assert ids(visitor("v")) == [customer] != [anonymous]


def test_an_alias_of_a_number_nobody_knows_is_a_new_name_of_the_customer() -> None:
    (customer,) = ids(Names(external_id="C-1"))

    assert ids(Names(external_id="C-2", previous_id="C-1")) == [customer]
    assert ids(Names(external_id="C-2")) == [customer]
    assert not MergeProposal.objects.exists()


def test_an_alias_between_two_known_numbers_asks_a_human() -> None:
    one, two = ids(Names(external_id="C-1"), Names(external_id="C-2"))

    assert ids(Names(external_id="C-2", previous_id="C-1")) == [two]
    assert MergeProposal.objects.get().first_id == one


def test_an_alias_of_a_shared_browser_makes_nobody_somebody_else() -> None:
    (anna,) = ids(Names(external_id="C-1", anonymous_id="kitchen"))

    (ben,) = ids(Names(external_id="C-2", previous_id="kitchen"))

    assert ben != anna
    assert ids(visitor("kitchen")) == [anna]
    assert not Merge.objects.exists()
    assert not MergeProposal.objects.exists()


def test_an_alias_of_somebody_unknown_waits_for_their_events() -> None:
    (customer,) = ids(Names(external_id="C-1", previous_id="v"))

    assert ids(visitor("v")) == [customer]


def test_visitors_can_be_one_before_anybody_knows_who() -> None:
    one, two = ids(visitor("one"), visitor("two"))

    (both,) = ids(Names(anonymous_id="two", previous_id="one"))
    (customer,) = ids(Names(external_id="C-1", anonymous_id="two"))

    assert both == two
    assert ids(visitor("one"), visitor("two")) == [customer, customer]
    rows = DataSubject.objects.filter(pk__in=(one, two)).values_list("merged_into", flat=True)
    assert set(rows) == {customer}


def test_two_visitors_in_one_batch_become_one_customer_through_a_chain() -> None:
    ids(visitor("one"), visitor("two"))

    ids(
        Names(anonymous_id="two", previous_id="one"),
        Names(external_id="C-1", anonymous_id="two"),
    )

    (customer,) = ids(Names(external_id="C-1"))
    assert ids(visitor("one"), visitor("two")) == [customer, customer]
    merged = DataSubject.objects.exclude(merged_into=None)
    assert set(merged.values_list("merged_into", flat=True)) == {customer}


@pytest.mark.usefixtures("roles")
def test_whom_a_human_parted_does_not_find_together_again_by_itself() -> None:
    (anonymous,) = ids(visitor("v"))
    (customer,) = ids(Names(external_id="C-1", anonymous_id="v"))
    joining.unmerge(Merge.objects.get().pk, actor=staff("admin"), now=NOON)

    assert ids(Names(external_id="C-1", anonymous_id="v"), visitor("v")) == [customer, anonymous]
    (other,) = ids(Names(external_id="C-2", anonymous_id="v"))
    assert ids(visitor("v")) == [other]


def test_an_erased_customer_takes_in_no_visitor() -> None:
    (customer,) = ids(Names(external_id="C-1"))
    (anonymous,) = ids(visitor("v"))
    DataSubject.objects.filter(pk=customer).update(erased_at=NOON, wrapped_key=None)

    ids(Names(external_id="C-1", anonymous_id="v"))

    assert ids(visitor("v")) == [anonymous]


def test_a_thousand_visitors_join_in_as_many_statements_as_two() -> None:
    def statements(count: int) -> int:
        ids(*(visitor(f"{count}-{n}") for n in range(count)))
        lines = [
            Names(external_id=f"{count}-{n}", anonymous_id=f"{count}-{n}") for n in range(count)
        ]
        with CaptureQueriesContext(connection) as captured:
            ids(*lines)
        assert Merge.objects.count() >= count
        return len(captured)

    assert statements(2) == statements(1000) < 60


def test_a_batch_that_changes_nothing_takes_few_statements_and_no_lock() -> None:
    ids(visitor("v"))
    lines = [Names(external_id="C-1", anonymous_id="v"), Names(external_id="C-2", anonymous_id="v")]
    ids(*lines)

    with CaptureQueriesContext(connection) as captured:
        ids(*lines, visitor("v"))

    asked = [each["sql"] for each in captured if "SAVEPOINT" not in each["sql"]]
    assert len(asked) == 3
    assert not [sql for sql in asked if "UPDATE" in sql or "lock" in sql]


@concurrent
def test_two_workers_at_once_join_each_visitor_once() -> None:
    numbers = range(40)
    ids(*(visitor(f"v{n}") for n in numbers))
    lines = [Names(external_id=f"C-{n}", anonymous_id=f"v{n}") for n in numbers]

    forth, back = at_once(partial(ids, *lines), partial(ids, *reversed(lines)))

    assert forth == list(reversed(back))
    assert Merge.objects.count() == 40
    assert Identifier.objects.count() == 80


@concurrent
def test_names_and_merges_of_other_places_at_the_same_time_do_not_lock_each_other_out() -> None:
    numbers = range(30)
    ids(*(visitor(f"v{n}") for n in numbers))
    events = [Names(external_id=f"C-{n}", anonymous_id=f"v{n}") for n in numbers]
    files = [Names(external_id=f"C-{n}", email=f"c{n}@example.com") for n in reversed(numbers)]

    at_once(
        partial(ids, *events),
        partial(identify.resolve, files, source="shop"),
        partial(ids, *reversed(events)),
    )

    assert Identifier.objects.count() == 90
    assert DataSubject.objects.filter(merged_into=None).count() == 30
