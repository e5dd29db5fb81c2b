"""The admin of consent, one file a concept."""

from consent.admin import (
    api_key,
    job,
    ledgers,
    oauth_client,
    privacy_request,
    purpose,
    staff,
    subject,
    suppression,
)

__all__ = [
    "api_key",
    "job",
    "ledgers",
    "oauth_client",
    "privacy_request",
    "purpose",
    "staff",
    "subject",
    "suppression",
]
