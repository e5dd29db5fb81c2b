"""Offers on the page of a campaign: what is left of them, before the launch and after it."""

import pytest

from personalization.models import Offer
from personalization.offers import codes
from personalization.segments import membership
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON
from tests.campaigns.test_offering import campaign, rule
from tests.personalization.factories import client_of
from tests.personalization.offer_support import offer

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("roles")
def test_the_campaigns_page_says_how_many_codes_are_left() -> None:
    offer(kind=Offer.Kind.POOL, with_codes=("A1",))
    make.people(3)
    made = campaign(rule("code", gives="spring"))
    for segment in made.segments.select_related("live"):
        membership.rebuild(segment, now=NOON)

    page = client_of("marketer").get(f"/admin/campaigns/campaign/{made.pk}/results/")

    assert "has 1 code left for an audience of 3" in page.content.decode()
    assert "1 code left" in page.content.decode()


@pytest.mark.usefixtures("roles")
def test_the_campaigns_page_shows_an_empty_pool_before_and_after_the_launch() -> None:
    spring = offer(kind=Offer.Kind.POOL)
    make.people(2)
    made = campaign(rule("code", gives="spring"))
    for segment in made.segments.select_related("live"):
        membership.rebuild(segment, now=NOON)
    address, client = f"/admin/campaigns/campaign/{made.pk}/results/", client_of("marketer")
    before = client.get(address).content.decode()
    codes.add(spring, ["A1"], now=NOON)
    make.launched(made)

    after = client.get(address).content.decode()

    assert "has no codes left for an audience of 2" in before
    assert "0 codes left" in before
    assert "0 codes left" in after


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("kind", list(Offer.Kind))
def test_a_code_is_written_on_the_page_of_the_one_for_everybody_only(kind: str) -> None:
    made = offer(kind=kind, code="ALL10" if kind == Offer.Kind.STATIC else "")
    address, client = f"/admin/personalization/offer/{made.pk}/change/", client_of("marketer")

    page = client.get(address).content.decode()
    saved = client.post(
        address, {"name": "Another", "unit": "percent", "code": made.code, "is_active": "on"}
    )

    assert ('name="code"' in page) is (kind == Offer.Kind.STATIC)
    assert saved.status_code == 302
    found = Offer.objects.get()
    assert (found.name, found.code, found.kind) == ("Another", made.code, kind)
