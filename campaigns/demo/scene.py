"""What the demo's marketer made: segments, content, a ruleset, a template and a campaign."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

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
from personalization.models import ContentBlock, RuleSet, Segment, SendTimeSlot
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


def _variant(
    key: str, name: str, title: str, body: str, *, button: str, link: str
) -> dict[str, str]:
    html = (
        '<h2 style="margin:0 0 10px;font-size:24px;line-height:1.25;">{title}</h2>'
        '<p style="margin:0 0 18px;font-size:16px;line-height:1.6;">{body}</p>'
        '<a href="{link}" style="display:inline-block;padding:12px 22px;border-radius:8px;'
        'background:#17643a;color:#ffffff;text-decoration:none;font-weight:600;">{button}</a>'
    )
    return {
        "key": key,
        "name": name,
        "html": html.format(title=title, body=body, button=button, link=link),
        "text": f"{title}\n{body}\n{button}: {link}",
    }


SHOP = "https://shop.example.com"
HERO = {
    "variants": [
        _variant(
            "vip",
            "Thank you, best customers",
            "A thank-you for our best customers",
            "With {{ traits.order_count }} orders this year you know our shelves by heart. "
            "Have first pick of the new season, a day before everybody else.",
            button="See the preview",
            link=f"{SHOP}/preview",
        ),
        _variant(
            "win-back",
            "We missed you",
            "Your basket has been empty for a while",
            "It has been {{ traits.recency_days }} days. A lot has arrived since then, "
            "and delivery is on us this week.",
            button="Come and look",
            link=f"{SHOP}/new",
        ),
        _variant(
            "browsed",
            "Looked, not bought yet",
            "Still thinking it over?",
            "What you looked at this week is still on the shelf, and we found what goes with it.",
            button="Back to the shelf",
            link=f"{SHOP}/seen",
        ),
        _variant(
            "season",
            "The season, for everybody",
            "The season is on the table",
            "Fresh things came in this week. Here is what our customers like most right now.",
            button="See what is new",
            link=f"{SHOP}/season",
        ),
    ],
    "fallback": "season",
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
