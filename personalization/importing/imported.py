"""The rows an import left, newest first and a batch at a time, each batch taken once."""

from collections.abc import Callable

from django.db import transaction

from consent.jobs import Progress
from personalization.models import ImportedRow, ImportRun

BATCH_ROWS = 500
Figures = dict[str, object]
# Undoes a batch inside a transaction and returns its counts.
Undo = Callable[[list[ImportedRow]], dict[str, int]]


def undo_all(run: ImportRun, *, undo: Undo, progress: Progress) -> Figures:
    """Undo every row; what is done is forgotten in its transaction, so a stop loses nothing."""
    rows = ImportedRow.objects.filter(run=run)
    progress.expect(progress.job.done + rows.count())
    # What was counted before a stop.
    totals: dict[str, int] = dict(progress.job.result)
    while True:
        with transaction.atomic():
            batch = list(rows.order_by("-pk")[:BATCH_ROWS])
            counts = undo(batch) if batch else {}
            ImportedRow.objects.filter(pk__in=[row.pk for row in batch]).delete()
        if not batch:
            return {**totals}
        totals = {name: totals.get(name, 0) + count for name, count in counts.items()}
        progress.result(**totals)
        progress.advance(len(batch))
