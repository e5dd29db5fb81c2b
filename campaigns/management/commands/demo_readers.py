"""Open and click a share of the caught mails as readers would (generated, and labelled so)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from campaigns.delivery import mailbox
from campaigns.demo import readers
from campaigns.models import Send, TrackingEvent


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--server", required=True, help="Where the web process answers.")

    def handle(self, *args: Any, **options: Any) -> None:
        if TrackingEvent.objects.exists():
            self.stdout.write("  Readers: they have read in an earlier run")
            return
        done = readers.read_some(self._mails(), server=options["server"])
        self.stdout.write(
            f"  Readers (generated): {done.opened:,} opened, {done.clicked:,} clicked, "
            f"{done.unsubscribed:,} unsubscribed, over HTTP"
        )

    def _mails(self) -> list[Path]:
        """Leave out what another installation left in the same mailbox."""
        ours = {str(key) for key in Send.objects.values_list("message_key", flat=True)}
        folder = settings.ATTUNE_MAILBOX
        return [folder / mail.name for mail in mailbox.entries(folder)[::-1] if mail.tag in ours]
