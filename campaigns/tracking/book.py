"""The link targets of a campaign: an id that follows from the address, so nothing is looked up."""

import hashlib

import orjson
from django.db import connection

# In one order for everybody, so that two workers cannot wait for each other.
_STORE = """
INSERT INTO campaigns_link (id, campaign_id, url, url_hash)
SELECT entry.id, %s, entry.url, encode(sha256(convert_to(entry.url, 'UTF8')), 'hex')
FROM json_to_recordset(%s::json) AS entry(id bigint, url text)
ORDER BY entry.id
ON CONFLICT DO NOTHING
"""


class LinkBook:
    """Collects the targets a chunk used and stores the new ones in one statement."""

    def __init__(self, campaign_id: int) -> None:
        self._campaign_id = campaign_id
        self._ids: dict[str, int] = {}

    def add(self, url: str) -> int:
        """Return the id of a target; it is stored by `save`, before the mail leaves."""
        if url not in self._ids:
            digest = hashlib.sha256(f"{self._campaign_id}:{url}".encode()).digest()
            # 63 bits: fits a bigint, and two targets of one campaign will not meet.
            self._ids[url] = int.from_bytes(digest[:8]) >> 1
        return self._ids[url]

    def save(self) -> None:
        if not self._ids:
            return
        # One JSON text: the driver would quote each element of an array in Python.
        rows = [{"id": pk, "url": url} for url, pk in self._ids.items()]
        with connection.cursor() as cursor:
            cursor.execute(_STORE, [self._campaign_id, orjson.dumps(rows).decode()])
