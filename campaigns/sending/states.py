"""Write the outcomes of a chunk: one statement for any number of rows, fenced by the lease."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from campaigns.models import Send

State = Send.State


@dataclass(frozen=True, slots=True)
class Result:
    """Where one send goes next."""

    send_id: int
    state: str
    reason: str = ""
    detail: str = ""
    arm: str = ""
    due_at: datetime | None = None
    is_counted: bool = False
    # A try that failed before it began does not count against the row.
    is_try: bool = True


_FINISH = """
UPDATE campaigns_send AS send SET
    state = new.state, reason = new.reason, detail = new.detail,
    arm = CASE WHEN new.arm = '' THEN send.arm ELSE new.arm END,
    due_at = coalesce(new.due_at, send.due_at),
    is_counted = send.is_counted OR new.is_counted,
    attempts = send.attempts - CASE WHEN new.is_try THEN 0 ELSE 1 END,
    sent_at = CASE WHEN new.state = 'sent' THEN %(at)s ELSE send.sent_at END,
    lease_until = CASE WHEN new.state = 'unknown' THEN send.lease_until END,
    lease_token = NULL
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(details)s::text[],
            %(arms)s::text[], %(dues)s::timestamptz[], %(counted)s::boolean[], %(tries)s::boolean[])
     AS new(id, state, reason, detail, arm, due_at, is_counted, is_try)
WHERE send.id = new.id AND send.lease_token = %(token)s
"""


def finish(results: Sequence[Result], *, token: uuid.UUID, at: datetime) -> int:
    """Store results of rows this worker still holds; a row lost to another worker stays its."""
    if not results:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _FINISH,
            {
                "at": at,
                "token": token,
                "ids": [result.send_id for result in results],
                "states": [result.state for result in results],
                "reasons": [result.reason for result in results],
                "details": [result.detail[:300] for result in results],
                "arms": [result.arm for result in results],
                "dues": [result.due_at for result in results],
                "counted": [result.is_counted for result in results],
                "tries": [result.is_try for result in results],
            },
        )
        return cursor.rowcount


def begin_handover(
    send_ids: Sequence[int], *, token: uuid.UUID, at: datetime, lease: timedelta
) -> set[int]:
    """Mark rows as being handed over, before the first byte leaves; return which are still ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_send SET state = 'handing_over', handed_over_at = %s,"
            " lease_until = %s WHERE id = ANY(%s) AND lease_token = %s AND state = 'claimed'"
            " AND lease_until > %s RETURNING id",
            [at, at + lease, list(send_ids), token, at],
        )
        return {row[0] for row in cursor.fetchall()}
