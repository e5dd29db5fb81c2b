"""Ask once on a connection what every request asks: nobody has to wait while plans are made.

The server plans a statement when a connection first runs it, which takes ten times as long as
running it. Six threads that begin with six people would keep two hundred waiting.
"""

import logging
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from consent import gate
from personalization import engine
from personalization.profiles import load
from personalization.serving import deadline, kept, ready, recipients
from personalization.serving.deadline import Budget
from personalization.serving.question import Recipient
from personalization.serving.ready import Ready

logger = logging.getLogger(__name__)

# Nobody has such a number. One of each size that the driver tells apart: each has its own plan.
NOBODY = (-1, -(1 << 20))
_NAME = Recipient("external_id", "rehearsal")


def rehearse() -> None:
    """Read the slots, and plan on this thread's connection what they need; nothing is written."""
    now = timezone.now()
    try:
        for slot in ready.live(now=now).values():
            with deadline.limited(Budget(settings.ATTUNE_DECIDE_SECONDS)):
                for pk in NOBODY:
                    _ask(slot, pk, now=now)
    except (DatabaseError, deadline.DeadlinePassed):
        logger.warning("nothing was rehearsed; the first requests make the plans")
        connection.close()


def _ask(slot: Ready, pk: int, *, now: datetime) -> None:
    """Ask all that is asked of a person who may be profiled, so that no statement is left out."""
    recipients.find([_NAME], source="")
    found = gate.permissions([pk], purpose=slot.purpose, at=now)[pk]
    kept.standing("", slots=[slot.slug], subject_ids=[pk], now=now)
    load.profiles(
        {pk: replace(found, may_profile=True)},
        needs=slot.plan.needs,
        catalogue=slot.plan.catalogue,
        now=now,
        with_address=False,
    )
    engine.for_nobody(slot.plan, now=now)
    kept.keep([], message="", ended=[], now=now)
