"""What a long import has looked up already: people by external id, products by the shop's id."""

from django.db import connection

from consent import identify
from consent.identify import Names

# Above this the memory is emptied and filled again, so it does not grow with the file.
KEPT = 200_000


class People:
    """External ids of one source and the subjects behind them, made where nobody knows them."""

    def __init__(self, *, source: str) -> None:
        self.source = source
        self._ids: dict[str, int] = {}

    def __getitem__(self, external_id: str) -> int:
        return self._ids[external_id]

    def learn(self, external_ids: set[str]) -> None:
        if len(self._ids) > KEPT:
            self._ids.clear()
        asked = sorted(each for each in external_ids if each not in self._ids)
        if asked:
            names = (Names(external_id=each) for each in asked)
            found = identify.resolve(names, source=self.source).subject_ids
            self._ids |= {key: id_ for key, id_ in zip(asked, found, strict=True) if id_}

    def know(self, external_id: str, *, subject_id: int) -> None:
        """Take a person that is known by other means than a customer number."""
        self._ids[external_id] = subject_id

    def gone(self, external_ids: set[str]) -> set[str]:
        """Return those erased or merged since they were looked up; hold the others till commit."""
        subjects = sorted({self._ids[each] for each in external_ids})
        with connection.cursor() as cursor:
            cursor.execute(_LIVING, [subjects])
            living = {row[0] for row in cursor.fetchall()}
        gone = {each for each in external_ids if self._ids[each] not in living}
        for each in gone:
            del self._ids[each]
        return gone


class Catalogue:
    """Ids of products by the shop's id."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._unknown: set[str] = set()

    def learn(self, product_ids: set[str]) -> None:
        if len(self._ids) + len(self._unknown) > KEPT:
            self._ids.clear()
            self._unknown.clear()
        asked = {each for each in product_ids - self._unknown if each not in self._ids}
        if asked:
            with connection.cursor() as cursor:
                cursor.execute(_PRODUCTS, [list(asked)])
                self._ids |= dict(cursor.fetchall())
            self._unknown |= asked - self._ids.keys()

    @property
    def ids(self) -> dict[str, int]:
        return self._ids


# FOR SHARE: an erasure waits until the batch is committed, and then finds its rows.
_LIVING = """
SELECT id FROM consent_datasubject
WHERE id = ANY(%s) AND erased_at IS NULL AND merged_into_id IS NULL ORDER BY id FOR SHARE
"""
_PRODUCTS = "SELECT product_id, id FROM personalization_product WHERE product_id = ANY(%s)"
