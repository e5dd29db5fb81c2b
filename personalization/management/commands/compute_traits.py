"""Derive traits (recency, frequency, money, favourite category) for every customer."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from consent import jobs
from personalization import traits


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        job = jobs.create("compute_traits", label="Derive traits")
        with jobs.run(job) as progress:
            changed = traits.compute(now=timezone.now())
            progress.advance(changed)
            progress.result(changed=changed)
        if options["json"]:
            self.stdout.write(json.dumps(job.result))
        else:
            self.stdout.write(f"Traits are up to date; {job.done} customers changed.")
