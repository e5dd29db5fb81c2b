"""Undo what an import did to people; the consent ledger keeps every line and gets new ones."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import connection

from consent import ledger
from consent.jobs import Progress
from consent.models import ConsentRecord
from personalization.importing import (
    bulk,
    customer_images,
    images,
    imported,
    profile_store,
    traces,
    unmaking,
)
from personalization.importing.images import Image
from personalization.importing.imported import Figures
from personalization.importing.profile_store import Held, Values, Written
from personalization.importing.undo_products import CHANGED_SINCE
from personalization.models import ImportedRow, ImportRun

SOURCE = "import-undo"
_TOUCHED = "is known by more than this import by now and stays"

# Grants of this import that hold, where no grant from elsewhere would hold without them.
_GRANTED_HERE = """
SELECT DISTINCT record.subject_id, record.purpose_id
FROM consent_consentrecord AS record
JOIN consent_consentstate AS state USING (subject_id, purpose_id)
WHERE record.subject_id = ANY(%(ids)s) AND record.action = 'granted' AND state.is_granted
  AND record.evidence->>'import' = %(run)s
  AND NOT EXISTS (
    SELECT 1 FROM consent_consentrecord AS other
    WHERE other.subject_id = record.subject_id AND other.purpose_id = record.purpose_id
      AND other.action = 'granted' AND other.evidence->>'import' IS DISTINCT FROM %(run)s
      AND NOT EXISTS (
        SELECT 1 FROM consent_consentrecord AS later
        WHERE later.subject_id = other.subject_id AND later.purpose_id = other.purpose_id
          AND later.action <> 'granted' AND later.occurred_at >= other.occurred_at))
"""


def undo(run: ImportRun, *, progress: Progress, now: datetime) -> Figures:
    """Put values back, take out people nobody knows otherwise, withdraw what only it granted."""
    return imported.undo_all(
        run, undo=partial(_undo, run=run, progress=progress, now=now), progress=progress
    )


def _undo(
    rows: list[ImportedRow], *, run: ImportRun, progress: Progress, now: datetime
) -> dict[str, int]:
    bulk.mark()
    ids = {row.subject_id for row in rows if row.subject_id is not None}
    # Held from here on: nobody can tell of them, or merge them, until this is committed.
    held = profile_store.locked(ids)
    identifiers = {pk for row in rows for pk in row.before["identifiers"]}
    withdrawn = _withdraw(held, run=run, now=now)
    touched = traces.of(
        [row.subject_id for row in rows if row.is_new and row.subject_id in held],
        run=run,
        identifiers=identifiers,
    )
    values = {pk: person.values for pk, person in held.items()}
    going: set[int] = set()
    left = 0
    for row in rows:
        if row.subject_id not in held:
            continue  # erased since: nothing is left to undo
        person = held[row.subject_id]
        image = customer_images.of(row, key=person.key, pseudonym=person.pseudonym)
        reason = _reason_to_stay(row, image=image, values=values, touched=touched)
        if reason:
            left += 1
            identifiers -= {*row.before["identifiers"]}
            progress.reject(reason=reason, column=f"customer {person.subject_id}")
        elif row.is_new:
            going.add(person.subject_id)
        else:
            values[person.subject_id] = _put_back(
                values[person.subject_id], image=image, origins=row.before["origins"]
            )
    changed = _changed(held, values=values)
    profile_store.put([each for each in changed if each.subject_id not in going], now=now)
    unmaking.take_names(identifiers, of=held.keys() - going)
    unmade = unmaking.unmake(going, now=now)
    return {
        "put_back": len({each.subject_id for each in changed} - going),
        "removed": unmade.removed,
        "emptied": unmade.emptied,
        "left": left,
        "withdrawn": withdrawn,
    }


def _withdraw(held: Mapping[int, Held], *, run: ImportRun, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_GRANTED_HERE, {"ids": [*held], "run": str(run.pk)})
        granted = cursor.fetchall()
    return ledger.record_many(
        [
            ledger.Statement(
                subject_id=subject_id,
                purpose=purpose,
                action=ConsentRecord.Action.WITHDRAWN,
                source=SOURCE,
                occurred_at=now,
                evidence={"undone_import": run.pk},
            )
            for subject_id, purpose in granted
        ]
    )


def _reason_to_stay(
    row: ImportedRow, *, image: Image, values: Mapping[int, Values], touched: Collection[int]
) -> str:
    subject_id = row.subject_id or 0
    if row.is_new and subject_id in touched:
        return _TOUCHED
    flat = customer_images.flat(values[subject_id])
    is_whole = not row.is_new or {*flat} == {*image.names}
    # A row of a person who only spoke has no values that could have changed.
    is_as_left = not image.after_hash or images.is_as_left(flat, image)
    return "" if is_whole and is_as_left else CHANGED_SINCE


def _put_back(values: Values, *, image: Image, origins: Mapping[str, object]) -> Values:
    flat = images.put_back(customer_images.flat(values), image)
    kept = {path: origin for path, origin in values.origins.items() if path not in origins}
    return replace(
        values,
        personal=images.parts(flat, prefix="personal"),
        attributes=images.parts(flat, prefix="attributes"),
        origins={**kept, **{path: origin for path, origin in origins.items() if origin}},
    )


def _changed(held: Mapping[int, Held], *, values: Mapping[int, Values]) -> list[Written]:
    return [
        Written(before=held[pk], after=after)
        for pk, after in sorted(values.items())
        if after != held[pk].values
    ]
