"""What campaigns holds on a person, how it is exported and erased."""

from campaigns.models import Conversion, FrequencyCounter, Send, TrackingEvent
from consent.privacy.registry import OnErase, claim

claim(
    Send,
    path="subject",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("campaign_id", "state", "reason", "sent_at"),
)
claim(
    TrackingEvent,
    path="send__subject",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("kind", "occurred_at"),
)
claim(
    Conversion,
    path="send__subject",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("occurred_at", "amount"),
)
claim(FrequencyCounter, path="subject", on_erase=OnErase.DELETE, export=("count",))
