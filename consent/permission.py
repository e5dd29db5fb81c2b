"""The answer of the gate: what may be done for one person, for one purpose, at one time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Permission:
    """What the gate allowed. It holds for this subject and purpose only.

    `reason` is empty when sending is allowed, else one of `erased`, `no_address`, `suppressed`,
    `no_consent`. `granted` holds the codes of every purpose that is granted at `at`.
    """

    subject_id: int
    purpose: str
    at: datetime
    may_send: bool
    may_profile: bool
    may_track: bool
    reason: str = ""
    granted: frozenset[str] = frozenset()
