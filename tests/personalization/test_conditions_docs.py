"""Every example of docs/conditions.md: it is understood, said as it stands there, and finds whom
it should."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from personalization.conditions.describe import describe
from personalization.conditions.fields import validate
from personalization.conditions.tree import parse
from personalization.models import CustomerProfile, EventItem, Field
from personalization.profiles import catalogue
from personalization.segments import counts
from tests.campaigns.factories import NOON, person, product
from tests.personalization.factories import event

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conditions.md"
EXAMPLE = re.compile(r"### (?P<title>.+)\n\n```json\n(?P<tree>(?:.|\n)+?)\n```\n\n> (?P<said>.+)")
EXAMPLES = {match["title"]: match for match in EXAMPLE.finditer(PAGE.read_text())}


@pytest.fixture(autouse=True)
def _birthday(db: None) -> None:
    Field.objects.get_or_create(
        kind="attributes",
        name="birthday",
        defaults={"label": "Birthday", "type": "date", "purpose_id": "email_marketing"},
    )


def test_the_page_has_the_five_examples() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("title", EXAMPLES)
def test_an_example_is_valid_and_reads_as_the_page_says(title: str) -> None:
    known = catalogue.load()
    node = parse(json.loads(EXAMPLES[title]["tree"]))

    assert validate(node, known) == []
    assert describe(node, catalogue=known) == EXAMPLES[title]["said"]


def test_each_example_finds_one_of_five_people() -> None:
    boots, cart, gone, vip, born = (person(number).pk for number in range(1, 6))
    ordered = event(boots, at=NOON - timedelta(days=3), name="Order Completed", amount=Decimal(20))
    EventItem.objects.create(
        event_id=ordered.pk, line=0, occurred_at=ordered.occurred_at, profile_id=boots,
        name=ordered.name, product_id=product(category="Boots").pk, quantity=1,
    )  # fmt: skip
    event(cart, at=NOON - timedelta(hours=25), name="Product Added")
    event(boots, at=NOON - timedelta(hours=5), name="Product Added")
    event(gone, at=NOON - timedelta(days=200), name="Order Completed", amount=Decimal(20))
    event(vip, at=NOON - timedelta(days=100), name="Order Completed", amount=Decimal(1000))
    CustomerProfile.objects.filter(pk=born).update(attributes={"birthday": "1990-03-08"})
    CustomerProfile.objects.filter(pk=vip).update(attributes={"birthday": "1990-03-09"})

    found = {counts.sample(json.loads(match["tree"]), now=NOON) for match in EXAMPLES.values()}

    assert found == {(boots,), (cart,), (gone,), (vip,), (born,)}


@pytest.mark.parametrize(
    ("today", "is_in"), [("2027-02-28", True), ("2028-02-28", False), ("2028-02-29", True)]
)
def test_a_leap_day_is_kept_on_the_28th_in_a_common_year(today: str, is_in: bool) -> None:
    born = person(1, at=NOON).pk
    CustomerProfile.objects.filter(pk=born).update(attributes={"birthday": "1992-02-29"})
    tree = {"field": "attributes.birthday", "op": "anniversary_within_next", "value": {"days": 1}}
    now = NOON.replace(year=int(today[:4]), month=2, day=int(today[-2:]))

    assert (counts.sample(tree, now=now) == (born,)) is is_in
