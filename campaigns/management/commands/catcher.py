"""Catch every mail on this machine and keep it for the pages at /mailbox/."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.delivery import catcher


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=2525, help="0 lets the system choose")
        parser.add_argument("--mailbox", type=Path, help="folder of the mails (var/mailbox)")
        parser.add_argument(
            "--delay-ms", type=int, default=0, help="answer each mail as late as a far provider"
        )
        parser.add_argument(
            "--allow-without-debug",
            action="store_true",
            help="run although DEBUG and demo are off; mails are kept unencrypted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.ATTUNE_MAILBOX_ENABLED or options["allow_without_debug"]):
            raise CommandError(
                "the catcher keeps personal mails unencrypted and is meant for development: "
                "set DEBUG=True or pass --allow-without-debug"
            )
        mailbox = options["mailbox"] or settings.ATTUNE_MAILBOX
        try:
            catcher.run(
                mailbox=mailbox,
                port=options["port"],
                started=lambda port: self._announce(port, mailbox=mailbox),
                delay_seconds=options["delay_ms"] / 1000,
            )
        except OSError as error:
            raise CommandError(
                f"cannot catch mail on {catcher.LOOPBACK}:{options['port']}: {error.strerror}; "
                "stop what uses the port, or choose another with --port"
            ) from error

    def _announce(self, port: int, *, mailbox: Path) -> None:
        self.stdout.write(f"Catching mail at {catcher.LOOPBACK}:{port}, kept in {mailbox}")
        self.stdout.flush()
