"""Say why somebody entered or left: the conditions that settled it, and what set it off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from personalization.conditions.decisive import Decisive, Settle
from personalization.conditions.describe import describe_part
from personalization.conditions.facts import Facts
from personalization.conditions.fields import Catalogue
from personalization.models import SegmentTouch

Cause = SegmentTouch.Cause
Why = dict[str, object]
# A list of twenty conditions explains nothing.
SHOWN = 4
# Where several things happened at once, the first of these that fits is named.
_ORDER = (
    Cause.IDENTITY, Cause.LIST, Cause.CONSENT, Cause.EVENT, Cause.PROFILE, Cause.PRODUCT,
    Cause.TIME, Cause.DEFINITION, Cause.REPAIR, Cause.ARCHIVED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Touched:
    """One thing that happened to a person since they were looked at."""

    cause: str
    event_id: int | None = None
    event_name: str | None = None
    event_at: datetime | None = None


def why(
    settle: Settle | None,
    *,
    facts: Facts | None,
    touches: Sequence[Touched],
    catalogue: Catalogue,
    now: datetime,
) -> Why:
    """Return what is kept in the history; no value of the person is in it."""
    if settle is None or facts is None:
        return _written((), _first(touches), catalogue=catalogue)
    settled = settle(facts, now)
    for touch in touches:
        about = [each for each in settled if touch.event_name in each.events]
        if about:
            return _written(about, touch, catalogue=catalogue)
    fields = [each for each in settled if each.is_field]
    changed = next((touch for touch in touches if touch.cause == Cause.PROFILE), None)
    if changed and fields:
        return _written(fields, changed, catalogue=catalogue)
    return _written(settled, _first(touches), catalogue=catalogue)


def _first(touches: Sequence[Touched]) -> Touched:
    ranked = sorted(touches, key=lambda touch: _ORDER.index(Cause(touch.cause)))
    return ranked[0] if ranked else Touched(Cause.REPAIR)


def _written(settled: Sequence[Decisive], touch: Touched, *, catalogue: Catalogue) -> Why:
    written: Why = {"cause": touch.cause}
    if settled:
        written["because"] = [
            {"text": describe_part(each.node, catalogue=catalogue), "holds": each.holds}
            for each in settled[:SHOWN]
        ]
        if len(settled) > SHOWN:
            written["more"] = len(settled) - SHOWN
    if touch.event_id is not None and touch.event_at is not None:
        written["event"] = {
            "id": touch.event_id,
            "name": touch.event_name,
            "at": touch.event_at.isoformat(),
        }
    return written
