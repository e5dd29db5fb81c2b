"""Feeds: the same for everybody, without a key, kept by proxies; made in the admin."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from personalization.models import Feed, Product, RecommendationChain
from personalization.recommendations import chains, shelf
from personalization.serving import feeds
from tests.campaigns import factories as make
from tests.personalization.factories import client_of

pytestmark = pytest.mark.django_db
ADD = reverse("admin:personalization_feed_add")


@pytest.fixture(autouse=True)
def _own_models(settings: Settings, tmp_path: Path) -> None:
    settings.ATTUNE_VAR = tmp_path
    shelf.forget()


def products() -> None:
    for number, category in enumerate(("boots", "boots", "boots", "socks"), start=1):
        made = make.product(number, category=category)
        Product.objects.filter(pk=made.pk).update(price=Decimal(10 * number))


def get(slug: str = "boots", **headers: str) -> Any:
    return Client().get(f"/api/v1/feeds/{slug}.json", headers=headers)


def a_feed(**given: Any) -> Feed:
    return Feed.objects.create(slug="boots", name="Boots", **{"max_age": 120, **given})


def test_a_feed_needs_no_key_and_may_be_kept_by_everybody() -> None:
    products()
    a_feed(parameters={"categories": ["boots"], "price_to": 20, "per_category": 50})

    answer = get()

    body = answer.json()
    assert (answer.status_code, body["feed"], body["name"]) == (200, "boots", "Boots")
    assert sorted(item["product_id"] for item in body["items"]) == ["P1", "P2"]
    assert {item["reason"]["because_of"] for item in body["items"]} == {None}
    assert answer["Cache-Control"] == (
        "public, max-age=120, s-maxage=120, stale-while-revalidate=120, stale-if-error=86400"
    )
    assert "Vary" not in answer
    assert "Set-Cookie" not in answer


def test_a_known_etag_is_304_until_the_list_changes() -> None:
    products()
    a_feed(strategy="new", parameters={"categories": ["boots"]})
    first = get()
    shown = first.json()["items"][0]["product_id"]

    known = get(**{"If-None-Match": first["ETag"]})
    Product.objects.filter(product_id=shown).update(in_stock=False)
    shelf.forget()
    changed = get(**{"If-None-Match": first["ETag"]})

    assert (known.status_code, known.content, known["ETag"]) == (304, b"", first["ETag"])
    assert known["Cache-Control"] == first["Cache-Control"]
    assert changed.status_code == 200
    assert shown not in [item["product_id"] for item in changed.json()["items"]]


@pytest.mark.parametrize("slug", ["nonsense", "off", "%5E%C2%B6", "a%00", "a b"])
def test_an_unknown_feed_is_a_problem(slug: str) -> None:
    Feed.objects.create(slug="off", name="Off", is_active=False)

    answer = get(slug)

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert "admin" in answer.json()["title"]


def test_only_strategies_that_need_no_person_are_offered() -> None:
    now = timezone.now()
    for slug, strategy in (("ours", "trending"), ("yours", "buy_again")):
        chain = RecommendationChain.objects.create(slug=slug, name=slug)
        chains.publisher.publish(chain, content={"steps": [{"strategy": strategy}]}, now=now)

    offered = feeds.strategies()

    assert {"trending", "new", "pinned", "popular", "ours"} <= offered.keys()
    assert not {"because_you_bought", "buy_again", "vmis", "popular_here", "yours"} & offered.keys()


@pytest.mark.usefixtures("roles")
def test_a_marketer_makes_a_feed_and_sees_what_it_holds() -> None:
    products()
    client = client_of("marketer")
    form = {
        "name": "Boots", "slug": "boots", "strategy": "new", "limit": "2", "max_age": "60",
        "is_active": "on", "categories": ["boots"], "price_from": "15", "price_to": "",
    }  # fmt: skip

    wrong = client.post(ADD, {**form, "price_to": "5"}).content.decode()
    assert "nothing could be shown" in wrong
    assert client.post(ADD, form).status_code == 302

    feed = Feed.objects.get()
    page = client.get(reverse("admin:personalization_feed_change", args=[feed.pk]))
    text = page.content.decode()
    assert feed.parameters == {"categories": ["boots"], "per_category": 50, "price_from": 15.0}
    assert "/api/v1/feeds/boots.json" in text
    assert [f"Product {number}" in text for number in (1, 2, 3)] == [False, True, True]
    assert "20.00 USD" in text


@pytest.mark.usefixtures("roles")
def test_the_list_teaches_and_takes_few_queries() -> None:
    client = client_of("marketer")
    listed = reverse("admin:personalization_feed_changelist")

    assert "No feeds yet" in client.get(listed).content.decode()
    a_feed()
    assert "/api/v1/feeds/boots.json" in client.get(listed).content.decode()
