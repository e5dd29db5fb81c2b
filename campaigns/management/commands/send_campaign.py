"""Plan a campaign and send it; can be stopped and run again, nobody gets a mail twice."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.audience import estimate
from campaigns.delivery.base import get_backend
from campaigns.management.commands._progress import ProgressLine
from campaigns.models import Campaign
from campaigns.sending import lifecycle, run
from campaigns.tasks import send_next_chunk
from consent import jobs

# Each worker process keeps itself busy once it was woken; more than enough for one machine.
WORKERS_WOKEN = 4
# On top of the lease, after which mails of a worker that died come back.
PATIENCE_SECONDS = 60


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="Short name (slug) of the campaign.")
        parser.add_argument("--dry-run", action="store_true", help="Only say whom it would reach.")
        parser.add_argument("--workers", action="store_true", help="Let Celery workers send.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(slug=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign “{options['campaign']}”.")
        if options["dry_run"]:
            reach = estimate.reach(campaign, at=timezone.now())
            self._print(options, reached=reach.reached, skipped=reach.skipped)
            return
        try:
            planned = lifecycle.launch(campaign, now=timezone.now())
        except lifecycle.NotReady as error:
            raise CommandError(str(error)) from error
        result = self._send(campaign, expected=planned.planned, by_workers=options["workers"])
        figures = {"planned": planned.added, "sent": result.sent, "skipped": planned.skipped}
        seconds = round(result.seconds, 2)
        self._print(options, **figures, seconds=seconds, per_second=round(result.per_second))
        if result.problem:
            raise CommandError(f"Stopped: {result.problem}. Run it again to go on.")

    def _send(self, campaign: Campaign, *, expected: int, by_workers: bool) -> run.Run:
        job = jobs.create("send_campaign", label=f"Send {campaign}")
        patience = settings.ATTUNE_LEASE_SECONDS + PATIENCE_SECONDS
        result = run.Run(sent=0, seconds=0.0, problem="cancelled")
        with jobs.run(job, show=ProgressLine(self.stdout)) as progress:
            progress.expect(expected)
            if by_workers:
                for _ in range(WORKERS_WOKEN):
                    send_next_chunk.delay(campaign.pk)
                result = run.watch(
                    campaign, clock=timezone.now, patience_seconds=patience, progress=progress
                )
            else:
                result = run.here(
                    campaign,
                    backend=get_backend(settings.EMAIL_URL),
                    clock=timezone.now,
                    patience_seconds=patience,
                    progress=progress,
                )
            progress.result(
                campaign=campaign.pk,
                sent=result.sent,
                seconds=round(result.seconds, 2),
                per_second=round(result.per_second),
            )
        return result

    def _print(self, options: dict[str, Any], **figures: object) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self.stdout.write("  ".join(f"{name}: {value}" for name, value in figures.items()))
