"""Recommended products over the API: from one's own events, or the same for everybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from consent import ledger
from consent.models import DataSubject
from personalization import receipts
from personalization.models import Basket, EventItem, Product, Receipt, RecommendationChain
from personalization.recommendations import chains, shelf, train
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.replay import Outcome, replay
from personalization.serving import cards, suggest
from tests.campaigns import factories as make
from tests.personalization.decision_support import key

pytestmark = pytest.mark.django_db
URL = "/api/v1/recommendations/"


@pytest.fixture(autouse=True)
def _own_models(settings: Settings, tmp_path: Path) -> None:
    settings.ATTUNE_VAR = tmp_path
    shelf.forget()
    suggest.forget()
    cards.forget()


def get(*, secret: str = "", headers: Any = None, **given: str) -> Any:
    sent = {"Authorization": f"Bearer {secret or key()}", **(headers or {})}
    return Client().get(URL, given or {"external_id": "C1"}, headers=sent)


def bought(subject: DataSubject, *products: Product, order: int, days_ago: float = 2) -> None:
    EventItem.objects.bulk_create(
        EventItem(
            event_id=order,
            line=line,
            occurred_at=timezone.now() - timedelta(days=days_ago),
            profile_id=subject.pk,
            name="Order Completed",
            product_id=product.pk,
            quantity=1,
            price=product.price,
        )
        for line, product in enumerate(products)
    )


def a_shop() -> tuple[DataSubject, list[Product]]:
    """Tea is bought with milk by others; Anna bought tea; nails sell best."""
    products = [
        make.product(number, name=name, category=f"of {name}")
        for number, name in enumerate(("Tea", "Milk", "Nails"), start=1)
    ]
    tea, milk, nails = products
    anna, others = make.person(1), make.person(2, first_name="Ben")
    for order in range(8):
        bought(others, tea, milk, order=order, days_ago=1 + order)
    for order in range(8, 30):
        bought(others, nails, order=order)
    bought(anna, tea, order=99)
    train.train(now=timezone.now())
    return anna, products


def test_what_one_bought_decides_and_is_named_as_the_cause() -> None:
    a_shop()

    answer = get(external_id="C1", strategy="goes_with", limit="1")

    body = answer.json()
    first = body["items"][0]
    assert (answer.status_code, body["fallback"], body["reasons"]) == (200, False, [])
    assert {name: first[name] for name in ("product_id", "name", "price", "currency", "url")} == {
        "product_id": "P2", "name": "Milk", "price": "19.90", "currency": "USD",
        "url": "https://shop.example.com/2",
    }  # fmt: skip
    assert first["reason"]["kind"] == "goes_with"
    assert first["reason"]["because_of"] == "P1"
    assert "Tea" in first["reason"]["text"]
    assert first["score"] > 0
    assert len(body["items"]) == 1
    assert answer["Cache-Control"].startswith("private, max-age=")
    assert answer["Vary"] == "Authorization, X-API-Key"


def test_what_was_just_bought_is_not_shown_again() -> None:
    a_shop()

    items = get(external_id="C1", strategy="goes_with").json()["items"]

    assert [item["product_id"] for item in items] == ["P2", "P3"]


def test_without_the_consent_to_profiling_nothing_personal_is_used() -> None:
    anna, _ = a_shop()
    ledger.withdraw(anna, purpose="profiling", source="test", at=timezone.now())

    body = get(external_id="C1", strategy="goes_with").json()

    assert body["permission"] == {"may_send": True, "may_profile": False}
    assert body["items"][0]["product_id"] == "P3"
    assert {item["reason"]["because_of"] for item in body["items"]} == {None}


def test_whom_nobody_knows_gets_what_everybody_may_see() -> None:
    a_shop()

    answer = get(external_id="nobody", strategy="goes_with")

    body = answer.json()
    assert (answer.status_code, answer["X-Personalization"]) == (200, "fallback")
    assert body["fallback"] is True
    assert body["reasons"][0]["code"] == "unknown_person"
    assert body["items"][0]["product_id"] == "P3"
    assert {item["reason"]["because_of"] for item in body["items"]} == {None}
    assert get(external_id="nobody", strict="1").status_code == 404


def test_an_unknown_strategy_lists_the_known_ones() -> None:
    a_shop()

    answer = get(external_id="C1", strategy="magic")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert all(name in answer.json()["title"] for name in STRATEGIES)


def test_a_live_chain_is_a_strategy_and_the_calls_limit_holds() -> None:
    a_shop()
    chain = RecommendationChain.objects.create(slug="ours", name="Ours")
    content = {"steps": [{"strategy": "popular"}], "parameters": {"limit": 3}}
    chains.publisher.publish(chain, content=content, now=timezone.now())
    shelf.forget()

    body = get(external_id="C1", strategy="ours", limit="1").json()

    assert (body["strategy"], len(body["items"])) == ("ours", 1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "exactly one"),
        ({"email": "anna1@example.com"}, "POST"),
        ({"external_id": "C1", "limit": "0"}, "1 to 50"),
        ({"external_id": "C1", "limit": "51"}, "1 to 50"),
        ({"external_id": "C1", "limit": "²"}, "1 to 50"),
        ({"external_id": "C1", "strategy": "x" * 81}, "80"),
        ({"external_id": "C1", "strict": "maybe"}, "1 or 0"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, str], says: str) -> None:
    answer = get(**given) if given else Client().get(URL, headers={"X-API-Key": key()})

    assert answer.status_code == 400
    assert says in answer.json()["title"]


def test_an_empty_catalogue_and_a_sold_out_one_are_named() -> None:
    make.person(1)

    empty = get(external_id="C1").json()
    make.product(1)
    Product.objects.update(in_stock=False)
    shelf.forget()
    # Another list: the first stands for its minute.
    sold_out = get(external_id="C1", limit="7").json()

    assert (empty["items"], empty["fallback"]) == ([], True)
    assert [empty["reasons"][0]["code"], sold_out["reasons"][0]["code"]] == [
        "empty_catalogue",
        "sold_out",
    ]


def test_a_known_etag_is_answered_by_304_and_the_queries_are_few() -> None:
    a_shop()
    secret = key()
    first = get(secret=secret, external_id="C1", strategy="goes_with")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = get(
            secret=secret,
            headers={"If-None-Match": f"W/{first['ETag']}"},
            external_id="C1",
            strategy="goes_with",
        )

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"].startswith("private")
    # Key, limit, person, gate, kept list, model, and the limit taken back.
    assert len(queries) <= 8


def test_a_list_has_a_receipt_and_is_given_again_for_a_minute() -> None:
    a_shop()
    secret = key()
    first = get(secret=secret, external_id="C1", strategy="goes_with", limit="1")
    Product.objects.filter(product_id="P2").update(name="Oat milk")
    cards.forget()

    again = get(secret=secret, external_id="C1", strategy="goes_with", limit="1")
    other = get(secret=secret, external_id="C1", strategy="goes_with", limit="2")

    assert again.content == first.content
    assert other.json()["items"][0]["name"] == "Oat milk"
    receipt = Receipt.objects.get(message_key=first.json()["decision_id"])
    assert replay(receipt).outcome is Outcome.EQUAL
    assert list(receipt.decision["causes"].values()) == ["P1"]
    assert Receipt.objects.count() == 2


def test_the_cart_that_was_looked_at_is_kept_sealed_with_the_receipt() -> None:
    anna, (_, milk, _) = a_shop()
    Basket.objects.create(
        profile_id=anna.pk,
        kind=Basket.Kind.CART,
        items=[{"product_id": milk.product_id, "quantity": 1, "price": str(milk.price)}],
        changed_at=timezone.now(),
    )

    with_cart = get(external_id="C1", strategy="goes_with", limit="1").json()
    without = get(external_id="C1", strategy="because_you_bought", limit="1").json()

    carts = [receipts.open_inputs(receipt_of(answer)) for answer in (with_cart, without)]
    assert [each.cart for each in carts if each] == [[milk.pk], []]


def receipt_of(answer: dict[str, Any]) -> Receipt:
    return Receipt.objects.select_related("subject").get(message_key=answer["decision_id"])


def test_a_consent_that_is_taken_back_ends_a_list_at_once() -> None:
    anna, _ = a_shop()
    secret = key()
    first = get(secret=secret, external_id="C1", strategy="goes_with", limit="1").json()
    ledger.withdraw(anna, purpose="profiling", source="test", at=timezone.now())

    second = get(secret=secret, external_id="C1", strategy="goes_with", limit="1").json()

    assert first["items"][0]["reason"]["because_of"] == "P1"
    assert {item["reason"]["because_of"] for item in second["items"]} == {None}
    assert second["decision_id"] != first["decision_id"]


@contextmanager
def database_away() -> Iterator[None]:
    """No statement comes through, as while the server restarts."""

    def refuse(*_: object) -> None:
        raise OperationalError("the connection failed: anna1@example.com")

    with connection.execute_wrapper(refuse):
        yield


def test_without_the_database_the_list_is_what_everybody_was_told_last() -> None:
    a_shop()
    secret = key()
    mine = get(secret=secret, external_id="C1", strategy="goes_with").json()

    with database_away():
        answer = get(secret=secret, external_id="C1", strategy="goes_with")

    body = answer.json()
    assert (answer.status_code, answer["X-Personalization"]) == (200, "fallback")
    assert body["reasons"][0]["code"] == "unavailable"
    assert (body["decision_id"], body["items"][0]["product_id"]) == (None, "P3")
    assert body["items"][0]["product_id"] != mine["items"][0]["product_id"]
    assert not Receipt.objects.filter(decision__permission__granted=[]).exists()


def test_without_the_database_a_stranger_is_told_to_come_again() -> None:
    a_shop()
    secret = key()

    with database_away():
        answer = get(secret=secret, external_id="C1")

    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer["Retry-After"] == "5"
    assert "anna1" not in answer.content.decode()


def test_out_of_time_the_list_is_everybodys(settings: Settings) -> None:
    a_shop()
    settings.ATTUNE_DECIDE_SECONDS = 0.0

    body = get(external_id="C1", strategy="goes_with").json()

    assert body["reasons"][0]["code"] == "deadline"
    assert body["items"][0]["product_id"] == "P3"
