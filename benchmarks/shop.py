"""A made-up shop of any size, the same for the same seed: people, products, orders, views."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from campaigns.demo import load, scene
from campaigns.models import Campaign
from personalization import traits
from personalization.importing import customers, events, products
from personalization.importing.outcome import Loaded
from personalization.importing.rows import Row
from personalization.recommendations import train
from personalization.segments import membership

SEED = 20261123
SOURCE = "bench-shop"
CURRENCY = "USD"
CATEGORIES = (
    *("Bread", "Cheese", "Coffee & Tea", "Fruit", "Vegetables", "Pasta & Sauces", "Chocolate"),
    *("Breakfast", "Baking", "Fish", "Snacks", "Juices", "Spices", "Garden", "Kitchen", "Pets"),
)
KINDS = ("Classic", "Golden", "Country", "Farmhouse", "Little", "Smoked", "Sunrise", "Red Label")
PRODUCTS_PER_CATEGORY = 45
FIRST_NAMES = ("Anna", "Ben", "Chloé", "David", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jürgen")
LAST_NAMES = ("Okafor", "Berg", "Costa", "Dubois", "Evans", "Fischer", "García", "Hall", "Ito")
PLACES = (("US", "Chicago"), ("DE", "Köln"), ("FR", "Lyon"), ("GB", "Leeds"), ("ES", "Sevilla"))
# All may be mailed, so that the number of mails is the size of the shop; of the rest as in the
# demo, because what was refused is not computed and makes the work easier.
REFUSED = {"email_tracking": 0.25, "profiling": 0.12}
NEVER_BOUGHT = 0.1
BROWSING = 0.6
OWN_SHELF = 0.8


@dataclass(frozen=True, slots=True)
class Shop:
    """`people` customers whose orders lie in the year before `now`."""

    people: int
    now: datetime

    def customers(self) -> Iterator[dict[str, Any]]:
        for person in range(self.people):
            random = _random(person, 0)
            country, city = PLACES[int(random.integers(len(PLACES)))]
            said = {
                f"consent_{purpose}": "refused" if random.random() < share else "granted"
                for purpose, share in REFUSED.items()
            }
            yield {
                "external_id": external_id(person),
                "email": f"customer-{person}@example.com",
                "first_name": FIRST_NAMES[int(random.integers(len(FIRST_NAMES)))],
                "last_name": LAST_NAMES[int(random.integers(len(LAST_NAMES)))],
                "country": country,
                "city": city,
                "language": country.lower(),
                "consent_email_marketing": "granted",
                **said,
                "consent_source": "benchmark",
                "consent_at": (self.now - timedelta(days=400)).isoformat(),
            }

    def products(self) -> Iterator[dict[str, Any]]:
        for number in range(len(CATEGORIES) * PRODUCTS_PER_CATEGORY):
            category = CATEGORIES[number // PRODUCTS_PER_CATEGORY]
            yield {
                "product_id": _product_id(number),
                "name": f"{KINDS[number % len(KINDS)]} {category} No. {number}",
                "category": category,
                "brand": f"Maker {number % 37}",
                "price": _price(number),
                "currency": CURRENCY,
                "url": f"https://shop.example.com/p/{_product_id(number)}",
                "image_url": f"https://shop.example.com/i/{_product_id(number)}.jpg",
                "in_stock": number % 11 != 0,
            }

    def orders(self) -> Iterator[dict[str, Any]]:
        """About seven a buyer in a year, of about four lines, mostly from three shelves."""
        for person in range(self.people):
            random = _random(person, 1)
            if random.random() < NEVER_BOUGHT:
                continue
            for order in range(1 + int(random.poisson(6))):
                days = float(random.random() ** 1.5 * 360)
                chosen = _choose(random, person=person, count=1 + int(random.poisson(3)))
                yield self._order(f"{person}-{order}", person=person, days=days, chosen=chosen)

    def views(self) -> Iterator[dict[str, Any]]:
        """Product views of the last two weeks."""
        for person in range(self.people):
            random = _random(person, 2)
            if random.random() > BROWSING:
                continue
            for view, product in enumerate(_choose(random, person=person, count=8)):
                at = self.now - timedelta(days=float(random.random() * 14))
                yield {
                    "message_id": f"view-{person}-{view}",
                    "type": "track",
                    "event": "Product Viewed",
                    "external_id": external_id(person),
                    "timestamp": at.isoformat(),
                    "properties": {"product_id": _product_id(product), "price": _price(product)},
                }

    def _order(self, number: str, *, person: int, days: float, chosen: list[int]) -> dict[str, Any]:
        return {
            "message_id": f"order-{number}",
            "type": "track",
            "event": "Order Completed",
            "external_id": external_id(person),
            "timestamp": (self.now - timedelta(days=days)).isoformat(),
            "properties": {
                "order_id": number,
                "total": round(sum(map(_price, chosen)), 2),
                "currency": CURRENCY,
                "products": [
                    {"product_id": _product_id(one), "quantity": 1, "price": _price(one)}
                    for one in chosen
                ],
            },
        }


def open_shop(people: int, *, now: datetime) -> tuple[Campaign, dict[str, Loaded]]:
    """Load the shop, derive what follows from its orders, and set the demo's scene."""
    shop = Shop(people=people, now=now.astimezone(UTC))
    steps = [
        load.Step("products", products.load, _numbered(shop.products()), SOURCE),
        load.Step("customers", customers.load, _numbered(shop.customers()), SOURCE),
        load.Step("orders", events.load, _numbered(shop.orders()), SOURCE),
        load.Step("views", events.load, _numbered(shop.views()), SOURCE),
    ]
    outcomes = {step.name: load.run_step(step, now=now, show=None) for step in steps}
    events.refresh_statistics()
    traits.compute(now=now)
    train.train(now=now)
    scene.build(now=now)
    membership.rebuild_all(now=now)
    # As a server that has held these rows for a while: it does not tidy up under the clock.
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    # Read again: what was made keeps the versions it had before they went live.
    return Campaign.objects.get(slug=scene.CAMPAIGN), outcomes


def _choose(random: np.random.Generator, *, person: int, count: int) -> list[int]:
    """Products of the person's three shelves, the front ones more often; some from anywhere."""
    shelves = (person % len(CATEGORIES), person * 5 % len(CATEGORIES), person * 7 % len(CATEGORIES))
    own = np.array(shelves)[random.integers(len(shelves), size=count)]
    anywhere = random.integers(len(CATEGORIES), size=count)
    shelf: NDArray[np.int64] = np.where(random.random(count) < OWN_SHELF, own, anywhere)
    place = (random.random(count) ** 2 * PRODUCTS_PER_CATEGORY).astype(np.int64)
    return sorted(set((shelf * PRODUCTS_PER_CATEGORY + place).tolist()))


def _random(person: int, stream: int, /) -> np.random.Generator:
    return np.random.default_rng([SEED, person, stream])


def external_id(person: int) -> str:
    """Return the customer number of the n-th person."""
    return f"b-{person:07}"


def _product_id(number: int) -> str:
    return f"B{number:05}"


def _price(number: int) -> float:
    return round(1.49 + number * 37 % 2350 / 100, 2)


def _numbered(rows: Iterable[dict[str, Any]]) -> Iterator[Row]:
    return (Row(line=line, values=values) for line, values in enumerate(rows, start=1))
