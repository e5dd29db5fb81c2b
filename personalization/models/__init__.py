"""Tables of personalization, one file an aggregate."""

from personalization.models.content import ContentBlock, ContentBlockVersion
from personalization.models.event import (
    Event,
    EventDaily,
    EventItem,
    EventKey,
    InboxEvent,
    Source,
)
from personalization.models.product import Product
from personalization.models.profile import CustomerProfile, Field
from personalization.models.receipt import Receipt
from personalization.models.recommendation import RecommendationModel
from personalization.models.ruleset import RuleSet, RuleSetVersion
from personalization.models.segment import Segment, SegmentMembership, SegmentVersion
from personalization.models.version import Version, Versioned

__all__ = [
    "ContentBlock",
    "ContentBlockVersion",
    "CustomerProfile",
    "Event",
    "EventDaily",
    "EventItem",
    "EventKey",
    "Field",
    "InboxEvent",
    "Product",
    "Receipt",
    "RecommendationModel",
    "RuleSet",
    "RuleSetVersion",
    "Segment",
    "SegmentMembership",
    "SegmentVersion",
    "Source",
    "Version",
    "Versioned",
]
