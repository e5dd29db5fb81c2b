"""Apply every waiting event now, as the workers do all the time."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from personalization.ingest.apply import Applied, apply_waiting


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        total = sum(apply_waiting(clock=timezone.now), start=Applied())
        self.stdout.write(
            f"  Events applied: {total.stored:,} stored, {total.repeated:,} repeated, "
            f"{total.refused:,} without consent, {total.quarantined:,} in quarantine"
        )
