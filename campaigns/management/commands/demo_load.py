"""Load the demo's data, derive traits, train recommendations, and set the scene."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.demo import accounts, folder, journey, load, scene
from campaigns.management.commands._progress import ProgressLine
from personalization import traits
from personalization.importing import events
from personalization.importing.rows import UnreadableError
from personalization.recommendations import train
from personalization.segments import membership


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--customers", type=int, help="How many of the 2,466 households.")
        parser.add_argument(
            "--data", type=Path, help="A folder of own customers, products, events."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        accounts.ensure(settings.ATTUNE_VAR / "demo-accounts.json")
        show = ProgressLine(self.stdout)
        if options["data"]:
            self._load_folder(options["data"], show=show)
        else:
            self._load_journey(options["customers"], show=show)
        now = timezone.now()
        events.refresh_statistics()
        changed = traits.compute(now=now)
        self._say(f"Traits: of {changed:,} customers, from what they did (docs/traits.md)")
        model = train.train(now=now)
        self._say(f"Recommendations: model {model.number} trained on the purchases")
        scene.build(now=now)
        for slug, change in membership.rebuild_all(now=now).items():
            self._say(f"Segment {slug}: {change.size:,} members")

    def _load_journey(self, customers: int | None, *, show: ProgressLine) -> None:
        now = timezone.now()
        data = journey.load(
            customers=customers, now=now, shift_weeks=load.shift_of("complete-journey")
        )
        self._say(f"The Complete Journey (simulated): times moved by {data.shift_weeks} weeks")
        outcomes = load.journey(data, now=now, show=show)
        for name, outcome in outcomes.items():
            self._say(f"{name}: {outcome.loaded:,} new, {outcome.unchanged:,} known")

    def _load_folder(self, path: Path, *, show: ProgressLine) -> None:
        try:
            outcomes, weeks = folder.load(folder.open_folder(path), now=timezone.now(), show=show)
        except UnreadableError as error:
            raise CommandError(str(error)) from error
        self._say(f"{path}: times moved by {weeks} weeks")
        for name, outcome in outcomes.items():
            self._say(
                f"{name}: {outcome.loaded:,} new, {outcome.unchanged:,} known, "
                f"{outcome.rejected:,} rejected"
            )

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}")
        self.stdout.flush()
