"""Find or make the subjects behind identifiers, a batch at a time."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from consent import identity
from consent.models import DataSubject, Identifier

EMAIL = Identifier.Kind.EMAIL


@dataclass(frozen=True, slots=True)
class Names:
    """How one incoming row names its person. `email` is normalised already, or empty."""

    external_id: str = ""
    email: str = ""


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
    """
    rows = list(people)
    known = _known(rows, source=source)
    fresh = _Fresh(source=source)
    ids: list[int | DataSubject | None] = []
    for names in rows:
        ids.append(_place(names, known=known, fresh=fresh))
    fresh.save()
    return Found(
        subject_ids=[i.pk if isinstance(i, DataSubject) else i for i in ids],
        created=len(fresh.subjects),
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
    return match.subject.merged_into or match.subject


def emails(subject_ids: Iterable[int]) -> dict[int, str]:
    """Return the addresses of a batch in clear (one query); erased people have none."""
    rows = Identifier.objects.filter(
        kind=EMAIL, subject__in=list(subject_ids), hash=F("subject__email_index")
    ).select_related("subject")
    return {row.subject_id: _open(row) for row in rows if row.subject.wrapped_key}


def _open(row: Identifier) -> str:
    key = identity.unwrap(row.subject.wrapped_key, pseudonym=str(row.subject.pseudonym))
    return identity.open_sealed(
        row.ciphertext, key=key, place="consent_identifier.email", owner=str(row.subject.pseudonym)
    ).decode()


_Key = tuple[str, str]


def _keys(names: Names) -> list[_Key]:
    pairs = [(Identifier.Kind.EXTERNAL_ID, names.external_id), (EMAIL, names.email)]
    return [(kind, identity.blind_index(kind, value)) for kind, value in pairs if value]


def _known(rows: list[Names], *, source: str) -> dict[_Key, int]:
    hashes = {key[1] for names in rows for key in _keys(names)}
    found = Identifier.objects.filter(hash__in=hashes).values_list(
        "kind", "source", "hash", "subject_id", "subject__merged_into"
    )
    return {
        (kind, hash_): merged or subject
        for kind, of_source, hash_, subject, merged in found
        if kind == EMAIL or of_source == source
    }


class _Fresh:
    """Subjects and identifiers to be made, kept in hand until the batch is read."""

    def __init__(self, *, source: str) -> None:
        self.source = source
        self.subjects: list[DataSubject] = []
        self.identifiers: list[Identifier] = []
        self.by_key: dict[_Key, DataSubject] = {}

    def make(self, names: Names) -> DataSubject:
        pseudonym = uuid.uuid4()
        wrapped = identity.new_wrapped_key(str(pseudonym))
        subject = DataSubject(pseudonym=pseudonym, wrapped_key=wrapped)
        self.subjects.append(subject)
        self.add(subject, names, kinds={key[0] for key in _keys(names)})
        return subject

    def add(self, subject: DataSubject, names: Names, *, kinds: set[str]) -> None:
        key = identity.unwrap(subject.wrapped_key or b"", pseudonym=str(subject.pseudonym))
        for kind, hash_ in _keys(names):
            if kind not in kinds:
                continue
            value = names.email if kind == EMAIL else names.external_id
            self.by_key[kind, hash_] = subject
            self.identifiers.append(
                Identifier(
                    subject=subject,
                    kind=kind,
                    source="" if kind == EMAIL else self.source,
                    hash=hash_,
                    ciphertext=identity.seal(
                        value.encode(),
                        key=key,
                        place=f"consent_identifier.{kind}",
                        owner=str(subject.pseudonym),
                    ),
                )
            )
            if kind == EMAIL:
                subject.email_index = hash_
                subject.suppression_hash = identity.suppression_hash(value)

    def adopt(self, subject_id: int, names: Names, *, kinds: set[str]) -> None:
        """Give a known subject an identifier it did not have."""
        subject = DataSubject.objects.select_for_update().get(pk=subject_id)
        self.add(subject, names, kinds=kinds)
        if EMAIL in kinds:
            subject.save(update_fields=["email_index", "suppression_hash"])

    def save(self) -> None:
        DataSubject.objects.bulk_create(self.subjects, batch_size=2000)
        Identifier.objects.bulk_create(self.identifiers, batch_size=5000)


def _place(names: Names, *, known: Mapping[_Key, int], fresh: _Fresh) -> int | DataSubject | None:
    keys = _keys(names)
    owners = {key[0]: known.get(key) or fresh.by_key.get(key) for key in keys}
    people = {id(o) if isinstance(o, DataSubject) else o: o for o in owners.values() if o}
    if len(people) > 1:
        return None
    if not people:
        return fresh.make(names)
    owner = next(iter(people.values()))
    missing = {kind for kind, known_owner in owners.items() if known_owner is None}
    if missing and isinstance(owner, DataSubject):
        fresh.add(owner, names, kinds=missing)
    elif missing:
        fresh.adopt(owner, names, kinds=missing)
    return owner
