"""Find the person a shop speaks of; only what the law lets us keep makes a new one."""

from datetime import datetime

from consent import identify
from consent.identify import Names
from personalization import merging
from personalization.importing.values import CellError
from personalization.models import Source
from personalization.sources.news import Who


def made(who: Who, *, source: Source, now: datetime) -> int:
    """Return the subject of a customer or a buyer, new if need be.

    A number and an address of two known customers: the number decides, and a proposal to merge
    them waits for a human. Whoever bought without saying who they are is known by the cart.
    """
    anonymous_id = "" if who.is_known else who.anonymous_id
    names = Names(external_id=who.external_id, email=who.email, anonymous_id=anonymous_id)
    (subject_id,) = merging.resolve([names], source=source.space, now=now).subject_ids
    if subject_id is None:
        raise CellError("external_id", "and the address lead to two customers")
    return subject_id


def found(who: Who, *, source: Source) -> int | None:
    """Return the subject whom a number or an address leads to already."""
    for kind, value, space in (
        (identify.EXTERNAL_ID, who.external_id, source.space),
        (identify.EMAIL, who.email, ""),
    ):
        subject = identify.find(kind, value, source=space) if value else None
        if subject is not None:
            return subject.pk
    return None
