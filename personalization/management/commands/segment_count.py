"""Count a segment, and what each of its conditions keeps."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from personalization.models import Segment
from personalization.segments import difference, health


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="Short name of the segment.")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        health.settle(now=timezone.now())
        segment = Segment.objects.select_related("live").filter(slug=options["slug"]).first()
        if segment is None:
            raise CommandError(f"There is no segment “{options['slug']}”.")
        if segment.broken_since is not None:
            raise CommandError(f"“{segment.slug}” is broken: {health.first(segment)}.")
        total = segment.memberships.count()
        parts: list[difference.Kept] = []
        if segment.live is not None:
            tree = segment.live.content["tree"]
            total, parts = difference.breakdown(tree, now=timezone.now())
        elif segment.kind != Segment.Kind.LIST:
            raise CommandError(f"“{segment.slug}” has no live version. Put one live first.")
        if options["json"]:
            found = {"segment": segment.slug, "count": total, "members": segment.member_count}
            conditions = [asdict(part) for part in parts]
            self.stdout.write(json.dumps({**found, "conditions": conditions}, ensure_ascii=False))
            return
        self.stdout.write(f"{segment.name}: {total:,} customers")
        for part in parts:
            self.stdout.write(f"  {part.alone:>10,} alone  {part.left:>10,} so far  {part.text}")
