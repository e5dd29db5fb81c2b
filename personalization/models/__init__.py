"""Tables of personalization, one file an aggregate."""

from personalization.models.commerce import Basket, Order
from personalization.models.content import ContentBlock, ContentBlockVersion
from personalization.models.due import ProfileDue
from personalization.models.event import (
    Event,
    EventDaily,
    EventItem,
    EventKey,
    InboxEvent,
)
from personalization.models.import_run import ImportedRow, ImportRun
from personalization.models.offer import Offer, OfferCode, OfferGrant, OfferTally
from personalization.models.product import Product, ProductChange
from personalization.models.profile import CustomerProfile, Field
from personalization.models.receipt import Exposure, Receipt, ReceiptPart
from personalization.models.recommendation import (
    RecommendationChain,
    RecommendationChainVersion,
    RecommendationModel,
)
from personalization.models.ruleset import RuleSet, RuleSetVersion
from personalization.models.segment import (
    ListEntry,
    Segment,
    SegmentDay,
    SegmentMembership,
    SegmentPast,
    SegmentVersion,
)
from personalization.models.segment_work import SegmentRecheck, SegmentTouch
from personalization.models.slot import Feed, SendTimeSlot
from personalization.models.source import SeenProperty, Source, SourceDay, WebhookDelivery
from personalization.models.source_object import SourceObject
from personalization.models.trait_model import TraitModel
from personalization.models.version import Version, Versioned

__all__ = [
    "Basket",
    "ContentBlock",
    "ContentBlockVersion",
    "CustomerProfile",
    "Event",
    "EventDaily",
    "EventItem",
    "EventKey",
    "Exposure",
    "Feed",
    "Field",
    "ImportRun",
    "ImportedRow",
    "InboxEvent",
    "ListEntry",
    "Offer",
    "OfferCode",
    "OfferGrant",
    "OfferTally",
    "Order",
    "Product",
    "ProductChange",
    "ProfileDue",
    "Receipt",
    "ReceiptPart",
    "RecommendationChain",
    "RecommendationChainVersion",
    "RecommendationModel",
    "RuleSet",
    "RuleSetVersion",
    "SeenProperty",
    "Segment",
    "SegmentDay",
    "SegmentMembership",
    "SegmentPast",
    "SegmentRecheck",
    "SegmentTouch",
    "SegmentVersion",
    "SendTimeSlot",
    "Source",
    "SourceDay",
    "SourceObject",
    "TraitModel",
    "Version",
    "Versioned",
    "WebhookDelivery",
]
