"""The page of one quarantined event: what came, masked unless one may see it, and its mending."""

import json
from typing import Any

from django.http import HttpRequest

from consent import audit
from consent.admin.base import actor
from personalization.ingest import masking, replay
from personalization.models import InboxEvent

PERSONAL = "consent.view_personal_data"
LARGEST_CHARACTERS = 200_000


def of(row: InboxEvent, *, request: HttpRequest) -> dict[str, Any]:
    """Open an event for its page; a look in clear is noted."""
    in_clear = request.user.has_perm(PERSONAL)
    found = _shared(row, request=request)
    try:
        message = replay.message_of(row)
    except replay.Unopenable as broken:
        return {**found, "broken": str(broken)}
    if in_clear:
        audit.note("personal_data.view", actor=request.user, target=row)
    return {**found, "written": _text(message if in_clear else masking.masked(message))}


def again(row: InboxEvent, *, request: HttpRequest, problem: str) -> dict[str, Any]:
    """Show what somebody wrote, with what is still wrong."""
    written = request.POST.get("written", "")
    return {**_shared(row, request=request), "written": written, "problem": problem}


def mend(row: InboxEvent, *, request: HttpRequest) -> str:
    """Put the written event back; return what is wrong with it, or nothing."""
    text = request.POST.get("written", "")
    if len(text) > LARGEST_CHARACTERS:
        return f"It is longer than {LARGEST_CHARACTERS:,} characters: no event is."
    try:
        written = json.loads(text)
    except ValueError as fault:
        return f"This is not JSON: {fault}."
    except RecursionError:
        return "It is nested too deep to be read: no event is."
    try:
        written = _restored(written, row=row, request=request)
        replay.mend(row.pk, written=written, actor=actor(request))
    except (replay.StillFaulty, replay.Unopenable) as fault:
        return f"Still faulty: {fault}."
    except InboxEvent.DoesNotExist:
        return "Somebody else mended or discarded it meanwhile."
    return ""


def _restored(written: object, *, row: InboxEvent, request: HttpRequest) -> object:
    """Give back what was shown masked and left so."""
    if request.user.has_perm(PERSONAL):
        return written
    real = replay.message_of(row)
    return masking.restored(written, shown=masking.masked(real), real=real)


def _shared(row: InboxEvent, *, request: HttpRequest) -> dict[str, Any]:
    return {
        "title": "Quarantined event",
        "original": row,
        "in_clear": request.user.has_perm(PERSONAL),
        "reason": row.reason,
    }


def _text(message: object) -> str:
    return json.dumps(message, indent=2, ensure_ascii=False)
