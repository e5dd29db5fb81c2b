"""What somebody should look at: a source that went silent, faults, events nobody applies."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from personalization.models import InboxEvent, Source
from personalization.quality import deliveries, tallies
from personalization.quality.deliveries import Deliveries
from personalization.quality.tallies import Tally

# Of what arrived today and yesterday; a handful of faults is daily life.
FAULTY_SHARE = 0.05
FAULTY_COUNT = 10
# A delivery tells of one thing of the shop, and comes once: fewer are worth a look.
FAILED_COUNT = 3
WAITING = timedelta(minutes=5)


class Kind(StrEnum):
    SILENT = "silent"
    FAULTY = "faulty"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Alert:
    """`source_id` is nobody's where no single source is to blame."""

    kind: Kind
    text: str
    source_id: int | None = None


def alerts(*, now: datetime) -> list[Alert]:
    """Return all there are, silence first; four queries however many sources there are."""
    sources = list(Source.objects.filter(is_active=True).defer("secrets", "mapping"))
    ids = [source.pk for source in sources]
    silent = [alert for source in sources if (alert := silence(source, now=now))]
    counted = tallies.of(ids, days=2, now=now)
    faulty = [alert for source in sources if (alert := faults(source, tally=counted[source.pk]))]
    came = deliveries.lately(ids, now=now)
    failed = [alert for source in sources if (alert := failures(source, came=came.get(source.pk)))]
    return [*silent, *faulty, *failed, *_backlog(now)]


def silence(source: Source, *, now: datetime) -> Alert | None:
    """Tell when a source sent nothing for longer than it may; a new one gets its first hours."""
    if source.stale_after_hours is None or not source.is_active:
        return None
    last = source.last_event_at or source.created_at
    hours = (now - last) / timedelta(hours=1)
    if hours <= source.stale_after_hours:
        return None
    said = f"silent for {in_words(now - last)}" if source.last_event_at else "no event yet"
    return Alert(Kind.SILENT, f"{source.name}: {said}", source_id=source.pk)


def faults(source: Source, *, tally: Tally) -> Alert | None:
    """Tell when too much of what arrived could not be read."""
    caught = tally.total("quarantined")
    if caught < FAULTY_COUNT or caught < FAULTY_SHARE * tally.arrived:
        return None
    share = 100 * caught / tally.arrived
    text = f"{source.name}: {share:.0f} % of its events go to quarantine"
    return Alert(Kind.FAULTY, text, source_id=source.pk)


def failures(source: Source, *, came: Deliveries | None) -> Alert | None:
    """Tell when too many deliveries could not be taken in: a mapping or a setting is missing."""
    if came is None or came.failed < FAILED_COUNT or came.failed < FAULTY_SHARE * came.total:
        return None
    share = 100 * came.failed / came.total
    text = f"{source.name}: {share:.0f} % of its deliveries failed"
    return Alert(Kind.FAILED, text, source_id=source.pk)


def in_words(span: timedelta) -> str:
    """Say how long: minutes below two hours, hours below two days, then days."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    if minutes < 48 * 60:
        return f"{minutes // 60} hours"
    return f"{minutes // (24 * 60)} days"


def _backlog(now: datetime) -> list[Alert]:
    waiting = InboxEvent.objects.filter(quarantined_at=None).order_by("id")
    since = waiting.values_list("received_at", flat=True).first()
    if since is None or now - since <= WAITING:
        return []
    text = f"Events wait for {in_words(now - since)}: is a worker running?"
    return [Alert(Kind.WAITING, text)]
