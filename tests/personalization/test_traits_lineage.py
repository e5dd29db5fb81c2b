"""Where a value comes from: how many events since when, which formula, which fit, when."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalization import traits
from personalization.models import CustomerProfile, Field
from personalization.traits import lineage
from personalization.traits.formulas import FORMULAS
from tests.campaigns.factories import order, person, product
from tests.consent.people import NOON
from tests.personalization.trait_worlds import happened

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "traits.md"


def test_each_value_says_its_events_formula_and_time() -> None:
    anna = person()
    order(anna, product(1), at=NOON - timedelta(days=10))
    order(anna, product(2), at=NOON - timedelta(days=400))
    happened(anna.pk, "Product Viewed", at=NOON - timedelta(days=1))
    happened(anna.pk, "Email Sent", at=NOON - timedelta(days=1))
    Field.objects.create(
        kind="traits", name="own", label="Own", type="number", purpose_id="profiling",
        definition={"event": "Product Viewed", "function": "count", "days": 30},
    )  # fmt: skip
    traits.compute(now=NOON)
    profile = CustomerProfile.objects.get(pk=anna.pk)

    with CaptureQueriesContext(connection) as captured:
        found = lineage.of(profile, now=NOON)

    assert len(captured) == 3
    assert set(found) == set(profile.traits)
    assert found["recency_days"] == (
        "Whole days since the last order. From 1 orders in the last year."
        " Computed 02 Mar 2026, 12:00."
    )
    assert "From 2 orders since 26 Jan 2025." in found["historic_value"]
    assert "Compared with 1 buyers as of 02 Mar 2026, 12:00." in found["rfm"]
    assert "From 2 acts in the last year." in found["engagement"]
    assert "½^(age in days / 30)" in found["engagement"]
    assert found["own"].startswith(
        "How many times “Product Viewed” happened in the last 30 days."
        " From 1 Product Viewed since 01 Mar 2026."
    )


def test_nothing_derived_has_nothing_to_explain() -> None:
    anna = person()

    assert lineage.of(CustomerProfile.objects.get(pk=anna.pk), now=NOON) == {}


def test_every_trait_of_the_catalogue_has_a_formula_and_a_place_in_the_docs() -> None:
    ours = set(Field.objects.filter(kind="traits").values_list("name", flat=True))
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))

    assert set(FORMULAS) == ours
    assert ours <= told
