"""Lists: segments whose members are given by hand, found by blind index and never in clear."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from consent import audit, identity
from consent.models import DataSubject, Identifier
from personalization.models import ListEntry, Segment
from personalization.segments import waiting
from personalization.segments.reasons import Cause

AT_ONCE = 100_000
_ADDRESS, _NUMBER = Identifier.Kind.EMAIL, Identifier.Kind.EXTERNAL_ID


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that led to nobody; what stood in it is not kept."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """`known` were on the list already (or, when taken off, were not)."""

    changed: int
    known: int
    rejected: Sequence[Rejected]


class NotAList(Exception):
    """The members of this segment follow from its condition; nobody is put there by hand."""


def create(*, slug: str, name: str, description: str = "") -> Segment:
    return Segment.objects.create(
        slug=slug, name=name, description=description, kind=Segment.Kind.LIST
    )


def lines_of(text: str) -> list[str]:
    """Read pasted lines or a file of one column; a heading and quotes are passed over."""
    lines = [line.strip().strip('"').strip() for line in text.replace("\r\n", "\n").split("\n")]
    if lines and lines[0].lower() in ("email", "e-mail", "external_id", "customer", "id"):
        lines[0] = ""
    return lines


@transaction.atomic
def add(
    segment: Segment, lines: Sequence[str], *, actor: AbstractBaseUser | None, now: datetime
) -> Taken:
    """Put those on the list whom the lines name by address or customer number."""
    found, rejected = _found(segment, lines)
    already = set(segment.entries.filter(subject__in=found).values_list("subject_id", flat=True))
    new = sorted(found - already)
    ListEntry.objects.bulk_create(
        (
            ListEntry(
                segment=segment,
                subject_id=pk,
                added_at=now,
                added_by_id=actor.pk if actor else None,
            )
            for pk in new
        ),
        ignore_conflicts=True,
    )
    waiting.touch(new, cause=Cause.LIST)
    audit.note("segment.list_add", actor=actor, target=segment, detail={"count": len(new)})
    return Taken(changed=len(new), known=len(already), rejected=rejected)


@transaction.atomic
def remove(segment: Segment, lines: Sequence[str], *, actor: AbstractBaseUser | None) -> Taken:
    """Take those off the list whom the lines name, and rows that were merged into them."""
    found, rejected = _found(segment, lines)
    living = Coalesce(F("subject__merged_into_id"), F("subject_id"))
    entries = segment.entries.annotate(living=living).filter(living__in=found)
    gone = set(entries.values_list("living", flat=True))
    segment.entries.filter(pk__in=list(entries.values_list("pk", flat=True))).delete()
    waiting.touch(gone, cause=Cause.LIST)
    audit.note("segment.list_remove", actor=actor, target=segment, detail={"count": len(gone)})
    return Taken(changed=len(gone), known=len(found - gone), rejected=rejected)


def _found(segment: Segment, lines: Sequence[str]) -> tuple[set[int], list[Rejected]]:
    """Look all lines up at once; return the living people and the lines that name nobody."""
    if segment.kind != Segment.Kind.LIST:
        raise NotAList(
            f"“{segment.name}” fills itself by its condition. Make a list to choose people by hand."
        )
    rejected: list[Rejected] = []
    wanted: dict[int, tuple[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if len(wanted) >= AT_ONCE:
            rejected.append(Rejected(number, f"only {AT_ONCE:,} lines at once; send it in parts"))
            break
        try:
            wanted[number] = _index(line)
        except ValidationError:
            rejected.append(Rejected(number, "this is not a whole address"))
    people = _people(list(wanted.values()))
    for number, key in wanted.items():
        if len(people.get(key, ())) != 1:
            reason = "several customers have this number" if people.get(key) else _NOBODY
            rejected.append(Rejected(number, reason))
    met = {next(iter(people[key])) for key in wanted.values() if len(people.get(key, ())) == 1}
    return met, sorted(rejected, key=lambda each: each.line)


_NOBODY = "nobody has this address or number"


def _index(line: str) -> tuple[str, str]:
    if "@" in line:
        return _ADDRESS, identity.blind_index(_ADDRESS, identity.normalise_email(line))
    return _NUMBER, identity.blind_index(_NUMBER, line)


def _people(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], set[int]]:
    found: dict[tuple[str, str], set[int]] = {}
    for kind in (_ADDRESS, _NUMBER):
        hashes = {hashed for each, hashed in keys if each == kind}
        rows = (
            Identifier.objects.filter(kind=kind, hash__in=hashes, subject__erased_at=None)
            .annotate(living=Coalesce(F("subject__merged_into_id"), F("subject_id")))
            .values_list("hash", "living")
        )
        for hashed, living in rows:
            found.setdefault((kind, hashed), set()).add(living)
    gone = DataSubject.objects.filter(erased_at__isnull=False)
    erased = set(gone.filter(pk__in=set().union(*found.values())).values_list("pk", flat=True))
    return {key: people - erased for key, people in found.items()}
