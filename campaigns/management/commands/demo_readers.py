"""Open and click a share of the caught mails as readers would (generated, and labelled so)."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from campaigns.demo import readers
from campaigns.models import TrackingEvent


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--server", required=True, help="Where the web process answers.")

    def handle(self, *args: Any, **options: Any) -> None:
        if TrackingEvent.objects.exists():
            self.stdout.write("  Readers: they have read in an earlier run")
            return
        mails = sorted(settings.ATTUNE_MAILBOX.rglob("*.eml"))
        done = readers.read_some(mails, server=options["server"])
        self.stdout.write(
            f"  Readers (generated): {done.opened:,} opened, {done.clicked:,} clicked, "
            f"{done.unsubscribed:,} unsubscribed, over HTTP"
        )
