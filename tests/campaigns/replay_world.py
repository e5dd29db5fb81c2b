"""A shop whose mails are decided by values, events, orders and segments; and everything changed."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from campaigns.models import Campaign, ExperimentArm, SenderIdentity, Template
from campaigns.rendering import publish as templates
from campaigns.sending import lifecycle, pipeline
from consent.models import DataSubject
from personalization.content import blocks, liquid
from personalization.models import (
    Basket,
    ContentBlock,
    CustomerProfile,
    Event,
    EventItem,
    Product,
    RuleSet,
    Segment,
    Source,
)
from personalization.receipts import parts
from personalization.recommendations import shelf, train
from personalization.rules import publish as rules
from personalization.segments import membership
from personalization.segments import publish as segments
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, TEMPLATE, MemoryBackend

CATEGORIES = ("tea", "soap", "honey", "boots")
PICKS = (
    "{{ customer.first_name | default: 'you' }}, {{ traits.order_count | default: 0 }} orders: "
    "{% for p in recommendations %}{{ p.name }} {{ p.price }} {{ p.reason }}; {% endfor %}"
)
# By rule: the carts of some are looked at, the orders of the others.
STRATEGIES = {"vip": "goes_with", "loyal": "goes_with"}
LIVELY = "because_you_bought"
_RECENT = {"days": 30}
_VIEWED_BOOTS = {"all": [{"field": "product.category", "op": "eq", "value": "boots"}]}


def populate(count: int, *, seed: int) -> list[DataSubject]:
    """People with random values, orders and views; some refuse profiling."""
    chance = random.Random(seed)
    goods = [
        make.product(number, name=f"{category} {number}", category=category)
        for number, category in enumerate(CATEGORIES * 3, start=1)
    ]
    subjects = []
    for number in range(1, count + 1):
        granted = make.EVERYTHING if chance.random() < 0.8 else ("email_marketing",)
        country = chance.choice(["DE", "FR", "NL"])
        subjects.append(make.person(number, granted=granted, country=country))
        _give_history(subjects[-1], chance=chance, goods=goods)
        if number % 2:
            _fill_cart(subjects[-1], goods[number % len(goods)])
    _give_languages()
    return subjects


def _give_languages() -> None:
    """Some have no language, some one that no block is written in."""
    profiles = list(CustomerProfile.objects.order_by("pk"))
    for number, profile in enumerate(profiles):
        if spoken := ("de-AT", "es", "sv", "")[number % 4]:
            profile.attributes["language"] = spoken
    CustomerProfile.objects.bulk_update(profiles, ["attributes"], batch_size=1000)


def campaigns(count: int) -> list[Campaign]:
    """Campaigns with a subject test, over one ruleset of four kinds of conditions."""
    _decide_by_everything()
    train.train(now=NOON)
    shelf.forget()
    made = []
    for number in range(count):
        campaign = make.campaign(f"Spring {number}", slug=f"spring-{number}")
        make.experiment(campaign)
        ExperimentArm.objects.filter(experiment__campaign=campaign, key="b").update(
            subject="{{ customer.language }} For {{ customer.first_name | default: 'you' }} only"
        )
        Campaign.objects.filter(pk=campaign.pk).update(recommendation_count=4, is_capped=False)
        made.append(Campaign.objects.get(pk=campaign.pk))
    return made


def send_all(campaign: Campaign, *, now: datetime = NOON) -> None:
    lifecycle.launch(campaign, now=now)
    while pipeline.run_chunk(campaign, backend=MemoryBackend(), now=now).taken:
        pass


def change_everything() -> None:
    """Change people, products, the sender and the campaigns; put other versions live; forget.

    The model is another one, too: it was trained on nothing.
    """
    later = NOON + timedelta(days=1)
    CustomerProfile.objects.update(attributes={"country": "PL"}, traits={}, personal=None)
    Event.objects.all().delete()
    EventItem.objects.all().delete()
    Basket.objects.all().delete()
    Product.objects.update(name="Sold", price=Decimal(1), in_stock=False)
    Campaign.objects.update(name="Another name")
    SenderIdentity.objects.update(postal_address="2 Elsewhere", name="Another sender")
    ExperimentArm.objects.update(subject="Another subject")
    other = [{"key": "other", "name": "Other", "html": "<p>Other</p>", "text": "Other"}]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="picks"),
        content={"variants": other, "fallback": "other"},
        now=later,
    )
    rules.publisher.publish(
        RuleSet.objects.get(slug="hero"),
        content={
            "hit_policy": "first", "rules": [], "fallback": {"block": "picks", "variant": "other"},
        },
        now=later,
    )  # fmt: skip
    for template in Template.objects.all():
        templates.publisher.publish(template, content={**TEMPLATE, "subject": "Other"}, now=later)
    Segment.objects.update(live=None)
    train.train(now=later)
    forget_everything()


def forget_everything() -> None:
    """Empty every cache of this process."""
    shelf.forget()
    parts.forget()
    liquid.compile_template.cache_clear()


def _decide_by_everything() -> None:
    block = ContentBlock.objects.create(slug="picks", name="Picks")
    variants = [
        {
            "key": key, "name": key, "html": f"<p>{key} {PICKS}</p>", "text": f"{key} {PICKS}",
            "languages": [
                {"language": tag, "html": f"<p>{tag} {key} {PICKS}</p>", "text": f"{tag} {key}"}
                for tag in ("de", "es")
            ],
        }
        for key in ("boots", "loyal", "vip", "german", "plain")
    ]  # fmt: skip
    content: dict[str, Any] = {"language": "en", "variants": variants, "fallback": "plain"}
    blocks.publisher.publish(block, content=content, now=NOON)
    vip = Segment.objects.create(slug="vip", name="VIP")
    tree = {"field": "traits.order_count", "op": "gte", "value": 3}
    segments.publisher.publish(vip, content={"tree": tree}, now=NOON)
    membership.rebuild(Segment.objects.get(pk=vip.pk), now=NOON)
    conditions = {
        "boots": {
            "event": "Product Viewed", "where": _VIEWED_BOOTS, "within": _RECENT,
            "count": {"op": "between", "value": [1, 3]},
        },
        "loyal": {
            "event": "Order Completed", "within": {"days": 90},
            "sum": {"property": "total", "op": "gte", "value": 35},
        },
        "vip": {"segment": "vip"},
        "german": {"field": "attributes.country", "op": "eq", "value": "DE"},
    }  # fmt: skip
    table = [
        {
            "key": key, "name": key, "priority": place, "condition": condition,
            "outcome": {"block": "picks", "variant": key, "strategy": STRATEGIES.get(key, LIVELY)},
        }
        for place, (key, condition) in enumerate(conditions.items(), start=1)
    ]  # fmt: skip
    made = RuleSet.objects.create(slug="hero", name="Who sees which hero")
    content = {
        "hit_policy": "first", "exploration": 0.2, "rules": table,
        "fallback": {"block": "picks", "variant": "plain", "strategy": "popular"},
    }  # fmt: skip
    rules.publisher.publish(made, content=content, now=NOON)


def _give_history(subject: DataSubject, *, chance: random.Random, goods: Sequence[Product]) -> None:
    orders = chance.choice([0, 0, 1, 2, 4])
    CustomerProfile.objects.filter(pk=subject.pk).update(traits={"order_count": orders})
    for _ in range(orders):
        at = NOON - timedelta(days=chance.randrange(1, 200), microseconds=chance.randrange(10**6))
        make.order(subject, *chance.sample(list(goods), k=chance.choice([1, 2, 3])), at=at)
    for _ in range(chance.choice([0, 1, 3])):
        _view(subject, chance.choice(list(goods)), at=NOON - timedelta(days=chance.randrange(40)))


def _fill_cart(subject: DataSubject, item: Product) -> None:
    """Carts are open by the clock of the database, whatever day a test plays on."""
    Basket.objects.create(
        profile_id=subject.pk,
        kind=Basket.Kind.CART,
        items=[{"product_id": item.product_id, "quantity": 1, "price": str(item.price)}],
        changed_at=timezone.now(),
    )


def _view(subject: DataSubject, item: Product, *, at: datetime) -> None:
    source, _ = Source.objects.get_or_create(slug=make.SOURCE, defaults={"name": "Shop"})
    event = Event.objects.create(
        source=source,
        name="Product Viewed",
        profile_id=subject.pk,
        origin_profile_id=subject.pk,
        occurred_at=at,
        received_at=at,
        properties={"colour": "red", "private": "of no interest to any rule"},
    )
    EventItem.objects.create(
        event_id=event.pk, line=0, occurred_at=at, profile_id=subject.pk, name=event.name,
        product_id=item.pk, quantity=1, price=item.price,
    )  # fmt: skip
