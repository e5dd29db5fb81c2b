"""Write the outcomes of a chunk: one statement for any number of rows, fenced by the lease.

Leases are read on the database's clock alone: the clocks of two workers may differ.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
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
    # A try that failed before it began does not count against the row.
    is_try: bool = True


# Rows are found by their ids alone. With a bare `state = …` the planner reads the index of all
# leased rows instead, those of every worker, and again for each group: it expects it to be empty.
_BEGIN = """
UPDATE campaigns_send SET state = 'handing_over', handed_over_at = %(at)s,
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = ANY(%(begun)s) AND lease_token = %(token)s AND coalesce(state, '') = 'claimed'
    AND lease_until > clock_timestamp()
"""
_HOLD = """
SELECT id FROM campaigns_send
WHERE id = ANY(%s) AND lease_token = %s AND coalesce(state, '') = 'handing_over'
    AND lease_until > clock_timestamp()
FOR UPDATE
"""
_FINISH = """
UPDATE campaigns_send AS send SET
    state = new.state, reason = new.reason, detail = new.detail,
    arm = CASE WHEN new.arm = '' THEN send.arm ELSE new.arm END,
    due_at = coalesce(new.due_at, send.due_at),
    attempts = send.attempts - CASE WHEN new.is_try THEN 0 ELSE 1 END,
    sent_at = CASE WHEN new.state = 'sent' THEN %(at)s ELSE send.sent_at END,
    lease_until = CASE WHEN new.state = 'unknown' THEN send.lease_until END,
    lease_token = NULL
FROM json_to_recordset(%(rows)s::json)
     AS new(id bigint, state text, reason text, detail text, arm text, due_at timestamptz,
            is_try boolean)
WHERE send.id = new.id AND send.lease_token = %(token)s
"""


def finish(results: Sequence[Result], *, token: uuid.UUID, at: datetime) -> int:
    """Store results of rows this worker still holds; a row lost to another worker stays its."""
    if not results:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, {"at": at, "token": token, "rows": _rows(results)})
        stored: int = cursor.rowcount
    return stored


def finish_and_begin(
    results: Sequence[Result],
    following: Sequence[int],
    *,
    token: uuid.UUID,
    at: datetime,
    lease: timedelta,
) -> None:
    """`finish` for one group and `begin_handover` for the next, in one statement."""
    begun = _begun(following, token=token, at=at, lease=lease)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH begun AS ({_BEGIN}) {_FINISH}", {**begun, "rows": _rows(results)})


def _rows(results: Sequence[Result]) -> str:
    """One JSON text: the driver would quote each element of an array in Python."""
    rows = [
        {
            "id": result.send_id,
            "state": result.state,
            "reason": result.reason,
            "detail": result.detail[:300],
            "arm": result.arm,
            "due_at": result.due_at,
            "is_try": result.is_try,
        }
        for result in results
    ]
    return orjson.dumps(rows).decode()


def begin_handover(
    send_ids: Sequence[int], *, token: uuid.UUID, at: datetime, lease: timedelta
) -> None:
    """Mark the rows that are still ours as being handed over, before the first byte leaves."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, _begun(send_ids, token=token, at=at, lease=lease))


def _begun(
    send_ids: Sequence[int], *, token: uuid.UUID, at: datetime, lease: timedelta
) -> dict[str, datetime | uuid.UUID | list[int] | float]:
    return {"at": at, "token": token, "begun": list(send_ids), "lease": lease.total_seconds()}


def hold(send_ids: Sequence[int], *, token: uuid.UUID) -> set[int]:
    """Lock the rows marked for us until the transaction ends; return which these are.

    However long the mail server takes: while this session lives, nobody can doubt its rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [list(send_ids), token])
        return {row[0] for row in cursor.fetchall()}


def release(send_ids: Sequence[int], *, token: uuid.UUID, due_at: datetime) -> None:
    """Give rows back that are only claimed: nothing of them has left."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_send SET state = 'planned', due_at = %s, lease_token = NULL,"
            " lease_until = NULL WHERE id = ANY(%s) AND lease_token = %s AND state = 'claimed'",
            [due_at, list(send_ids), token],
        )


def doubt(send_ids: Sequence[int], *, token: uuid.UUID, ask_after: timedelta) -> None:
    """Leave rows in doubt whose hand-over broke off; nothing more of them will leave from here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_send SET state = 'unknown', lease_token = NULL,"
            " lease_until = clock_timestamp() + make_interval(secs => %s)"
            " WHERE id = ANY(%s) AND lease_token = %s AND state = 'handing_over'",
            [ask_after.total_seconds(), list(send_ids), token],
        )


def message_keys(send_ids: Sequence[int], *, token: uuid.UUID) -> list[uuid.UUID]:
    """Return the keys of those mails that are still ours."""
    held = Send.objects.filter(pk__in=send_ids, lease_token=token)
    return list(held.values_list("message_key", flat=True))
