"""Show on the page of a source that a file or a pull came from it, and how many events it held."""

from datetime import UTC, datetime

from personalization.importing.outcome import Loaded
from personalization.models import ImportRun, Source, SourceDay

Outcome = SourceDay.Outcome


def note(loaded: Loaded, *, kind: str, source: Source, now: datetime) -> None:
    """Count events by what became of them. What was refused stands in a list of its own, with
    lines and reasons: it is in no quarantine."""
    Source.objects.heard(source.pk, at=now)
    if kind != ImportRun.Kind.EVENTS:
        return
    day = now.astimezone(UTC).date()
    counts = {Outcome.STORED: loaded.loaded, Outcome.REPEATED: loaded.unchanged}
    found = {(day, str(outcome), ""): count for outcome, count in counts.items() if count}
    SourceDay.objects.add(found, source_id=source.pk)
