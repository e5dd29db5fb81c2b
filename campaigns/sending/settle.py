"""Settle by hand what no provider can tell: mails that were handed over without an answer."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F

from campaigns.models import Send
from campaigns.sending import lifecycle
from campaigns.tracking import behaviour
from consent import audit

State = Send.State


@transaction.atomic
def settle(
    send_ids: Sequence[int], *, arrived: bool, actor: AbstractBaseUser, now: datetime
) -> int:
    """Record what a person found out about UNKNOWN sends; return how many were settled.

    Rows whose lease still runs are left alone: their worker may yet hear the answer.
    """
    doubtful = Send.objects.doubtful().filter(pk__in=send_ids)
    rows = list(doubtful.select_for_update().order_by("pk"))
    chosen = Send.objects.filter(pk__in=[row.pk for row in rows])
    if arrived:
        chosen.update(
            state=State.SENT,
            sent_at=F("handed_over_at"),
            lease_until=None,
            detail="settled by hand: it arrived",
        )
        behaviour.sent(rows, source=behaviour.source(), at=now)
    else:
        chosen.update(
            state=State.PLANNED, due_at=now, lease_until=None, detail="settled by hand: sent again"
        )
        lifecycle.reopen({row.campaign_id for row in rows})
    for row in rows:
        audit.note("send.settle", actor=actor, target=row, detail={"arrived": arrived})
    return len(rows)
