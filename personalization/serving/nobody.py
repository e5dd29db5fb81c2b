"""What a slot says where nobody is known, or where there is no time: its fallback, with why."""

import hmac
import uuid
from datetime import datetime

from django.conf import settings

from personalization import engine
from personalization.serving import answer
from personalization.serving.answer import Answer
from personalization.serving.question import Recipient
from personalization.serving.ready import Ready

_PERMISSION = {"may_send": False, "may_profile": False}


def answer_for(
    name: str,
    slot: Ready,
    *,
    recipient: Recipient,
    message: str,
    reason: str,
    now: datetime,
) -> Answer:
    """Return a slot's fallback; the same bytes for the same question until it expires."""
    expires_at = _end_of_period(now, seconds=int(min(slot.ttl, engine.STOCK_TTL).total_seconds()))
    told = slot.nobody.decision["slots"][slot.slug]
    asked = (message, name, recipient.kind, recipient.value, told["version"], expires_at)
    return answer.build(
        decision_id=_id("|".join(map(str, asked))),
        slot=name,
        told=told,
        decision=slot.nobody.decision,
        block=slot.nobody.blocks[slot.slug],
        items=slot.nobody.context["recommendations"],
        permission=_PERMISSION,
        expires_at=expires_at,
        sentence="",
        problem=reason,
    )


def _end_of_period(now: datetime, *, seconds: int) -> datetime:
    """Return the end of the period that now lies in: retries within it get the same answer."""
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, tz=now.tzinfo)


def _id(asked: str) -> str:
    """Return a decision's id that nobody can turn back into a name."""
    digest = hmac.digest(settings.ATTUNE_TOKEN_KEY.encode(), asked.encode(), "sha256")
    return str(uuid.UUID(bytes=digest[:16], version=4))
