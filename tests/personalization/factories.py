"""Data for the tests of personalization's pages: staff who are logged in, content, events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from personalization.content import blocks
from personalization.models import ContentBlock, Event, RuleSet, Segment, Source
from personalization.rules import publish as rules
from personalization.segments import publish as segments
from tests.campaigns.factories import NOON, staff

GERMANS = {"field": "attributes.country", "op": "eq", "value": "DE"}
FRENCH = {"field": "attributes.country", "op": "eq", "value": "FR"}
Content = dict[str, Any]


def client_of(role: str) -> Client:
    """A browser of somebody with this role; the fixture `roles` has to have made the groups."""
    client = Client()
    client.force_login(staff(role))
    return client


def queries(client: Client, url: str) -> int:
    """How many statements a page takes."""
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def block(slug: str = "hero", *, now: datetime = NOON) -> ContentBlock:
    """A live block with the variants `vip` and `general`; the latter is the fallback."""
    made = ContentBlock.objects.create(slug=slug, name=f"Block {slug}")
    variants = [
        {"key": key, "name": key.title(), "html": f"<p>{key}</p>", "text": key}
        for key in ("vip", "general")
    ]
    content = {"variants": variants, "fallback": "general"}
    blocks.publisher.publish(made, content=content, now=now)
    return ContentBlock.objects.get(pk=made.pk)


def rule(
    key: str = "germans", *, condition: Mapping[str, Any] = GERMANS, place: int = 1
) -> Content:
    return {
        "key": key,
        "name": key.title(),
        "priority": place,
        "condition": dict(condition),
        "outcome": {"block": "hero", "variant": "vip"},
    }


def table(*lines: Content) -> Content:
    fallback = {"block": "hero", "variant": "general"}
    return {"hit_policy": "first", "rules": list(lines), "fallback": fallback}


def ruleset(slug: str = "hero-rules", *, now: datetime = NOON) -> RuleSet:
    """A live ruleset with one rule, over the block of `block()`."""
    made = RuleSet.objects.create(slug=slug, name=f"Rules {slug}")
    rules.publisher.publish(made, content=table(rule()), now=now)
    return RuleSet.objects.get(pk=made.pk)


def segment(slug: str = "germans", *, tree: Mapping[str, Any] = GERMANS) -> Segment:
    made = Segment.objects.create(slug=slug, name=f"Segment {slug}")
    segments.publisher.publish(made, content={"tree": dict(tree)}, now=NOON)
    return Segment.objects.get(pk=made.pk)


def event(profile_id: int, *, at: datetime, name: str = "Product Viewed", **given: Any) -> Event:
    source, _ = Source.objects.get_or_create(slug="shop", defaults={"name": "Shop"})
    return Event.objects.create(
        source=source,
        name=name,
        profile_id=profile_id,
        origin_profile_id=profile_id,
        occurred_at=at,
        received_at=at,
        **given,
    )
