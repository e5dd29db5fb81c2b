"""The figures of a campaign, as docs/kpi.md defines them: people, not hits; machines apart."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from campaigns.models import Campaign, Send

# None: nobody recorded it. It is shown as "not recorded", never as 0.
Recorded = int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """People at each step; rates are shares of `delivered`."""

    planned: int = 0
    sent: int = 0
    delivered: Recorded = None
    opened: Recorded = None
    clicked: Recorded = None
    converted: int = 0
    unsubscribed: Recorded = None
    revenue: Decimal | None = Decimal()

    def rate(self, count: Recorded) -> float | None:
        base = self.delivered if self.delivered is not None else self.sent
        return 100 * count / base if count is not None and base else None


@dataclass(frozen=True, slots=True)
class Report:
    total: Figures
    by_arm: Mapping[str, Figures]
    skipped: Mapping[str, int]
    states: Mapping[str, int]
    machine_opens: int = 0
    machine_clicks: int = 0
    anonymous_clicks: int = 0
    arms: Mapping[str, str] = field(default_factory=dict)


_STATES = """
SELECT arm, state, reason, count(*) FROM campaigns_send WHERE campaign_id = %s
GROUP BY arm, state, reason
"""
_TRACKING = """
SELECT s.arm, t.kind, t.is_machine, count(DISTINCT t.send_id)
FROM campaigns_trackingevent t JOIN campaigns_send s ON s.id = t.send_id
WHERE t.campaign_id = %s GROUP BY s.arm, t.kind, t.is_machine
"""
_ANONYMOUS = """
SELECT count(*) FROM campaigns_trackingevent
WHERE campaign_id = %s AND send_id IS NULL AND kind = 'clicked' AND NOT is_machine
"""
_CONVERTED = """
SELECT s.arm, count(DISTINCT c.send_id), sum(c.amount)
FROM campaigns_conversion c JOIN campaigns_send s ON s.id = c.send_id
WHERE c.campaign_id = %s GROUP BY s.arm
"""


def report(campaign: Campaign) -> Report:
    """Compute the figures of one campaign (four queries)."""
    states = _rows(_STATES, campaign.pk)
    tracked = _rows(_TRACKING, campaign.pk)
    converted = _rows(_CONVERTED, campaign.pk)
    arms = sorted({row[0] for row in states if row[0]})
    experiment = getattr(campaign, "experiment", None)
    return Report(
        total=_figures(states, tracked, converted, campaign=campaign, arm=None),
        by_arm={
            arm: _figures(states, tracked, converted, campaign=campaign, arm=arm) for arm in arms
        },
        skipped=_sum(states, key=2, where=lambda row: row[1] == Send.State.SKIPPED),
        states=_sum(states, key=1),
        machine_opens=_tracked(tracked, kind="opened", is_machine=True),
        machine_clicks=_tracked(tracked, kind="clicked", is_machine=True),
        anonymous_clicks=_rows(_ANONYMOUS, campaign.pk)[0][0],
        arms={arm.key: arm.name for arm in experiment.arms.all()} if experiment else {},
    )


def _figures(
    states: list[Any],
    tracked: list[Any],
    converted: list[Any],
    *,
    campaign: Campaign,
    arm: str | None,
) -> Figures:
    mine = [row for row in states if arm is None or row[0] == arm]
    of_arm = [row for row in tracked if arm is None or row[0] == arm]
    orders = [row for row in converted if arm is None or row[0] == arm]
    by_state = _sum(mine, key=1)
    sent = by_state.get(Send.State.SENT, 0)
    bounced = _tracked(of_arm, kind="bounced")
    has = campaign.has_tracking
    return Figures(
        planned=sum(by_state.values()) - by_state.get(Send.State.SKIPPED, 0),
        sent=sent,
        delivered=sent - bounced if has else None,
        opened=_tracked(of_arm, kind="opened") if has else None,
        clicked=_tracked(of_arm, kind="clicked") if has else None,
        converted=sum(row[1] for row in orders),
        unsubscribed=_tracked(of_arm, kind="unsubscribed") if has else None,
        revenue=_revenue([row[2] for row in orders]),
    )


def _revenue(amounts: list[Decimal | None]) -> Decimal | None:
    """Orders without any amount were counted, not priced."""
    priced = [amount for amount in amounts if amount is not None]
    return sum(priced, Decimal()) if priced or not amounts else None


def _tracked(rows: list[Any], *, kind: str, is_machine: bool = False) -> int:
    return sum(row[3] for row in rows if row[1] == kind and row[2] == is_machine)


def _sum(rows: list[Any], *, key: int, where: Any = None) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        if where is None or where(row):
            counts[row[key]] += row[-1]
    return dict(sorted(counts.items()))


def _rows(sql: str, campaign_id: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [campaign_id])
        rows: list[Any] = cursor.fetchall()
    return rows
