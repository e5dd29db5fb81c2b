"""The page of a customer and of two who may be one, in a real browser, wide and narrow."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from consent.identify import Names
from consent.models import DataSubject, Merge, MergeProposal
from personalization import merging
from tests.browser import DESKTOP, PHONE, Open, overflow
from tests.campaigns.factories import SOURCE, person, product
from tests.personalization.ground import real_commits as real_commits
from tests.personalization.merging_support import happened

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("real_commits"),
]


def anna_with_a_past() -> DataSubject:
    """A customer with a browser of before, an order and a cart; and one who may be her."""
    now = timezone.now()
    anna = person(1)
    person(2, first_name="Anna-Maria-Magdalena")
    boots = product(name="Blue boots with a rather long name")
    (visitor,) = merging.resolve([Names(anonymous_id="v" * 60)], source=SOURCE, now=now).subject_ids
    happened(visitor or 0, "Product Viewed", at=now - timedelta(days=2), product=boots)
    merging.resolve(
        [
            Names(external_id="C1", anonymous_id="v" * 60),
            Names(external_id="C1", email="anna-maria-magdalena2@example.com"),
        ],
        source=SOURCE,
        now=now,
    )
    paid = Decimal("1139.80")
    happened(anna.pk, "Order Completed", at=now, product=boots, amount=paid, order_id="10042")
    return anna


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_page_of_a_customer_fits(open_as: Open, width: int) -> None:
    anna = anna_with_a_past()

    url = reverse("admin:personalization_customerprofile_change", args=[anna.pk])
    page = open_as("compliance", url, width=width)

    assert overflow(page) == 0
    assert page.get_by_text("A browser or app").is_visible()
    assert page.get_by_text("v" * 60).is_visible()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_two_people_are_made_one_and_two_again(open_as: Open, width: int) -> None:
    anna = anna_with_a_past()
    asked = MergeProposal.objects.get()

    url = reverse("admin:consent_mergeproposal_change", args=[asked.pk])
    page = open_as("compliance", url, width=width)
    assert overflow(page) == 0
    page.get_by_role("button", name="Merge …").click()
    page.get_by_role("button", name="Merge them").wait_for()
    assert overflow(page) == 0
    page.get_by_role("button", name="Merge them").click()
    page.get_by_text("They are one customer now").wait_for()
    made = Merge.objects.get(reason="decided")
    assert made.kept_id == anna.pk
    page.goto(reverse("admin:consent_merge_change", args=[made.pk]))
    assert overflow(page) == 0
    page.get_by_role("button", name="Undo").click()

    page.get_by_text("They are two again. Each has").wait_for()
    assert Merge.objects.get(pk=made.pk).undone_at is not None
