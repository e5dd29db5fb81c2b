"""A value goes when its field's time is over, and not before."""

from datetime import datetime, timedelta

import pytest

from personalization.importing import profile_store
from personalization.importing.expiry import remove_old_values
from personalization.importing.profile_store import Change
from personalization.models import CustomerProfile, Field
from tests.consent.people import NOON, subject

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


@pytest.fixture(autouse=True)
def _fields() -> None:
    Field.objects.filter(name="city").update(retention_days=30)
    Field.objects.filter(name="country").update(retention_days=700)


def customer(*, came: datetime, seen: datetime) -> int:
    made = subject("", external_id="C-1", source="shop")
    change = Change(
        subject_id=made.pk,
        personal={"first_name": "Ada"},
        attributes={"city": "Ghent", "country": "BE", "language": "nl"},
    )
    profile_store.save([change], source="shop", now=came)
    CustomerProfile.objects.filter(pk=made.pk).update(last_seen_at=seen)
    return made.pk


def held(person: int) -> tuple[set[str], set[str]]:
    profile = CustomerProfile.objects.get(pk=person)
    return set(profile.attributes), set(profile.origins)


def test_each_value_goes_by_the_retention_of_its_field_or_else_its_purpose() -> None:
    person = customer(came=NOON - YEAR, seen=NOON - YEAR)

    assert remove_old_values(now=NOON) == 1

    attributes, origins = held(person)
    assert attributes == {"country", "language"}
    assert origins == {"attributes.country", "attributes.language", "personal.first_name"}
    assert remove_old_values(now=NOON) == 0
    assert remove_old_values(now=NOON + 3 * YEAR) == 1
    assert held(person) == (set(), {"personal.first_name"})


@pytest.mark.parametrize(
    ("came", "seen"),
    [(NOON - YEAR, NOON - timedelta(days=29)), (NOON - timedelta(days=29), NOON - YEAR)],
)
def test_a_value_stays_while_it_is_young_or_the_customer_comes(
    came: datetime, seen: datetime
) -> None:
    person = customer(came=came, seen=seen)

    assert remove_old_values(now=NOON) == 0
    assert "city" in held(person)[0]


def test_sealed_names_stay_readable_when_another_value_goes() -> None:
    person = customer(came=NOON - YEAR, seen=NOON - YEAR)

    remove_old_values(now=NOON)

    assert profile_store.locked([person])[person].values.personal == {"first_name": "Ada"}


def test_a_sealed_sensitive_value_goes_as_well() -> None:
    person = customer(came=NOON - YEAR, seen=NOON - YEAR)
    Field.objects.create(
        kind="attributes",
        name="allergy",
        label="Allergy",
        type="text",
        purpose_id="profiling",
        is_sensitive=True,
        retention_days=10,
    )
    sealed = Change(subject_id=person, personal={"allergy": "nuts"})
    profile_store.save([sealed], source="shop", now=NOON - YEAR)
    CustomerProfile.objects.filter(pk=person).update(last_seen_at=NOON - YEAR)

    remove_old_values(now=NOON)

    assert set(profile_store.locked([person])[person].values.personal) == {"first_name"}
