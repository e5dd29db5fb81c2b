"""People are found and made behind their identifiers, once, however many ask."""

from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import identify, identity
from consent.identify import Names
from consent.models import DataSubject, Identifier
from tests.consent.people import NOON, at_once, subject

pytestmark = pytest.mark.django_db
concurrent = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def ids(*names: Names, source: str = "shop") -> list[int | None]:
    return identify.resolve(names, source=source).subject_ids


def test_each_kind_of_name_leads_to_the_person_it_was_given_with() -> None:
    names = Names(external_id="C-1", email="anna@example.com", anonymous_id="a-1")
    (person,) = ids(names)

    assert (
        ids(
            Names(external_id="C-1"),
            Names(email="anna@example.com"),
            Names(anonymous_id="a-1"),
            names,
        )
        == [person] * 4
    )
    assert DataSubject.objects.count() == 1
    assert set(Identifier.objects.values_list("kind", "source")) == {
        ("external_id", "shop"),
        ("anonymous_id", "shop"),
        ("email", ""),
    }


def test_numbers_and_anonymous_ids_belong_to_their_source_and_addresses_to_nobody() -> None:
    first = ids(Names(external_id="1"), Names(anonymous_id="a"), Names(email="x@example.com"))

    second = ids(
        Names(external_id="1"), Names(anonymous_id="a"), Names(email="x@example.com"), source="till"
    )

    assert first[0] != second[0]
    assert first[1] != second[1]
    assert first[2] == second[2]


def test_a_number_is_not_mistaken_for_an_anonymous_id() -> None:
    number, anonymous = ids(Names(external_id="7"), Names(anonymous_id="7"))

    assert number != anonymous


def test_rows_of_one_batch_find_each_other() -> None:
    found = ids(
        Names(external_id="C-1", email="a@example.com"),
        Names(email="a@example.com", anonymous_id="v"),
        Names(anonymous_id="v"),
    )

    assert len(set(found)) == 1


def test_a_known_customer_gains_the_address_and_it_becomes_the_current_one() -> None:
    (person,) = ids(Names(external_id="C-1"))
    assert person is not None

    ids(Names(external_id="C-1", email="old@example.com"))
    ids(Names(external_id="C-1", email="new@example.com"))

    assert identify.emails([person]) == {person: "new@example.com"}
    known = DataSubject.objects.get(pk=person)
    assert known.suppression_hash == identity.suppression_hash("new@example.com")
    assert ids(Names(email="old@example.com")) == [person]


def test_a_number_and_an_address_of_two_people_are_a_conflict_and_change_nothing() -> None:
    ids(Names(external_id="C-1", email="a@example.com"), Names(external_id="C-2"))
    subject("b@example.com")
    before = list(Identifier.objects.order_by("pk").values())

    assert ids(Names(external_id="C-2", email="a@example.com")) == [None]
    assert list(Identifier.objects.order_by("pk").values()) == before


def test_a_shared_browser_never_joins_two_customers() -> None:
    first, second = ids(
        Names(external_id="C-1", anonymous_id="kitchen"),
        Names(external_id="C-2", anonymous_id="kitchen"),
    )

    assert first != second
    assert ids(Names(anonymous_id="kitchen")) == [first]


def test_an_anonymous_visitor_stays_apart_until_somebody_merges_them() -> None:
    (visitor,) = ids(Names(anonymous_id="v"))

    (customer,) = ids(Names(external_id="C-1", anonymous_id="v"))

    assert customer != visitor
    assert ids(Names(anonymous_id="v")) == [visitor]


def test_identifiers_are_sealed_under_the_subjects_own_key() -> None:
    anna, ben = subject("anna@example.com"), subject("ben@example.com")
    row = Identifier.objects.get(subject=anna)
    key = identity.unwrap(anna.wrapped_key or b"", pseudonym=str(anna.pseudonym))
    place = "consent_identifier.email"

    opened = identity.open_sealed(row.ciphertext, key=key, place=place, owner=str(anna.pseudonym))

    assert opened == b"anna@example.com"
    other = identity.unwrap(ben.wrapped_key or b"", pseudonym=str(ben.pseudonym))
    with pytest.raises(identity.SealBroken):
        identity.open_sealed(row.ciphertext, key=other, place=place, owner=str(anna.pseudonym))


def test_a_ciphertext_copied_to_another_row_does_not_open() -> None:
    anna, ben = subject("anna@example.com"), subject("ben@example.com")
    stolen = Identifier.objects.get(subject=anna).ciphertext

    Identifier.objects.filter(subject=ben).update(ciphertext=stolen)

    with pytest.raises(identity.SealBroken):
        identify.emails([ben.pk])


def test_a_merged_identifier_leads_to_the_survivor_and_an_erased_one_to_nobody() -> None:
    kept, gone = subject("kept@example.com"), subject("gone@example.com", external_id="C-9")
    DataSubject.objects.filter(pk=gone.pk).update(merged_into=kept)

    assert identify.find("external_id", "C-9", source="shop") == kept
    assert ids(Names(external_id="C-9")) == [kept.pk]
    DataSubject.objects.filter(pk=kept.pk).update(
        erased_at=NOON, wrapped_key=None, email_index=None
    )
    assert identify.find("external_id", "C-9", source="shop") is None
    assert identify.emails([kept.pk]) == {}


def test_an_erased_person_gains_no_new_identifier() -> None:
    gone = subject("", external_id="C-1")
    DataSubject.objects.filter(pk=gone.pk).update(erased_at=NOON, wrapped_key=None)

    ids(Names(external_id="C-1", email="anna@example.com"))

    assert not Identifier.objects.filter(kind="email").exists()
    assert DataSubject.objects.get(pk=gone.pk).suppression_hash is None


def test_query_count_does_not_grow_with_the_batch() -> None:
    def queries(count: int, **given: str) -> int:
        names = [
            Names(external_id=f"{count}-{n}", **{k: v.format(n) for k, v in given.items()})
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as captured:
            ids(*names)
        return len(captured)

    assert queries(2) == queries(100)
    assert queries(2, email="2-{}@example.com") == queries(100, email="100-{}@example.com")
    assert queries(100) < queries(100, anonymous_id="{}") < 12


@concurrent
def test_two_workers_make_the_same_new_people_once() -> None:
    names = [Names(external_id=f"C-{n}", email=f"c{n}@example.com") for n in range(40)]

    forth, back = at_once(partial(ids, *names), partial(ids, *reversed(names)))

    assert forth == list(reversed(back))
    assert DataSubject.objects.count() == 40
    assert Identifier.objects.count() == 80
