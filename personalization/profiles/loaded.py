"""A loaded profile: all that deciding and rendering may know about one person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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
    # When the traits were computed; None where there are none, or none that may be seen.
    traits_at: datetime | None = None


def nobody(*, purpose: str, now: datetime) -> LoadedProfile:
    """Return a profile of whom nothing is known and nothing allowed, under a key nobody keeps."""
    return LoadedProfile(
        subject_id=0,
        pseudonym="",
        permission=Permission(
            subject_id=0,
            purpose=purpose,
            at=now,
            may_send=False,
            may_profile=False,
            may_track=False,
            reason="unknown",
        ),
        facts=Facts(profile_id=0, values={}),
        email="",
        personal={},
        key=AESGCM(AESGCM.generate_key(256)),
    )
