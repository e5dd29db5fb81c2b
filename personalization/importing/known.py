"""What a long import has looked up already: people by their ids, products by the shop's id."""

from collections.abc import Mapping

from django.db import connection

from consent import identify
from consent.identify import Names
from personalization.importing import event_rows

# Above this the memory is emptied and filled again, so it does not grow with the file.
KEPT = 200_000


class People:
    """The people of one id space by customer number or anonymous id, made where nobody knows them.

    Both stand in one key (`event_rows.anonymous` tells them apart).
    """

    def __init__(self, *, space: str) -> None:
        self.space = space
        self._ids: dict[str, int] = {}

    def learn(self, people: set[str]) -> dict[str, int]:
        """Return the subject of each of these people."""
        if len(self._ids) > KEPT:
            self._ids.clear()
        asked = sorted(people.difference(self._ids))
        if asked:
            found = identify.resolve(map(_names, asked), source=self.space).subject_ids
            self._ids |= {key: id_ for key, id_ in zip(asked, found, strict=True) if id_}
        return {each: self._ids[each] for each in people}

    def gone(self, known: Mapping[str, int]) -> set[str]:
        """Return those erased or merged since they were looked up; hold the others till commit."""
        subjects = sorted({*known.values()})
        with connection.cursor() as cursor:
            cursor.execute(_HOLD, [f"{{{','.join(map(str, subjects))}}}", len(subjects)])
            (living,) = cursor.fetchone()
        if living is None:
            return set()
        alive = set(living)
        gone = {person for person, id_ in known.items() if id_ not in alive}
        for each in gone:
            self._ids.pop(each, None)
        return gone


def _names(person: str) -> Names:
    anonymous_id = event_rows.anonymous(person)
    return Names(external_id="" if anonymous_id else person, anonymous_id=anonymous_id)


class Catalogue:
    """Ids of products by the shop's id."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._unknown: set[str] = set()

    def learn(self, product_ids: set[str]) -> dict[str, int]:
        """Return the ids of these products, as far as they are in the catalogue."""
        if len(self._ids) + len(self._unknown) > KEPT:
            self._ids.clear()
            self._unknown.clear()
        asked = {each for each in product_ids - self._unknown if each not in self._ids}
        if asked:
            with connection.cursor() as cursor:
                cursor.execute(_PRODUCTS, [list(asked)])
                self._ids |= dict(cursor.fetchall())
            self._unknown |= asked - self._ids.keys()
        return {each: self._ids[each] for each in product_ids if each in self._ids}


# FOR SHARE: an erasure waits until the batch is committed, and then finds its rows. Whether they
# live is no condition: without statistics the planner would go through everybody to find them.
_HOLD = """
WITH held AS MATERIALIZED (
    SELECT id, erased_at IS NULL AND merged_into_id IS NULL AS is_living
    FROM consent_datasubject WHERE id = ANY(%s::bigint[]) ORDER BY id FOR SHARE
)
SELECT CASE WHEN count(*) FILTER (WHERE is_living) < %s
            THEN coalesce(array_agg(id) FILTER (WHERE is_living), '{}') END
FROM held
"""
_PRODUCTS = "SELECT product_id, id FROM personalization_product WHERE product_id = ANY(%s)"
