"""Which values are offered: frequent ones, shared by several people, with consent, nothing else."""

import pytest

from consent import ledger
from consent.models import DataSubject
from personalization.models import CustomerProfile, EventItem, Field, Product
from personalization.profiles import suggestions
from tests.campaigns.factories import NOON, person
from tests.personalization.factories import event

pytestmark = pytest.mark.django_db


def crowd(*countries: str) -> list[DataSubject]:
    return [person(number, country=country) for number, country in enumerate(countries)]


def told(found: suggestions.Suggestions) -> dict[str, int]:
    return {each.value: each.count for each in found.values}


def test_a_value_of_fewer_than_three_people_points_at_them_and_is_not_told() -> None:
    crowd("DE", "DE", "DE", "FR", "FR")

    assert told(suggestions.of_field("attributes.country", now=NOON)) == {"DE": 3}


def test_who_did_not_agree_is_not_counted() -> None:
    subjects = crowd("DE", "DE", "DE", "DE")
    purpose = Field.objects.get(kind="attributes", name="country").purpose_id
    ledger.withdraw(subjects[0], purpose=purpose, source="test", at=NOON)

    assert told(suggestions.of_field("attributes.country", now=NOON)) == {"DE": 3}


def test_a_term_narrows_what_is_found_in_either_case() -> None:
    crowd("DE", "DE", "DE", "FR", "FR", "FR")

    assert told(suggestions.of_field("attributes.country", term="f", now=NOON)) == {"FR": 3}


@pytest.mark.parametrize("mark", ["is_personal", "is_sensitive"])
def test_personal_and_sensitive_fields_are_never_told(mark: str) -> None:
    crowd("DE", "DE", "DE")
    Field.objects.filter(kind="attributes", name="country").update(**{mark: True})

    assert suggestions.of_field("attributes.country", now=NOON).values == ()


def test_what_looks_like_an_address_is_never_told() -> None:
    crowd("DE", "DE", "DE")
    CustomerProfile.objects.update(attributes={"country": "someone@example.com"})

    assert suggestions.of_field("attributes.country", now=NOON).values == ()


@pytest.mark.parametrize("path", ["attributes.nothing", "personal.first_name", "x' OR 1=1 --", ""])
def test_an_unknown_field_has_no_values(path: str) -> None:
    crowd("DE", "DE", "DE")

    assert suggestions.of_field(path, now=NOON) == suggestions.NONE


def test_members_of_a_list_are_counted_one_by_one() -> None:
    crowd("DE", "DE", "DE")
    CustomerProfile.objects.update(traits={"brand_affinities": ["Acme", "Bell"]})

    assert told(suggestions.of_field("traits.brand_affinities", now=NOON)) == {"Acme": 3, "Bell": 3}


def test_a_property_of_an_event_is_counted_by_event() -> None:
    for subject in crowd("DE", "DE", "DE"):
        event(subject.pk, at=NOON, properties={"list": "Boots"})
        event(subject.pk, at=NOON, properties={"list": "Boots"}, is_machine=True)

    found = suggestions.of_property("Product Viewed", "list", now=NOON)

    assert told(found) == {"Boots": 3}


def test_products_are_offered_by_name_and_sensitive_ones_are_not() -> None:
    fine, secret = (
        Product.objects.create(
            product_id=key, name=f"The {key}", category=key, price=1, currency="EUR",
            is_sensitive=key == "pills",
        )
        for key in ("boots", "pills")
    )  # fmt: skip
    for subject in crowd("DE", "DE", "DE"):
        made = event(subject.pk, at=NOON)
        for line, product in enumerate((fine, secret)):
            EventItem.objects.create(
                event_id=made.pk, line=line, occurred_at=NOON, profile_id=subject.pk,
                name=made.name, product_id=product.pk, quantity=1,
            )  # fmt: skip

    categories = suggestions.of_property("Product Viewed", "product.category", now=NOON)
    products = suggestions.of_property("Product Viewed", "product.product_id", term="the", now=NOON)

    assert told(categories) == {"boots": 3}
    assert [each.label for each in products.values] == ["The boots"]


def test_the_answer_is_cut_and_says_so() -> None:
    subjects = crowd(*["DE"] * 3)
    many = [f"brand {number}" for number in range(suggestions.SHOWN + 5)]
    CustomerProfile.objects.filter(pk__in=[each.pk for each in subjects]).update(
        traits={"brand_affinities": many}
    )

    found = suggestions.of_field("traits.brand_affinities", now=NOON)

    assert (len(found.values), found.is_cut) == (suggestions.SHOWN, True)
    narrow = suggestions.of_field("traits.brand_affinities", term="brand 54", now=NOON)
    assert told(narrow) == {"brand 54": 3}


def test_an_answer_is_remembered() -> None:
    crowd("DE", "DE", "DE")
    suggestions.of_field("attributes.country", now=NOON)
    CustomerProfile.objects.update(attributes={"country": "FR"})

    assert told(suggestions.of_field("attributes.country", now=NOON)) == {"DE": 3}
