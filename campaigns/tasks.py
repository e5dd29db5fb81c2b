"""Celery entry points. One call each; the database is the queue, so nothing here retries."""

from datetime import timedelta

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.utils import timezone

from campaigns.delivery.base import get_backend
from campaigns.models import Campaign
from campaigns.sending import lifecycle, pipeline
from campaigns.sending import reconcile as reconciling
from campaigns.tracking.attribution import WINDOW, attribute


@shared_task(base=DjangoTask)
def send_next_chunk(campaign_id: int) -> None:
    """Send one chunk and, while there is more, ask for the next."""
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None:  # deleted since the task was queued
        return
    result = pipeline.run_chunk(
        campaign, backend=get_backend(settings.EMAIL_URL), now=timezone.now()
    )
    if result.taken:
        send_next_chunk.delay_on_commit(campaign_id)
    else:
        lifecycle.finish(now=timezone.now())


@shared_task
def send_due() -> None:
    """Wake a worker for each campaign that has something due; the tick of the poller."""
    now = timezone.now()
    lifecycle.release_held(now=now)
    for campaign_id in lifecycle.due(now=now):
        send_next_chunk.delay(campaign_id)
    lifecycle.finish(now=now)


@shared_task
def reconcile_unknown() -> None:
    """Settle sends whose worker died."""
    reconciling.reconcile(backend=get_backend(settings.EMAIL_URL), now=timezone.now())


@shared_task
def attribute_orders() -> None:
    """Claim new orders for the mails that came before them."""
    now = timezone.now()
    attribute(since=now - WINDOW - timedelta(days=1), now=now)
