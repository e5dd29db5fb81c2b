"""What personalization holds on a person, how it is exported and erased."""

from consent.privacy.registry import OnErase, claim
from personalization.models import (
    Basket,
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    Exposure,
    ImportedRow,
    ListEntry,
    OfferGrant,
    Order,
    ProfileDue,
    Receipt,
    SegmentMembership,
    SegmentPast,
    SegmentRecheck,
    SegmentTouch,
    SourceObject,
)
from personalization.offers import codes

claim(
    CustomerProfile,
    path="subject",
    on_erase=OnErase.DELETE,
    export=("attributes", "traits", "first_seen_at", "last_seen_at"),
)
claim(
    Event,
    path="profile_id",
    on_erase=OnErase.DELETE,
    export=("name", "occurred_at", "amount", "currency", "properties"),
)
claim(
    EventItem,
    path="profile_id",
    on_erase=OnErase.DELETE,
    export=("name", "occurred_at", "product_id", "quantity", "price"),
)
claim(EventDaily, path="profile_id", on_erase=OnErase.DELETE, export=("name", "day", "count"))
claim(
    Basket,
    path="profile",
    on_erase=OnErase.DELETE,
    export=("kind", "items", "value", "currency", "changed_at"),
)
claim(
    Order,
    path="profile",
    on_erase=OnErase.DELETE,
    export=("order_id", "placed_at", "total", "refunded", "is_cancelled", "currency"),
)
claim(ImportedRow, path="subject_id", on_erase=OnErase.DELETE, export=("run_id", "is_new"))
claim(ProfileDue, path="profile_id", on_erase=OnErase.DELETE, export=("work",))
claim(SourceObject, path="subject_id", on_erase=OnErase.DELETE, export=("kind", "told_at"))
claim(
    SegmentMembership,
    path="profile",
    on_erase=OnErase.DELETE,
    export=("segment_id", "entered_at"),
)
claim(
    Exposure,
    path="subject",
    on_erase=OnErase.DELETE,
    export=("message", "slot", "shown_at", "expires_at"),
)
claim(
    SegmentPast,
    path="profile",
    on_erase=OnErase.DELETE,
    export=("segment_id", "entered_at", "left_at"),
)
claim(ListEntry, path="subject", on_erase=OnErase.DELETE, export=("segment_id", "added_at"))
claim(SegmentTouch, path="profile_id", on_erase=OnErase.DELETE, export=("cause", "at"))
claim(SegmentRecheck, path="profile_id", on_erase=OnErase.DELETE, export=("due_at",))
claim(
    Receipt,
    path="subject",
    on_erase=OnErase.KEEP_KEYLESS,
    export=("decided_at", "decision"),
)
claim(
    OfferGrant,
    path="subject",
    on_erase=OnErase.CUSTOM,
    export=("offer_id", "granted_at", "code_text"),
    erase=codes.erase,
)
