"""Look at people who changed: decide all segments, or only those that their events can change."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from personalization.conditions.expiry import earliest
from personalization.profiles import batch
from personalization.profiles.batch import Known
from personalization.segments import health
from personalization.segments.reasons import Cause, Touched
from personalization.segments.standing import Failed, Look, Standing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Before:
    """What is kept of some people: whose members they are, when they are to be looked at again."""

    members: Mapping[int, set[int]]
    due: Mapping[int, datetime]


def looks(
    people: Mapping[int, Sequence[Touched]], *, before: Before, current: Standing, now: datetime
) -> tuple[dict[int, Look], Standing]:
    """Return how each living person stands, and the segments without those that failed on it."""
    partly = {
        pk: names
        for pk, touches in people.items()
        if (names := _only_events(touches)) and not _is_due(pk, before=before, now=now)
    }
    known = _load([pk for pk in people if pk not in partly], current=current, now=now)
    asked = current.following(frozenset().union(*partly.values()))
    known += _load(list(partly), current=asked, now=now)
    while True:
        try:
            return {
                each.facts.profile_id: _look(
                    each, partly.get(each.facts.profile_id), before=before, current=current, now=now
                )
                for each in known
            }, current
        except Failed as failed:
            current = _break(failed, current=current, now=now)


def _only_events(touches: Sequence[Touched]) -> frozenset[str]:
    """Return which events came in; nothing where anything else happened, or who knows what."""
    names = {touch.event_name if touch.cause == Cause.EVENT else None for touch in touches}
    return frozenset() if None in names else frozenset(name for name in names if name is not None)


def _is_due(pk: int, *, before: Before, now: datetime) -> bool:
    moment = before.due.get(pk)
    return moment is not None and moment <= now


def _load(ids: Sequence[int], *, current: Standing, now: datetime) -> list[Known]:
    if not ids:
        return []
    return batch.known(
        ids,
        needs=current.needs,
        told=current.told,
        with_lists=current.has_lists,
        catalogue=current.catalogue,
        now=now,
    )


def _look(
    known: Known, events: frozenset[str] | None, *, before: Before, current: Standing, now: datetime
) -> Look:
    """What these events cannot change stays as it is, and so does when time will change it."""
    if events is None:
        return current.look(known, now=now)
    pk = known.facts.profile_id
    some = current.following(events)
    kept = {
        current.by_id[each].slug for each in before.members.get(pk, ()) if each in current.by_id
    }
    look = some.look(known, stands=frozenset(kept - some.slugs), now=now)
    return replace(look, until=earliest(look.until, before.due.get(pk)))


def _break(failed: Failed, *, current: Standing, now: datetime) -> Standing:
    part = failed.part
    logger.error("segment failed", extra={"segment": part.slug, "reason": str(failed)})
    health.break_down(part.id, version_id=part.version_id, message=str(failed), now=now)
    return current.without(failed)
