"""Print what the demo did, where to look and how to log in; exit code 1 if it is not complete."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.demo import scene
from campaigns.demo.summary import Summary, summarise
from campaigns.models import Campaign, Send

REASONS = {
    "no_consent": "refused marketing",
    "suppressed": "on the suppression list",
    "no_address": "no address",
    "erased": "erased",
    "holdout": "holdout of the experiment",
}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--server", default="http://127.0.0.1:8000")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.get(slug=scene.CAMPAIGN)
        summary = summarise(campaign)
        self._figures(summary)
        self._where(campaign, server=options["server"])
        self._logins()
        if not summary.is_complete:
            raise CommandError(
                f"{summary.open_count} sends are not settled: run `make demo` again."
            )

    def _figures(self, summary: Summary) -> None:
        total = summary.report.total
        rows = [
            ("customers", f"{summary.customers:,}"),
            ("with traits", f"{summary.with_traits:,}"),
            ("events", f"{summary.events:,}"),
            ("planned", f"{total.planned:,}"),
            ("sent", f"{total.sent:,}"),
            *(
                (f"skipped: {REASONS.get(reason, reason)}", f"{count:,}")
                for reason, count in summary.report.skipped.items()
            ),
            ("sent in this run", f"{summary.sent_now:,}"),
            ("seconds", f"{summary.seconds:.1f}"),
            ("emails per second", f"{summary.per_second:,}"),
        ]
        self.stdout.write(f"\n{summary.dataset}; times moved by {summary.shift_weeks} weeks.\n")
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.stdout.write(f"  {name:<{width}}  {value:>10}")

    def _where(self, campaign: Campaign, *, server: str) -> None:
        send = Send.objects.filter(campaign=campaign, state=Send.State.SENT).first()
        places = [
            ("dashboard", "/admin/"),
            ("the campaign", f"/admin/campaigns/campaign/{campaign.pk}/results/"),
            ("caught mails", "/mailbox/"),
        ]
        if send is not None:
            places.append(("why this content", f"/admin/campaigns/send/{send.pk}/why/"))
        self.stdout.write("\nWhere to look")
        for name, path in places:
            self.stdout.write(f"  {name:<16}  {server}{path}")

    def _logins(self) -> None:
        file = settings.ATTUNE_VAR / "demo-accounts.json"
        self.stdout.write("\nLog in as (generated for this machine)")
        for name, password in json.loads(file.read_text()).items():
            self.stdout.write(f"  {name:<11} {password}")
        self.stdout.write("")
