"""Whose an event is, what it says of the person, and what they allow: in the order it came."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from consent import identify, identity, ledger
from consent.models import ConsentRecord, ConsentState, DataSubject, Identifier, Purpose
from personalization.importing import profile_store
from personalization.importing.profile_store import PLACE
from personalization.ingest import seen
from personalization.ingest.incoming import Incoming, Said
from personalization.models import CustomerProfile, Event, Field, SeenProperty, Source, SourceDay
from tests.consent.people import NOON, subject
from tests.personalization.ground import SHOP, event, take_in

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
YES, NO = True, False


@pytest.fixture(autouse=True)
def _shop(db: None) -> None:
    seen.forget()
    Source.objects.get_or_create(slug=SHOP, defaults={"name": "Shop"})


def said(is_granted: bool, purpose: str = "profiling") -> tuple[Said, ...]:
    return (Said(purpose=purpose, is_granted=is_granted, source="banner"),)


def view(message_id: str, **given: Any) -> Incoming:
    return event(message_id, "Product Viewed", **given)


def visitor(message_id: str, **given: Any) -> Incoming:
    return view(message_id, external_id="", anonymous_id="anon-1", **given)


def tells(message_id: str, traits: dict[str, object], **given: Any) -> Incoming:
    return event(message_id, "", type="identify", traits=traits, **given)


def profile(external_id: str = "C-1") -> CustomerProfile:
    found = identify.find("external_id", external_id, source=SHOP)
    assert found is not None
    return CustomerProfile.objects.get(pk=found.pk)


def names(profile: CustomerProfile) -> dict[str, str]:
    owner = str(profile.subject.pseudonym)
    key = identity.unwrap(profile.subject.wrapped_key or b"", pseudonym=owner)
    sealed = identity.open_sealed(profile.personal or b"", key=key, place=PLACE, owner=owner)
    found: dict[str, str] = orjson.loads(sealed)
    return found


def counted(outcome: str) -> dict[str, int]:
    rows = SourceDay.objects.filter(source__slug=SHOP, outcome=outcome)
    return dict(rows.values_list("detail", "count"))


def test_a_visitor_who_allowed_nothing_leaves_no_trace_but_a_count() -> None:
    applied = take_in(visitor("m1"), visitor("m2", said=said(NO)))

    assert (applied.stored, applied.refused) == (0, 2)
    assert not DataSubject.objects.exists()
    assert not Identifier.objects.exists()
    assert counted("refused") == {"profiling": 2}


def test_a_visitor_is_known_from_the_event_that_allows_it_on() -> None:
    take_in(visitor("m1"))

    first = take_in(visitor("m2", said=said(YES)), visitor("m3"))
    second = take_in(visitor("m4"))

    assert (first.stored, second.stored) == (2, 1)
    assert Event.objects.values("profile_id").distinct().count() == 1
    assert ConsentRecord.objects.count() == 1


def test_a_visitors_order_is_kept_by_contract_and_their_browsing_is_not() -> None:
    applied = take_in(
        visitor("m1"),
        event("m2", external_id="", anonymous_id="anon-1", properties={"total": 5}),
        event("m3", external_id="", traits={"email": "Anna@Example.com"}),
    )

    assert (applied.stored, applied.refused) == (2, 1)
    assert identify.find("email", "anna@example.com") is not None


def test_consent_in_an_event_goes_to_the_ledger_before_the_event_is_judged() -> None:
    applied = take_in(view("m1", said=said(YES)))

    assert applied.stored == 1
    record = ConsentRecord.objects.get()
    assert (record.action, record.source, record.is_own_choice) == ("granted", "banner", False)
    assert record.occurred_at == NOON - HOUR


def test_a_refusal_in_an_event_refuses_that_event_and_those_after_it() -> None:
    take_in(view("m1", said=said(YES)))

    applied = take_in(
        view("m2", said=said(NO), timestamp=NOON - HOUR / 2, properties={"secret": "x"}), view("m3")
    )

    assert applied.refused == 2
    assert Event.objects.count() == 1
    assert not ConsentState.objects.get().is_granted


def test_a_consent_that_every_event_repeats_stands_in_the_ledger_once() -> None:
    for part in range(3):
        take_in(
            *(view(f"{part}-{n}", said=said(YES), timestamp=NOON - HOUR / (part + n + 1))
              for n in range(4))
        )  # fmt: skip

    assert ConsentRecord.objects.count() == 1


def test_a_yes_that_comes_late_does_not_lift_a_younger_no_nor_one_that_may_have_been_repeated() -> (
    None
):
    take_in(view("m1", said=said(NO), timestamp=NOON - 5 * HOUR))

    take_in(view("m2", said=said(YES), timestamp=NOON - 6 * HOUR))
    take_in(view("m3", said=said(YES), timestamp=NOON - 2 * HOUR))
    assert not ConsentState.objects.get().is_granted

    take_in(view("m4", said=said(YES), timestamp=NOON - HOUR / 4))
    assert ConsentState.objects.get().is_granted


def test_a_banner_lifts_no_objection() -> None:
    anna = subject("", external_id="C-1", source=SHOP)
    ledger.object_to(anna, purpose="profiling", source="page", at=NOON - 5 * HOUR)

    applied = take_in(view("m1", said=said(YES)), view("m2", said=said(YES)))

    assert applied.refused == 2
    assert ConsentState.objects.get().is_objection


def test_consent_for_a_purpose_nobody_registered_is_left_out() -> None:
    applied = take_in(event("m1", said=said(YES, purpose="dancing")))

    assert applied.stored == 1
    assert not ConsentRecord.objects.exists()


def test_traits_become_registered_fields_and_sealed_names_and_the_rest_is_only_noted() -> None:
    traits: dict[str, object] = {
        "email": "Anna@Example.com", "firstName": "Anna", "lastName": "Ahrens",
        "phone": "+49 151 1", "address": {"street": "Weg 1", "city": "Bonn", "country": "DE"},
        "shoeSize": 39, "language": ["de"],
    }  # fmt: skip

    applied = take_in(tells("m1", traits))

    anna = profile()
    assert applied.stored == 1
    assert anna.attributes == {"city": "Bonn", "country": "DE"}
    assert anna.origins["attributes.city"] == {
        "source": SHOP, "at": (NOON - HOUR).isoformat(),
    }  # fmt: skip
    assert names(anna) == {
        "first_name": "Anna", "last_name": "Ahrens", "phone": "+49 151 1", "street": "Weg 1",
    }  # fmt: skip
    assert identify.find("email", "anna@example.com") == anna.subject
    noted = dict(SeenProperty.objects.filter(event="").values_list("name", "is_kept"))
    assert {name for name, is_kept in noted.items() if not is_kept} == {"shoeSize", "language"}
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("registered", "sent"),
    [
        ("shoeSize", "shoeSize"), ("shoe_size", "shoeSize"), ("shoeSize", "shoe_size"),
        ("shoe-size", "Shoe Size"), ("VIP", "VIP"), ("Lieblingsfarbe", "lieblingsfarbe"),
    ],
)  # fmt: skip
def test_a_trait_is_known_by_its_registered_name_whatever_its_case_and_separators(
    registered: str, sent: str
) -> None:
    purpose = Purpose.objects.get(code="profiling")
    Field.objects.create(
        kind="attributes", name=registered, label="x", type="text", purpose=purpose
    )

    take_in(tells("m1", {sent: "39"}))

    assert profile().attributes == {registered: "39"}
    assert SeenProperty.objects.get(event="", name=sent).is_kept


def test_who_refuses_a_purpose_fills_no_field_that_is_kept_for_it() -> None:
    purpose = Purpose.objects.get(code="profiling")
    Field.objects.create(
        kind="attributes", name="style", label="Style", type="text", purpose=purpose
    )

    take_in(tells("m1", {"style": "bold", "city": "Bonn", "first_name": "A"}, said=said(NO)))

    assert profile().attributes == {"city": "Bonn"}
    assert names(profile()) == {"first_name": "A"}
    assert SeenProperty.objects.get(event="", name="style").is_kept


def test_of_two_fields_that_read_alike_the_one_that_was_named_is_filled() -> None:
    purpose = Purpose.objects.get(code="profiling")
    for name in ("shoeSize", "shoe_size"):
        Field.objects.create(kind="attributes", name=name, label="x", type="text", purpose=purpose)

    take_in(tells("m1", {"shoeSize": "39", "shoe_size": "40"}))

    assert profile().attributes == {"shoeSize": "39", "shoe_size": "40"}


def test_a_full_name_is_parted_unless_its_parts_are_given() -> None:
    take_in(
        tells("m1", {"name": "Anna Maria Ahrens"}),
        tells("m2", {"name": "Ben B", "first_name": "Benjamin"}, external_id="C-2"),
    )

    assert names(profile()) == {"first_name": "Anna", "last_name": "Maria Ahrens"}
    assert names(profile("C-2")) == {"first_name": "Benjamin", "last_name": "B"}


def test_a_value_said_earlier_that_comes_later_does_not_replace_a_younger_one() -> None:
    take_in(tells("m1", {"city": "Bonn", "country": "DE"}, timestamp=NOON - HOUR))

    take_in(tells("m2", {"city": "Rome", "timezone": "CET"}, timestamp=NOON - 3 * HOUR))
    take_in(
        tells("m4", {"country": "FR"}, timestamp=NOON - HOUR / 4),
        tells("m3", {"country": "IT"}, timestamp=NOON - HOUR / 2),
    )

    assert profile().attributes == {"city": "Bonn", "country": "FR", "timezone": "CET"}


def test_a_sensitive_field_needs_the_explicit_consent_to_its_own_purpose() -> None:
    health = Purpose.objects.create(
        code="health", name="Health", description="x", is_explicit=True, retention_days=30
    )
    Field.objects.create(
        kind="attributes", name="allergy", label="Allergy", type="text", purpose=health,
        is_sensitive=True,
    )  # fmt: skip
    take_in(tells("m1", {"allergy": "nuts", "city": "Bonn"}))
    assert profile().attributes == {"city": "Bonn"}

    take_in(tells("m2", {"allergy": "nuts"}, said=said(YES, purpose="health")))

    # Kept, but sealed: in no condition and no preview.
    assert profile().attributes == {"city": "Bonn"}
    (held,) = profile_store.locked([profile().pk]).values()
    assert held.values.personal == {"allergy": "nuts"}


def test_pages_and_screens_are_stored_under_one_name_and_groups_as_nothing() -> None:
    applied = take_in(
        event("m0", "", type="alias", said=said(YES)),
        event("m1", "Pricing", type="page", properties={"path": "/"}),
        event("m2", "", type="screen"),
        event("m3", "", type="group", traits={"plan": "pro"}),
    )

    assert applied.stored == 4
    assert list(Event.objects.order_by("pk").values_list("name", "properties")) == [
        ("Page Viewed", {"path": "/", "page_name": "Pricing"}),
        ("Screen Viewed", {}),
    ]


def test_who_was_merged_gets_their_events_under_the_one_that_was_kept() -> None:
    anna = subject("", external_id="C-1", source=SHOP)
    double = subject("", external_id="C-2", source=SHOP)
    DataSubject.objects.filter(pk=double.pk).update(merged_into=anna)

    take_in(event("m1", external_id="C-2"), event("m2", subject_id=double.pk))

    assert set(Event.objects.values_list("profile_id", flat=True)) == {anna.pk}


def test_a_visitor_who_says_who_they_are_joins_the_customer_with_what_they_did_before() -> None:
    take_in(visitor("m1", said=said(YES)))
    before = Event.objects.get().profile_id

    take_in(
        visitor("m2"),
        event("m3", "", type="identify", anonymous_id="anon-1"),
        visitor("m4"),
    )

    anna = identify.find("external_id", "C-1", source=SHOP)
    assert anna is not None
    assert set(Event.objects.values_list("profile_id", flat=True)) == {anna.pk}
    assert Event.objects.count() == 3
    assert anna.pk == before or before in set(
        Event.objects.values_list("origin_profile_id", flat=True)
    )


def test_an_alias_joins_who_they_were() -> None:
    take_in(visitor("m1", said=said(YES)))

    take_in(event("m2", "", type="alias", previous_id="anon-1"), view("m3", said=said(YES)))

    assert Event.objects.values("profile_id").distinct().count() == 1
    assert Event.objects.count() == 2


def test_a_batch_that_names_a_visitor_at_its_end_keeps_what_they_did_at_its_beginning() -> None:
    anna = subject("", external_id="C-1", source=SHOP)
    ledger.grant(anna, purpose="profiling", source="test", at=NOON - 5 * HOUR)

    applied = take_in(visitor("m1"), event("m2", "", type="identify", anonymous_id="anon-1"))

    assert applied.stored == 2
    assert Event.objects.get().profile_id == anna.pk


def test_two_known_customers_whom_an_event_calls_one_stay_two_and_the_number_decides() -> None:
    subject("ben@example.com", external_id="C-2", source=SHOP)

    applied = take_in(event("m1", traits={"email": "ben@example.com"}), event("m2"))

    anna = identify.find("external_id", "C-1", source=SHOP)
    assert anna is not None
    assert applied.stored == 2
    assert set(Event.objects.values_list("profile_id", flat=True)) == {anna.pk}


def test_sources_of_one_id_space_mean_the_same_customer() -> None:
    Source.objects.filter(slug=SHOP).update(id_space="numbers")
    Source.objects.create(slug="till", name="Till", id_space="numbers")

    take_in(event("m1"))
    take_in(event("m1"), source="till")

    assert DataSubject.objects.count() == 1
    assert Event.objects.count() == 2
