"""Derive traits (recency, frequency, money, favourite category) for every customer."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from personalization.profiles import traits


class Command(BaseCommand):
    help = "Derive traits (recency, frequency, money, favourite category) for every customer."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        changed = traits.compute(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps({"changed": changed}))
        else:
            self.stdout.write(f"Traits are up to date; {changed} customers changed.")
