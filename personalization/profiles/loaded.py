"""A loaded profile: all that deciding and rendering may know about one person."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.permission import Permission
from personalization.conditions.facts import Facts

# (product key, age in days), newest first.
History = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class LoadedProfile:
    """Absent is absent: what the person's consents do not cover is not in here at all.

    `personal` holds names for the greeting, `email` the address; neither reaches a condition.
    """

    subject_id: int
    pseudonym: str
    permission: Permission
    facts: Facts
    email: str = field(repr=False)
    personal: Mapping[str, str] = field(repr=False)
    key: AESGCM = field(repr=False)
    bought: History = ()
    viewed: History = ()
