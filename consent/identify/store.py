"""The tables behind names: look people up, lock them, make the new, give the known new names."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

from django.db import connection

from consent import arrays, identity
from consent.identify.placing import ANONYMOUS_ID, EMAIL, Asked, Key, Person
from consent.models import DataSubject, Identifier

# Any number that no other advisory lock of ours uses.
_MAKING_PEOPLE = 4712

_LOCK = """
SELECT 1 FROM consent_datasubject
WHERE id = ANY(%s) OR merged_into_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
_ABOUT = """
SELECT person.id, person.erased_at IS NOT NULL,
       EXISTS (SELECT 1 FROM consent_identifier i
               WHERE i.kind <> 'anonymous_id' AND i.subject_id IN
                   (SELECT r.id FROM consent_datasubject r
                    WHERE r.id = person.id OR r.merged_into_id = person.id))
FROM consent_datasubject person WHERE person.id = ANY(%s)
"""
_PARTED = """
SELECT coalesce(kept.merged_into_id, kept.id), m.absorbed_id
FROM consent_merge m JOIN consent_datasubject kept ON kept.id = m.kept_id
WHERE m.absorbed_id = ANY(%s) AND m.undone_at IS NOT NULL
"""
_READDRESS = """
UPDATE consent_datasubject AS subject
SET email_index = new.email_index, suppression_hash = new.suppression_hash
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new(id, email_index, suppression_hash)
WHERE subject.id = new.id
"""
_KNOWN = """
SELECT i.kind, i.hash, i.subject_id, person.merged_into_id
FROM unnest(%s::text[], %s::text[], %s::text[]) AS asked(kind, source, hash)
JOIN consent_identifier i USING (kind, source, hash)
JOIN consent_datasubject person ON person.id = i.subject_id
"""
# The address of somebody who was merged can stand at the row it came with, under that row's key.
_EMAILS = """
SELECT subject.id, owner.pseudonym, owner.wrapped_key, i.ciphertext
FROM consent_datasubject subject
JOIN consent_identifier i ON i.kind = 'email' AND i.source = '' AND i.hash = subject.email_index
JOIN consent_datasubject owner ON owner.id = i.subject_id
WHERE subject.id = ANY(%s) AND owner.wrapped_key IS NOT NULL
"""


def wait_for_others() -> None:
    """Let one transaction after the other say who is who: make people, name, merge and part."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING_PEOPLE])


def lock(people: Iterable[Person]) -> None:
    """Hold all rows of people until the commit, in the order of their ids."""
    ids = list({row.pk for person in people for row in (person, person.living) if row.pk})
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [ids, ids])


def known(rows: Sequence[Asked], *, source: str) -> dict[Key, Person]:
    """Return who is behind these names: addresses are the same everywhere, all else is looked for
    among the names of the source (one query)."""
    keys = list({key for row in rows for key in row})
    sources = ["" if kind == EMAIL else source for kind, _ in keys]
    asked = ([kind for kind, _ in keys], sources, [hash_ for _, hash_ in keys])
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [arrays.texts(each) for each in asked])
        found = cursor.fetchall()
    people: dict[int, Person] = {}
    known: dict[Key, Person] = {}
    for kind, hash_, subject, merged in found:
        row = known[kind, hash_] = people.setdefault(subject, Person(pk=subject))
        if merged:
            row.into = people.setdefault(merged, Person(pk=merged))
    return known


def parted(rows: Sequence[Asked], *, known: Mapping[Key, Person]) -> set[tuple[int, int]]:
    """Learn of visitors who might join somebody whether they may; return whom a human parted."""
    visitors: dict[int, Person] = {}
    others: dict[int, Person] = {}
    for row in rows:
        anonymous = {
            id(person): person
            for key in (*row.anonymous, *row.previous)
            if key in known and key[0] == ANONYMOUS_ID
            for person in [known[key].living]
        }
        named = [known[key].living for key in row.better if key in known]
        if not anonymous or not (row.better or row.previous):
            continue
        if row.previous or any(id(each) not in anonymous for each in named) or not named:
            visitors |= {each.pk: each for each in anonymous.values() if each.pk}
            others |= {each.pk: each for each in named if each.pk}
    if not visitors:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_ABOUT, [[*visitors, *others]])
        for pk, is_erased, is_known in cursor.fetchall():
            person = visitors.get(pk) or others[pk]
            person.is_erased, person.is_known = is_erased, is_known
        cursor.execute(_PARTED, [list(visitors)])
        return {(kept, absorbed) for kept, absorbed in cursor.fetchall()}


def write(people: Iterable[Person], *, source: str) -> int:
    """Make those who are new and name those who gained a name; return how many are new."""
    met = list({id(person): person for person in people}.values())
    new = [person for person in met if person.pk is None]
    _grow([person for person in met if person.pk is not None], source=source)
    _make(new, source=source)
    return len(new)


def emails(subject_ids: Iterable[int]) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(_EMAILS, [list(subject_ids)])
        return {pk: _open(str(owner), key, sealed) for pk, owner, key, sealed in cursor.fetchall()}


def _open(owner: str, wrapped_key: bytes, ciphertext: bytes) -> str:
    key = identity.unwrap(wrapped_key, pseudonym=owner)
    return identity.open_sealed(
        ciphertext, key=key, place="consent_identifier.email", owner=owner
    ).decode()


def _make(people: Sequence[Person], *, source: str) -> None:
    subjects = []
    for person in people:
        pseudonym = uuid4()
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


def _grow(people: Sequence[Person], *, source: str) -> None:
    """Give known subjects the identifiers they did not have; the erased get none."""
    growing = {person.pk: person for person in people if person.pk and person.gains}
    subjects = DataSubject.objects.filter(pk__in=growing, erased_at=None).order_by("pk")
    locked = [(subject, growing[subject.pk]) for subject in subjects.select_for_update(no_key=True)]
    moved = [(s.pk, *address) for s, person in locked if (address := _address(person))]
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(_READDRESS, [list(column) for column in zip(*moved, strict=True)])
    _identify(locked, source=source)


def _address(person: Person) -> tuple[str, str] | None:
    """Return index and suppression hash of the last address a person gains."""
    found = [(hash_, value) for (kind, hash_), value in person.gains.items() if kind == EMAIL]
    return (found[-1][0], identity.suppression_hash(found[-1][1])) if found else None


def _identify(people: Sequence[tuple[DataSubject, Person]], *, source: str) -> None:
    Identifier.objects.bulk_create(
        (row for subject, person in people for row in _rows(subject, person, source=source)),
        batch_size=5000,
    )


def _rows(subject: DataSubject, person: Person, *, source: str) -> Iterable[Identifier]:
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
