"""What came of the webhook deliveries of shops and CRMs: how many failed, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from personalization.models import WebhookDelivery

# As faults of events: today and yesterday.
LATELY = timedelta(days=2)
REASONS = 8
State = WebhookDelivery.State
_FAILED = Q(state=State.FAILED)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What is kept of the deliveries of a span; what is done with goes after 30 days."""

    total: int = 0
    done: int = 0
    ignored: int = 0
    waiting: int = 0
    failed: int = 0
    # Why they failed, the most frequent first.
    reasons: Sequence[tuple[str, int]] = ()


def of(source_id: int, *, since: datetime) -> Deliveries:
    """Count the deliveries of one source by what became of them; two queries."""
    rows = WebhookDelivery.objects.filter(source=source_id, received_at__gte=since).order_by()
    counts = dict(rows.values_list("state").annotate(count=Count("pk")))
    failed = rows.filter(_FAILED).values_list("reason").annotate(count=Count("pk"))
    return Deliveries(
        total=sum(counts.values()),
        done=counts.get(State.DONE, 0),
        ignored=counts.get(State.IGNORED, 0),
        waiting=counts.get(State.WAITING, 0),
        failed=counts.get(State.FAILED, 0),
        reasons=list(failed.order_by("-count", "reason")[:REASONS]),
    )


def lately(source_ids: Iterable[int], *, now: datetime) -> Mapping[int, Deliveries]:
    """Count those of many sources that came today and yesterday; one query."""
    rows = WebhookDelivery.objects.filter(
        source__in=list(source_ids), received_at__gte=now - LATELY
    ).order_by()
    counted = rows.values("source").annotate(total=Count("pk"), failed=Count("pk", filter=_FAILED))
    return {row["source"]: Deliveries(total=row["total"], failed=row["failed"]) for row in counted}
