"""Deliver to the local catcher, whose mailbox can say what arrived."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from campaigns.delivery import mailbox as local_mailbox
from campaigns.delivery.smtp import SmtpBackend
from campaigns.delivery.smtp_connection import Server


class CatcherBackend(SmtpBackend):
    def __init__(self, server: Server, *, mailbox: Path) -> None:
        super().__init__(server)
        self._mailbox = mailbox

    def lookup(self, message_keys: Sequence[str]) -> Mapping[str, bool]:
        """Read the mailbox itself: it answers also while the catcher is down."""
        return local_mailbox.find(self._mailbox, message_keys)

    def is_up(self) -> str:
        fault = super().is_up()
        return f"{fault}; start it with `python manage.py catcher`" if fault else ""
