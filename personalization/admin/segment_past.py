"""Who was in a segment at a moment: the figures on its page, and the moment an export is for."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime

from personalization.models import Segment
from personalization.segments import history

FORM = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Past:
    """`left` are gone since, `came` are in it now and were not then; `wrong` says what to write."""

    at: datetime
    size: int = 0
    left: int = 0
    came: int = 0
    wrong: str = ""

    @property
    def written(self) -> str:
        """The moment as the control of a form writes it."""
        return self.at.strftime(FORM)


def asked(given: str, *, now: datetime) -> datetime | None:
    """Read a moment of the past as a form sends it, in UTC; None for anything else."""
    try:
        found = parse_datetime(given)
    except ValueError:
        return None
    if found is None:
        return None
    at = found if found.tzinfo else found.replace(tzinfo=UTC)
    return at if at <= now else None


def told(segment: Segment, given: str, *, now: datetime) -> Past | None:
    """Say how a moment was (three queries), or what is wrong with it; nothing if none is asked."""
    if not given:
        return None
    at = asked(given, now=now)
    if at is None:
        return Past(now, wrong="Write a day and a time that lie in the past.")
    came, left = history.moved_since(segment, at=at)
    return Past(at, size=history.size_at(segment, at=at), left=left, came=came)
