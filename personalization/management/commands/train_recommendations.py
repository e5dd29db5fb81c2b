"""Fit the recommendation model to the orders and put it live."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from consent import jobs
from consent.models import Job
from personalization.recommendations import train


class Command(BaseCommand):
    help = "Fit the recommendation model to the last year's orders and put it live."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        job = jobs.create("train_recommendations", label="Train recommendations")
        with jobs.run(job, show=None if options["json"] else self._show) as progress:
            progress.expect(train.STEPS)
            model = train.train(now=timezone.now(), progress=progress)
            progress.result(number=model.number, **model.metrics)
        figures = {"number": model.number, **model.metrics}
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            self.stdout.write(_sentence(figures))

    def _show(self, job: Job) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\rtraining {job.percent or 0} %", ending="")


def _sentence(figures: dict[str, Any]) -> str:
    text = (
        f"Model {figures['number']} is live: {figures['lines']:,} order lines, "
        f"{figures['products_with_neighbours']:,} of {figures['products']:,} products linked."
    )
    if figures["cases"]:
        text += (
            f" A new purchase of the held-out {figures['held_out_days']} days was among the first"
            f" 20 for {figures['hit_rate_20']:.1%} of {figures['cases']} people"
            f" (most popular products: {figures['popularity_hit_rate_20']:.1%})."
        )
    return text
