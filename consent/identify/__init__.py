"""Find or make the subjects behind identifiers, a batch at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from consent import identity, statements
from consent.identify import store
from consent.identify.placing import (
    ANONYMOUS_ID,
    EMAIL,
    EXTERNAL_ID,
    Asked,
    Names,
    Person,
    Placing,
    strictly,
)
from consent.models import DataSubject, Identifier


@dataclass(frozen=True, slots=True)
class Joining:
    """A visitor who said who they are: `absorbed_id` has to be merged into `kept_id`."""

    kept_id: int
    absorbed_id: int
    is_alias: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two known customers whom a source calls one, the lower id first."""

    first_id: int
    second_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Subject ids in the order asked; `None` where an address belongs to somebody else.

    `origin_ids` are the rows that the names themselves stand at. Where somebody was merged this is
    the visitor they were, to whom an event goes back when the merge is undone.
    """

    subject_ids: list[int | None]
    created: int
    origin_ids: list[int | None] = field(default_factory=list)
    joinings: tuple[Joining, ...] = ()
    doubts: tuple[Doubt, ...] = ()


_LIVING = """
SELECT i.kind, i.hash, person.id
FROM unnest(%s::text[], %s::text[], %s::text[]) AS asked(kind, source, hash)
JOIN consent_identifier i USING (kind, source, hash)
JOIN consent_datasubject named ON named.id = i.subject_id
JOIN consent_datasubject person ON person.id = coalesce(named.merged_into_id, named.id)
WHERE person.erased_at IS NULL
"""


@transaction.atomic
def resolve(people: Iterable[Names], *, source: str = "") -> Found:
    """Return the subject of each row, making those nobody knows; a constant number of queries.

    The customer number decides; the address decides where no number is given. A number and an
    address that belong to two known people are a conflict (None): merging is a human's decision.
    An anonymous id decides only where it is all there is: browsers are shared, so beside a better
    name it is noted if nobody has it yet, and never joins two people.
    """
    rows = [_asked(names) for names in people]
    known = store.known(rows, source=source)
    if any(key not in known for row in rows for key in row.keys):
        store.wait_for_others()
        known = store.known(rows, source=source)
    placed = [strictly(row, known=known) for row in rows]
    created = store.write((person for person in placed if person is not None), source=source)
    return Found(
        subject_ids=[None if person is None else person.pk for person in placed], created=created
    )


@transaction.atomic
def meet(people: Iterable[Names], *, source: str = "") -> Found:
    """The same for events, which say who is who: also tell who has to be merged, and who might.

    The order of the batch holds. `subject_ids` are people as they are after the `joinings`, which
    the caller carries out in this transaction. Where anything changes, all people of the batch
    are locked, in the order of their ids.
    """
    rows = [_asked(names, with_previous=True) for names in people]
    placing, placed = _placed(rows, source=source)
    created = 0
    if placing.joined or any(person.gains for person in placed):
        store.wait_for_others()
        placing, placed = _placed(rows, source=source)
        store.lock(placing.known.values())
        created = store.write((*placed, *placing.known.values()), source=source)
    return Found(
        subject_ids=[person.living.pk for person in placed],
        created=created,
        origin_ids=[person.pk for person in placed],
        joinings=tuple(
            Joining(kept_id=_pk(each.kept), absorbed_id=_pk(each.absorbed), is_alias=each.is_alias)
            for each in placing.joined
        ),
        doubts=_doubts(placing),
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


def find_all(names: Iterable[tuple[str, str]], *, source: str = "") -> dict[tuple[str, str], int]:
    """Return the living subjects that (kind, value) pairs lead to, through merges (one query).

    Addresses are the same everywhere; all else is looked for among the names of the source.
    """
    wanted = {(kind, identity.blind_index(kind, value)): (kind, value) for kind, value in names}
    if not wanted:
        return {}
    keys = list(wanted)
    sources = ["" if kind == EMAIL else source for kind, _ in keys]
    found = statements.rows(
        _LIVING,
        [[kind for kind, _ in keys], sources, [hash_ for _, hash_ in keys]],
        people=len(keys),
    )
    return {wanted[kind, hash_]: pk for kind, hash_, pk in found}


def emails(subject_ids: Iterable[int]) -> dict[int, str]:
    """Return the addresses of a batch in clear (one query); erased people have none."""
    return store.emails(subject_ids)


def wait_for_others() -> None:
    """Let one transaction after the other say who is who; each holds it until its commit."""
    store.wait_for_others()


def _asked(names: Names, *, with_previous: bool = False) -> Asked:
    given = (
        (EXTERNAL_ID, names.external_id),
        (EMAIL, names.email),
        (ANONYMOUS_ID, names.anonymous_id),
    )
    previous = names.previous_id if with_previous else ""
    earlier = ((EXTERNAL_ID, previous), (ANONYMOUS_ID, previous))
    return Asked(
        keys={(kind, identity.blind_index(kind, value)): value for kind, value in given if value},
        previous={
            (kind, identity.blind_index(kind, value)): value for kind, value in earlier if value
        },
    )


def _placed(rows: Sequence[Asked], *, source: str) -> tuple[Placing, list[Person]]:
    known = store.known(rows, source=source)
    placing = Placing(known, apart=store.parted(rows, known=known))
    return placing, [placing.place(row) for row in rows]


def _doubts(placing: Placing) -> tuple[Doubt, ...]:
    found: dict[tuple[int, int], Doubt] = {}
    for each in placing.clashes:
        pair = sorted((_pk(each.first.living), _pk(each.second.living)))
        doubt = Doubt(first_id=pair[0], second_id=pair[1], reason=each.reason)
        found.setdefault((pair[0], pair[1]), doubt)
    return tuple(found.values())


def _pk(person: Person) -> int:
    if person.pk is None:
        raise AssertionError("unreachable: everybody of a batch has been made")
    return person.pk


__all__ = [
    "ANONYMOUS_ID",
    "EMAIL",
    "EXTERNAL_ID",
    "Doubt",
    "Found",
    "Joining",
    "Names",
    "emails",
    "find",
    "find_all",
    "meet",
    "resolve",
    "wait_for_others",
]
