"""What the consent app itself holds on a person."""

from consent.models import (
    AuditEntry,
    ConsentRecord,
    ConsentState,
    DataSubject,
    Identifier,
    Merge,
    MergeProposal,
    PrivacyRequest,
)
from consent.privacy.registry import OnErase, claim

claim(DataSubject, path="pk", on_erase=OnErase.KEEP_KEYLESS, export=("pseudonym", "created_at"))
claim(Identifier, path="subject", on_erase=OnErase.DELETE, export=("kind", "source", "created_at"))
claim(
    ConsentRecord,
    path="subject",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("purpose_id", "action", "source", "notice_version", "occurred_at"),
)
claim(
    ConsentState,
    path="subject",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("purpose_id", "is_granted", "since"),
)
claim(
    AuditEntry,
    path="pseudonym",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("occurred_at", "action"),
)
claim(Merge, path="kept", on_erase=OnErase.KEEP_KEYLESS, export=("reason", "at", "undone_at"))
claim(MergeProposal, path="first", on_erase=OnErase.DELETE, export=("reason", "seen_at"))
claim(
    PrivacyRequest,
    path="subject",
    on_erase=OnErase.KEEP_PSEUDONYMOUS,
    export=("kind", "state", "received_at", "done_at"),
)
