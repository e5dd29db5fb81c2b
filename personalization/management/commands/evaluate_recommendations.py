"""Measure the recommendations on the shop's own last weeks, beside plain baselines."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from consent import jobs
from consent.models import Job
from personalization.recommendations import evaluation

STEPS = 4


class Command(BaseCommand):
    help = "Measure the recommendations on the last weeks' orders, beside plain baselines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")
        parser.add_argument(
            "--days",
            type=int,
            default=evaluation.TEST_DAYS,
            help="Length of the test weeks; the validation weeks are as many days before them.",
        )
        parser.add_argument(
            "--tune", action="store_true", help="Choose half-life and neighbours on validation."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= 120:
            raise CommandError("--days is a number from 1 to 120: orders of a year are read.")
        job = jobs.create("evaluate_recommendations", label="Evaluate recommendations")
        with jobs.run(job, show=None if options["json"] else self._show) as progress:
            progress.expect(STEPS)
            report = evaluation.run(
                now=timezone.now(),
                days=options["days"],
                is_tuned=options["tune"],
                step=lambda: progress.advance(1),
            )
            progress.result(people=report["people"])
        self.stdout.write(json.dumps(report) if options["json"] else evaluation.in_words(report))

    def _show(self, job: Job) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\revaluating {job.percent or 0} %", ending="")
