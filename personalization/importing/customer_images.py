"""What an import did to people, kept so that it can be undone; personal values stay sealed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db.models import Max

from consent import identity
from consent.models import DataSubject, Identifier
from personalization.importing import images
from personalization.importing.images import Image
from personalization.importing.profile_store import Values, Written
from personalization.models import ImportedRow

PLACE = "personalization_importedrow.personal_before"
_PERSONAL = "personal."
# What a file can give; anonymous ids come from browsers.
_KINDS = (Identifier.Kind.EMAIL, Identifier.Kind.EXTERNAL_ID)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest rows before a batch: what has a higher number came with it."""

    subject: int
    identifier: int


def mark() -> Mark:
    subject = DataSubject.objects.aggregate(newest=Max("pk"))["newest"]
    identifier = Identifier.objects.aggregate(newest=Max("pk"))["newest"]
    return Mark(subject=subject or 0, identifier=identifier or 0)


def gained(subject_ids: Collection[int], *, since: Mark) -> dict[int, list[int]]:
    """Return by person the identifiers they got with this batch."""
    rows = Identifier.objects.filter(
        subject__in=subject_ids, pk__gt=since.identifier, kind__in=_KINDS
    )
    found: dict[int, list[int]] = defaultdict(list)
    for subject_id, pk in rows.order_by("pk").values_list("subject_id", "pk"):
        found[subject_id].append(pk)
    return found


def keep(
    import_id: int,
    *,
    written: Sequence[Written],
    gained: Mapping[int, list[int]],
    speaking: Collection[int],
    since: Mark,
) -> None:
    """Keep an image of everybody this batch changed, gave a name to or told of (one query)."""
    changes = {each.subject_id: each for each in written}
    ImportedRow.objects.bulk_create(
        _row(
            import_id,
            subject_id=subject_id,
            change=changes.get(subject_id),
            identifiers=gained.get(subject_id, []),
            is_new=subject_id > since.subject,
        )
        for subject_id in sorted({*changes, *gained, *speaking})
    )


def flat(values: Values) -> dict[str, object]:
    """Write a profile as paths, as its images are kept."""
    return {
        **images.flat(values.personal, prefix="personal"),
        **images.flat(values.attributes, prefix="attributes"),
    }


def of(row: ImportedRow, *, key: AESGCM, pseudonym: str) -> Image:
    """Open what stood there before."""
    before = dict(row.before["values"])
    if row.personal_before:
        before |= orjson.loads(
            identity.open_sealed(row.personal_before, key=key, place=PLACE, owner=pseudonym)
        )
    return Image(before=before, absent=tuple(row.before["absent"]), after_hash=row.after_hash)


def _row(
    import_id: int,
    *,
    subject_id: int,
    change: Written | None,
    identifiers: list[int],
    is_new: bool,
) -> ImportedRow:
    row = ImportedRow(run_id=import_id, subject_id=subject_id, is_new=is_new)
    row.before = {"values": {}, "absent": [], "origins": {}, "identifiers": identifiers}
    if change is None:
        return row
    old, new = change.before.values, change.after
    image = images.taken(flat(old), flat(new))
    secret = {name: value for name, value in image.before.items() if name.startswith(_PERSONAL)}
    row.before |= {
        "values": {name: image.before[name] for name in image.before.keys() - secret.keys()},
        "absent": image.absent,
        "origins": {name: old.origins.get(name) for name in image.names},
    }
    if secret:
        row.personal_before = identity.seal(
            orjson.dumps(secret), key=change.before.key, place=PLACE, owner=change.before.pseudonym
        )
    row.after_hash = image.after_hash
    return row
