"""A person's rights: what each app holds on them, how it is exported and erased."""

from consent.privacy import claims as claims
