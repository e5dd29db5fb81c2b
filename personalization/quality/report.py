"""The quality of one source: everything its page shows, in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max

from personalization.models import InboxEvent, Source
from personalization.quality import alerts, deliveries, drift, fields, tallies
from personalization.quality.alerts import Alert
from personalization.quality.deliveries import Deliveries
from personalization.quality.drift import Drift
from personalization.quality.fields import Fields
from personalization.quality.tallies import Tally

DAYS = 30
GLANCE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a source has in quarantine now, by reason, the most frequent first."""

    reason: str
    count: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class Glance:
    """A source in one line of the list."""

    tally: Tally
    in_quarantine: int
    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class Report:
    tally: Tally
    quarantine: list[Waiting]
    fields: Fields
    drift: Drift
    deliveries: Deliveries
    alerts: list[Alert]

    @property
    def in_quarantine(self) -> int:
        return sum(each.count for each in self.quarantine)


def of(source: Source, *, now: datetime) -> Report:
    """Report on the last 30 days of a source; eight queries."""
    tally = tallies.of([source.pk], days=DAYS, now=now)[source.pk]
    came = deliveries.lately([source.pk], now=now)
    return Report(
        tally=tally,
        quarantine=_quarantine(source),
        fields=fields.of(source.slug, now=now),
        drift=drift.of(source.pk, now=now),
        deliveries=deliveries.of(source.pk, since=now - timedelta(days=DAYS)),
        alerts=_alerts(source, tally=tally, came=came.get(source.pk), now=now),
    )


def glances(sources: Iterable[Source], *, now: datetime) -> dict[int, Glance]:
    """Look at many sources at once; three queries."""
    listed = list(sources)
    ids = [source.pk for source in listed]
    tally = tallies.of(ids, days=GLANCE_DAYS, now=now)
    came = deliveries.lately(ids, now=now)
    caught = dict(
        InboxEvent.objects.filter(source__in=ids)
        .exclude(quarantined_at=None)
        .order_by()
        .values_list("source")
        .annotate(count=Count("pk"))
    )
    return {
        source.pk: Glance(
            tally=tally[source.pk],
            in_quarantine=caught.get(source.pk, 0),
            alerts=_alerts(source, tally=tally[source.pk], came=came.get(source.pk), now=now),
        )
        for source in listed
    }


def _alerts(source: Source, *, tally: Tally, came: Deliveries | None, now: datetime) -> list[Alert]:
    lately = Tally(days=tally.days[-2:])
    found = (
        alerts.silence(source, now=now),
        alerts.faults(source, tally=lately),
        alerts.failures(source, came=came),
    )
    return [alert for alert in found if alert]


def _quarantine(source: Source) -> list[Waiting]:
    rows = (
        InboxEvent.objects.filter(source=source)
        .exclude(quarantined_at=None)
        .order_by()
        .values("reason")
        .annotate(count=Count("pk"), newest=Max("quarantined_at"))
        .order_by("-count", "reason")[:20]
    )
    return [Waiting(row["reason"], row["count"], row["newest"]) for row in rows]
