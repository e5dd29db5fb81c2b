"""Give every member of a campaign's segments one Send: planned, or skipped with the reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from campaigns.audience import select
from campaigns.models import Campaign, Send

BROADCAST_RUN = "broadcast"

_PLAN = """
INSERT INTO campaigns_send (campaign_id, step, subject_id, occurrence, message_key, state, reason,
                            detail, arm, due_at, attempts, is_counted, created_at)
SELECT %s, 0, person.id, %s, gen_random_uuid(),
       CASE WHEN person.reason = '' THEN 'planned' ELSE 'skipped' END, person.reason,
       '', '', %s, 0, false, %s
FROM ({audience}) AS person(id, reason)
-- What a row got that was merged into this person, the person got.
WHERE NOT EXISTS (
    SELECT 1 FROM consent_datasubject AS merged
    JOIN campaigns_send AS had ON had.subject_id = merged.id AND had.campaign_id = %s
        AND had.step = 0 AND had.occurrence = %s
        AND had.state IN ('claimed', 'handing_over', 'sent', 'unknown')
    WHERE merged.merged_into_id = person.id
)
ON CONFLICT (campaign_id, step, subject_id, occurrence) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """`added` rows are new; the rest of the audience had its row from an earlier run."""

    added: int
    planned: int
    skipped: dict[str, int]


@transaction.atomic
def plan(campaign: Campaign, *, now: datetime, occurrence: str = BROADCAST_RUN) -> Planned:
    """Plan the whole audience in one statement; planning again adds nobody twice."""
    people = select.members(campaign).annotate(reason=select.reason(campaign, at=now))
    audience = people.values_list("pk", "reason")
    sql, params = audience.query.sql_with_params()
    with connection.cursor() as cursor:
        row: list[Any] = [campaign.pk, occurrence, now, now, *params, campaign.pk, occurrence]
        cursor.execute(_PLAN.format(audience=sql), row)
        added = cursor.rowcount
    return _count(campaign, added=added)


def _count(campaign: Campaign, *, added: int) -> Planned:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, reason, count(*) FROM campaigns_send WHERE campaign_id = %s"
            " GROUP BY state, reason ORDER BY state, reason",
            [campaign.pk],
        )
        rows = cursor.fetchall()
    return Planned(
        added=added,
        planned=sum(n for state, _, n in rows if state == Send.State.PLANNED),
        skipped={reason: n for state, reason, n in rows if state == Send.State.SKIPPED},
    )
