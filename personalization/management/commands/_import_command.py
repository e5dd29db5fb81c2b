"""What the three import commands share: their options, a progress line, the closing figures."""

import json
from pathlib import Path
from typing import Any, ClassVar

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from consent.models import Job
from personalization.importing import run
from personalization.importing.rows import UnreadableError


class ImportCommand(BaseCommand):
    kind: ClassVar[str]
    # Not those of pages, which would have to be read first.
    requires_system_checks = (Tags.models,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help=".csv, .jsonl (both may be gzipped), .parquet")
        parser.add_argument("--dry-run", action="store_true", help="read and judge, write nothing")
        parser.add_argument(
            "--mapping", type=Path, help='JSON file: {"column of the file": "our column"}'
        )
        parser.add_argument(
            "--source",
            default=run.DEFAULT_SOURCE,
            help="where external ids come from; customers and their events need the same one",
        )
        parser.add_argument("--json", action="store_true", help="figures for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = run.run(
                self.kind,
                path=options["file"],
                now=timezone.now(),
                source_slug=options["source"],
                mapping=run.read_mapping(options["mapping"]) if options["mapping"] else None,
                is_dry_run=options["dry_run"],
                show=self._show if self.stderr.isatty() else None,
            )
        except UnreadableError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"{error.filename} cannot be written: {error.strerror}. The rejected rows go "
                "beside the file: import it from a folder you may write"
            ) from error
        if outcome.job.state != Job.State.DONE:
            raise CommandError(f"{outcome.job.message or outcome.job.state}: run it again to go on")
        self._report(outcome, is_json=options["json"], is_dry_run=options["dry_run"])

    def _show(self, job: Job) -> None:
        share = "" if job.percent is None else f"  {job.percent} %"
        ending = "\r" if job.state == Job.State.RUNNING else "\n"
        self.stderr.write(f"\r{job.done:,} rows{share}   ", ending=ending)

    def _report(self, outcome: run.Outcome, *, is_json: bool, is_dry_run: bool) -> None:
        figures = outcome.loaded.figures()
        path = str(outcome.rejected_path) if outcome.rejected_path else None
        if is_json:
            self.stdout.write(json.dumps({**figures, "rejected_file": path, "job": outcome.job.pk}))
            return
        loaded = outcome.loaded
        verb = "would be loaded" if is_dry_run else "loaded"
        self.stdout.write(
            f"{self.kind}: {loaded.loaded:,} {verb}, {loaded.unchanged:,} unchanged, "
            f"{loaded.rejected:,} rejected" + (f" (see {path})" if path else "")
        )
        if loaded.consents:
            self.stdout.write(f"{loaded.consents:,} statements recorded in the consent ledger")
        if loaded.unknown_products:
            self.stdout.write(
                f"{loaded.unknown_products:,} lines left out: their product is not in the "
                "catalogue (import_products first)"
            )
        if loaded.left_out:
            names = ", ".join(sorted(loaded.left_out))
            self.stdout.write(f"Columns left out, as no field is registered for them: {names}")
