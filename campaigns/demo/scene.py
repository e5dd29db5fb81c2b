"""What the demo's marketer made: segments, content, a ruleset, a template and a campaign."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from campaigns.demo.hero import HERO
from campaigns.models import (
    Campaign,
    CampaignSlot,
    Experiment,
    ExperimentArm,
    SenderIdentity,
    Template,
)
from campaigns.rendering import publish as templates
from personalization.content import blocks
from personalization.models import ContentBlock, Feed, RuleSet, Segment, SendTimeSlot
from personalization.rules import publish as rules
from personalization.segments import publish as segments

FOLDER = Path(__file__).parent / "templates"
CAMPAIGN = "market-week"

BOUGHT_LATELY = {"event": "Order Completed", "within": {"days": 30}}
SEGMENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "vip": (
        "Best customers",
        "Spent 3,000 or more in a year.",
        {"field": "traits.total_spent", "op": "gte", "value": 3000},
    ),
    "win-back": (
        "Have not bought for a while",
        "Bought in the last year, but not in the last 30 days.",
        {"all": [{"event": "Order Completed", "within": {"days": 365}}, {"not": BOUGHT_LATELY}]},
    ),
    "newsletter": (
        "Newsletter readers",
        "Everybody who bought in the last year or told us where they live.",
        {
            "any": [
                {"event": "Order Completed", "within": {"days": 365}},
                {"field": "attributes.country", "op": "is_set"},
            ]
        },
    ),
}
RULES = {
    "hit_policy": "first",
    "rules": [
        {
            "key": "browsed",
            "name": "Looked at products this week, bought nothing",
            "priority": 10,
            "condition": {
                "all": [
                    {
                        "event": "Product Viewed",
                        "count": {"op": "gte", "value": 3},
                        "within": {"days": 7},
                    },
                    {"not": {"event": "Order Completed", "within": {"days": 7}}},
                ]
            },
            "outcome": {
                "block": "market-hero",
                "variant": "browsed",
                "strategy": "because_you_viewed",
            },
        },
        {
            "key": "win-back",
            "name": "No order for 30 days",
            "priority": 20,
            "condition": {"field": "traits.recency_days", "op": "gt", "value": 30},
            "outcome": {"block": "market-hero", "variant": "win-back", "strategy": "buy_again"},
        },
        {
            "key": "vip",
            "name": "Best customers",
            "priority": 30,
            "condition": {
                "all": [
                    {"field": "traits.total_spent", "op": "gte", "value": 3000},
                    {"field": "traits.order_count", "op": "gte", "value": 20},
                ]
            },
            "outcome": {
                "block": "market-hero",
                "variant": "vip",
                "strategy": "because_you_bought",
            },
        },
    ],
    "fallback": {"block": "market-hero", "variant": "season"},
}


@transaction.atomic
def build(*, now: datetime) -> Campaign:
    """Make the scene, all or nothing; what is there from an earlier run stays as it is."""
    for slug, (name, description, tree) in SEGMENTS.items():
        segment, is_new = Segment.objects.get_or_create(
            slug=slug, defaults={"name": name, "description": description}
        )
        if is_new:
            segments.publisher.publish(segment, content={"tree": tree}, now=now)
    block, is_new = ContentBlock.objects.get_or_create(
        slug="market-hero", defaults={"name": "Market week: hero"}
    )
    if is_new:
        blocks.publisher.publish(block, content=HERO, now=now)
    ruleset, is_new = RuleSet.objects.get_or_create(
        slug="market-hero",
        defaults={
            "name": "Market week: who sees which hero",
            "description": "Behaviour first, then loyalty; the season for everybody else.",
        },
    )
    if is_new:
        rules.publisher.publish(ruleset, content=RULES, now=now)
    SendTimeSlot.objects.get_or_create(
        slug="market-hero",
        defaults={"name": "Market week: hero", "ruleset": ruleset, "is_default": True},
    )
    Feed.objects.get_or_create(
        slug="trending", defaults={"name": "Trending this week", "strategy": "trending"}
    )
    return _campaign(ruleset, template=_template(now=now))


def _template(*, now: datetime) -> Template:
    template, is_new = Template.objects.get_or_create(
        slug="market-week", defaults={"name": "Market week"}
    )
    if is_new:
        content = {
            "subject": _read("subject_a.txt"),
            "preheader": _read("preheader.txt"),
            "mjml": _read("market.mjml"),
            "text": _read("market.txt"),
        }
        templates.publisher.publish(template, content=content, now=now)
        template.refresh_from_db()
    return template


def _campaign(ruleset: RuleSet, *, template: Template) -> Campaign:
    sender, _ = SenderIdentity.objects.get_or_create(
        from_email="hello@attune-market.example",
        defaults={
            "name": "Attune Market",
            "reply_to": "service@attune-market.example",
            "postal_address": "1 Orchard Lane, Springfield",
            "is_default": not SenderIdentity.objects.filter(is_default=True).exists(),
        },
    )
    campaign, is_new = Campaign.objects.get_or_create(
        slug=CAMPAIGN,
        defaults={
            "name": "Market week",
            "purpose_id": "email_marketing",
            "template": template,
            "sender": sender,
            "recommendation_count": 4,
        },
    )
    if is_new:
        campaign.segments.set(Segment.objects.filter(slug="newsletter"))
        CampaignSlot.objects.create(campaign=campaign, name="hero", ruleset=ruleset)
        _experiment(campaign)
    return campaign


def _experiment(campaign: Campaign) -> None:
    experiment = Experiment.objects.create(
        campaign=campaign,
        name="Subject line: the person or the product",
        hypothesis="A product that fits draws more clicks than the reader's own name.",
        metric=Experiment.Metric.CLICKED,
        holdout_percent=5,
        seed=f"{campaign.slug}-subject",
    )
    arms = (("a", "Your name", "subject_a.txt"), ("b", "A product that fits", "subject_b.txt"))
    for key, name, file in arms:
        ExperimentArm.objects.create(experiment=experiment, key=key, name=name, subject=_read(file))


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()
