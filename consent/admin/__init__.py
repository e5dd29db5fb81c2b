"""The admin of consent, one file a concept."""

from consent.admin import job, ledgers, purpose, staff, subject, suppression

__all__ = ["job", "ledgers", "purpose", "staff", "subject", "suppression"]
