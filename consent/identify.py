"""Find or make the subjects behind identifiers, a batch at a time."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import F

from consent import identity
from consent.models import DataSubject, Identifier

EMAIL = Identifier.Kind.EMAIL
EXTERNAL_ID = Identifier.Kind.EXTERNAL_ID
ANONYMOUS_ID = Identifier.Kind.ANONYMOUS_ID
# Any number that no other advisory lock of ours uses.
_MAKING_PEOPLE = 4712

_READDRESS = """
UPDATE consent_datasubject AS subject
SET email_index = new.email_index, suppression_hash = new.suppression_hash
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new(id, email_index, suppression_hash)
WHERE subject.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Names:
    """How one incoming row names its person. `email` is normalised already, or empty."""

    external_id: str = ""
    email: str = ""
    anonymous_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Subject ids in the order asked; `None` where an address belongs to somebody else."""

    subject_ids: list[int | None]
    created: int


@transaction.atomic
def resolve(people: Iterable[Names], *, source: str = "") -> Found:
    """Return the subject of each row, making those nobody knows; a constant number of queries.

    The customer number decides; the address decides where no number is given. A number and an
    address that belong to two known people are a conflict (None): merging is a human's decision.
    An anonymous id decides only where it is all there is: browsers are shared, so beside a better
    name it is noted if nobody has it yet, and never joins two people.
    """
    rows = [_keys(names) for names in people]
    known = _known(rows, source=source)
    if any(key not in known for row in rows for key in row):
        # Two workers may not make the same person twice: one after the other, and look again.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING_PEOPLE])
        known = _known(rows, source=source)
    placed = [_place(row, known=known) for row in rows]
    met = list({id(person): person for person in placed if person is not None}.values())
    new = [person for person in met if person.pk is None]
    _grow([person for person in met if person.pk is not None], source=source)
    _make(new, source=source)
    return Found(
        subject_ids=[None if person is None else person.pk for person in placed], created=len(new)
    )


def find(kind: str, value: str, *, source: str = "") -> DataSubject | None:
    """Return the living subject an identifier leads to, through merges."""
    match = (
        Identifier.objects.filter(kind=kind, source=source, hash=identity.blind_index(kind, value))
        .select_related("subject__merged_into")
        .first()
    )
    if match is None:
        return None
    subject = match.subject.merged_into or match.subject
    return None if subject.erased_at else subject


def emails(subject_ids: Iterable[int]) -> dict[int, str]:
    """Return the addresses of a batch in clear (one query); erased people have none."""
    rows = Identifier.objects.filter(
        kind=EMAIL, subject__in=list(subject_ids), hash=F("subject__email_index")
    ).select_related("subject")
    return {row.subject_id: _open(row) for row in rows if row.subject.wrapped_key}


def _open(row: Identifier) -> str:
    owner = str(row.subject.pseudonym)
    key = identity.unwrap(row.subject.wrapped_key or b"", pseudonym=owner)
    return identity.open_sealed(
        row.ciphertext, key=key, place="consent_identifier.email", owner=owner
    ).decode()


# Kind and blind index.
_Key = tuple[str, str]
# What a row names its person by, with the values in clear.
_Keys = Mapping[_Key, str]


@dataclass(eq=False, slots=True)
class _Person:
    """A person of the batch, to be made where `pk` is None; `gains` are names still unknown."""

    pk: int | None = None
    gains: dict[_Key, str] = field(default_factory=dict)


def _keys(names: Names) -> _Keys:
    given = (
        (EXTERNAL_ID, names.external_id),
        (EMAIL, names.email),
        (ANONYMOUS_ID, names.anonymous_id),
    )
    return {(str(kind), identity.blind_index(kind, value)): value for kind, value in given if value}


def _known(rows: Sequence[_Keys], *, source: str) -> dict[_Key, _Person]:
    hashes = {hash_ for row in rows for _, hash_ in row}
    found = Identifier.objects.filter(hash__in=hashes).values_list(
        "kind", "source", "hash", "subject_id", "subject__merged_into"
    )
    people: dict[int, _Person] = {}
    return {
        (kind, hash_): people.setdefault(merged or subject, _Person(pk=merged or subject))
        for kind, of_source, hash_, subject, merged in found
        if kind == EMAIL or of_source == source
    }


def _place(row: _Keys, *, known: dict[_Key, _Person]) -> _Person | None:
    """Choose the person of a row and note what it adds; `known` learns along."""
    better = [key for key in row if key[0] != ANONYMOUS_ID]
    owners = {id(known[key]): known[key] for key in better or row if key in known}
    if len(owners) > 1:
        return None
    person = next(iter(owners.values()), None) or _Person()
    for key, value in row.items():
        if key not in known:
            known[key] = person
            person.gains[key] = value
    return person


def _make(people: Sequence[_Person], *, source: str) -> None:
    subjects = []
    for person in people:
        pseudonym = uuid.uuid4()
        subject = DataSubject(
            pseudonym=pseudonym, wrapped_key=identity.new_wrapped_key(str(pseudonym))
        )
        if address := _address(person):
            subject.email_index, subject.suppression_hash = address
        subjects.append(subject)
    DataSubject.objects.bulk_create(subjects, batch_size=2000)
    for person, subject in zip(people, subjects, strict=True):
        person.pk = subject.pk
    _identify(list(zip(subjects, people, strict=True)), source=source)


def _grow(people: Sequence[_Person], *, source: str) -> None:
    """Give known subjects the identifiers they did not have; the erased get none."""
    growing = {person.pk: person for person in people if person.pk and person.gains}
    subjects = DataSubject.objects.filter(pk__in=growing, erased_at=None).order_by("pk")
    locked = [(subject, growing[subject.pk]) for subject in subjects.select_for_update()]
    moved = [(s.pk, *address) for s, person in locked if (address := _address(person))]
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(_READDRESS, [list(column) for column in zip(*moved, strict=True)])
    _identify(locked, source=source)


def _address(person: _Person) -> tuple[str, str] | None:
    """Return index and suppression hash of the last address a person gains."""
    found = [(hash_, value) for (kind, hash_), value in person.gains.items() if kind == EMAIL]
    return (found[-1][0], identity.suppression_hash(found[-1][1])) if found else None


def _identify(people: Sequence[tuple[DataSubject, _Person]], *, source: str) -> None:
    Identifier.objects.bulk_create(
        (row for subject, person in people for row in _rows(subject, person, source=source)),
        batch_size=5000,
    )


def _rows(subject: DataSubject, person: _Person, *, source: str) -> Iterable[Identifier]:
    owner = str(subject.pseudonym)
    key = identity.unwrap(subject.wrapped_key or b"", pseudonym=owner)
    for (kind, hash_), value in person.gains.items():
        yield Identifier(
            subject=subject,
            kind=kind,
            source="" if kind == EMAIL else source,
            hash=hash_,
            ciphertext=identity.seal(
                value.encode(), key=key, place=f"consent_identifier.{kind}", owner=owner
            ),
        )
