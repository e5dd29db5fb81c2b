"""The figures of the home page: a constant number of queries, whatever is stored."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, Max, Min
from django.db.models.functions import Coalesce

from campaigns.kpi import progress
from campaigns.kpi.progress import Progress
from campaigns.models import Campaign, Send, SenderIdentity
from consent import gate
from consent.models import DataSubject, Job
from personalization.models import InboxEvent, Product, Segment, Source
from personalization.quality import alerts
from personalization.quality.alerts import Alert

WEEKS = 52
RECENT = timedelta(days=30)
MARKETING = "email_marketing"
SOURCES = 6


@dataclass(frozen=True, slots=True)
class Cards:
    """Figures of the last 30 days beside the two of now; None was not recorded by anybody."""

    customers: int
    reachable: int
    sent_week: int
    sent_month: int
    delivered: int
    opened: int | None
    clicked: int | None
    unsubscribed: int | None
    converted: int
    revenue: Decimal | None
    currency: str

    def share(self, count: int | None) -> float | None:
        return 100 * count / self.delivered if count is not None and self.delivered else None


@dataclass(frozen=True, slots=True)
class Week:
    starts: date
    sent: int
    converted: int


@dataclass(frozen=True, slots=True)
class Attention:
    """Something a person should look at; `kind` says which list it is on."""

    kind: str
    text: str
    key: int | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    cards: Cards
    weeks: list[Week]
    campaigns: list[tuple[Campaign, Progress]]
    attention: list[Attention]
    sources: list[tuple[Source, list[Alert]]]
    jobs: list[Job]

    @property
    def is_fresh(self) -> bool:
        return not self.cards.customers and not self.campaigns

    @property
    def has_history(self) -> bool:
        return any(week.sent or week.converted for week in self.weeks)


_SENT = """
WITH mail AS (
    SELECT s.id, s.sent_at, c.has_tracking
    FROM campaigns_send s JOIN campaigns_campaign c ON c.id = s.campaign_id
    WHERE s.state = 'sent' AND s.sent_at > %(month)s AND s.sent_at <= %(now)s
), back AS (
    SELECT count(DISTINCT t.send_id) FILTER (WHERE t.kind = 'bounced') AS bounced,
           count(DISTINCT t.send_id) FILTER (WHERE t.kind = 'opened') AS opened,
           count(DISTINCT t.send_id) FILTER (WHERE t.kind = 'clicked') AS clicked,
           count(DISTINCT t.send_id) FILTER (WHERE t.kind = 'unsubscribed') AS unsubscribed
    FROM campaigns_trackingevent t JOIN mail ON mail.id = t.send_id AND mail.has_tracking
    WHERE NOT t.is_machine
)
SELECT (SELECT count(*) FROM mail WHERE sent_at > %(week)s), (SELECT count(*) FROM mail),
       (SELECT count(*) FROM mail WHERE has_tracking), back.*
FROM back
"""
_EARNED = """
SELECT count(*), count(amount), coalesce(sum(amount), 0) FROM campaigns_conversion
WHERE occurred_at > %s AND occurred_at <= %s
"""
_WEEKS = """
SELECT 'sent', date_trunc('week', sent_at AT TIME ZONE 'UTC')::date, count(*)
FROM campaigns_send WHERE state = 'sent' AND sent_at >= %(since)s GROUP BY 2
UNION ALL
SELECT 'converted', date_trunc('week', occurred_at AT TIME ZONE 'UTC')::date, count(*)
FROM campaigns_conversion WHERE occurred_at >= %(since)s GROUP BY 2
"""


def overview(*, now: datetime) -> Overview:
    """Read everything the home page shows."""
    warned = alerts.alerts(now=now)
    return Overview(
        cards=_cards(now),
        weeks=_weeks(now),
        campaigns=_campaigns(),
        attention=_attention(warned),
        sources=_sources(warned),
        jobs=list(Job.objects.all()[:5]),
    )


def currency() -> str:
    """Return the catalogue's currency, or nothing where it has none or several."""
    found = Product.objects.aggregate(first=Min("currency"), last=Max("currency"))
    return str(found["first"] or "") if found["first"] == found["last"] else ""


def _cards(now: datetime) -> Cards:
    people = DataSubject.objects.living().filter(profile__isnull=False)
    spans = {"now": now, "month": now - RECENT, "week": now - timedelta(days=7)}
    week, month, tracked, bounced, opened, clicked, unsubscribed = _rows(_SENT, spans)[0]
    converted, priced, revenue = _rows(_EARNED, [now - RECENT, now])[0]
    return Cards(
        customers=people.count(),
        reachable=gate.allowed(people, purpose=MARKETING, at=now).count(),
        sent_week=week,
        sent_month=month,
        delivered=tracked - bounced,
        opened=opened if tracked else None,
        clicked=clicked if tracked else None,
        unsubscribed=unsubscribed if tracked else None,
        converted=converted,
        revenue=revenue if priced or not converted else None,
        currency=currency(),
    )


def _weeks(now: datetime) -> list[Week]:
    monday = now.date() - timedelta(days=now.weekday())
    first = monday - timedelta(weeks=WEEKS - 1)
    counts = {(kind, start): n for kind, start, n in _rows(_WEEKS, {"since": first})}
    starts = [first + timedelta(weeks=number) for number in range(WEEKS)]
    return [
        Week(
            start,
            sent=counts.get(("sent", start), 0),
            converted=counts.get(("converted", start), 0),
        )
        for start in starts
    ]


def _campaigns() -> list[tuple[Campaign, Progress]]:
    latest = list(
        Campaign.objects.order_by(Coalesce("launched_at", "created_at").desc(), "-pk")[:6]
    )
    counts = progress.of([campaign.pk for campaign in latest])
    return [(campaign, counts[campaign.pk]) for campaign in latest]


def _sources(warned: list[Alert]) -> list[tuple[Source, list[Alert]]]:
    """Return the sources that events come from, the latest first, each with its alerts."""
    active = Source.objects.filter(is_active=True).defer("secrets", "mapping")
    latest = active.order_by(F("last_event_at").desc(nulls_last=True), "name")[:SOURCES]
    return [
        (source, [alert for alert in warned if alert.source_id == source.pk]) for source in latest
    ]


def _attention(warned: list[Alert]) -> list[Attention]:
    found = [
        Attention("source" if alert.source_id else "waiting", alert.text, key=alert.source_id)
        for alert in warned[:5]
    ]
    found += [
        Attention("campaign", f"{campaign.name}: {campaign.problem}", key=campaign.pk)
        for campaign in Campaign.objects.exclude(problem="")[:5]
    ]
    if unknown := Send.objects.filter(state=Send.State.UNKNOWN).count():
        found.append(
            Attention("unknown", f"{_number(unknown, 'mail')} handed over without an answer")
        )
    if caught := InboxEvent.objects.exclude(quarantined_at=None).count():
        found.append(Attention("quarantine", f"{_number(caught, 'event')} in quarantine"))
    if idle := Segment.objects.filter(live=None, is_archived=False).count():
        found.append(Attention("segments", f"{_number(idle, 'segment')} without a live version"))
    if not SenderIdentity.objects.exists():
        found.append(Attention("sender", "No sender identity yet: nothing can be sent"))
    return found


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _rows(sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return rows
