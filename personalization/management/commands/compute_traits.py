"""Derive traits for every customer, or for those whose data changed."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from consent import jobs
from consent.models import Job
from personalization import traits


class Command(BaseCommand):
    help = (
        "Derive traits: fit what needs all customers, then compute everybody's. With --due only "
        "those whose data changed, with the last fit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--due", action="store_true", help="Only those whose data changed.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        compute = traits.compute_due if options["due"] else traits.compute
        job = jobs.create("compute_traits", label="Derive traits")
        with jobs.run(job, show=None if options["json"] else self._show) as progress:
            changed = compute(now=timezone.now(), progress=progress)
            progress.result(changed=changed)
        if options["json"]:
            self.stdout.write(json.dumps({"customers": job.done, **job.result}))
        else:
            self.stdout.write(
                f"Traits are up to date; {changed:,} of {job.done:,} customers changed."
            )

    def _show(self, job: Job) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\rtraits {job.percent or 0} %", ending="")
