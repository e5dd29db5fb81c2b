"""The link targets of a campaign: an id that follows from the address, so nothing is looked up."""

import hashlib
from operator import itemgetter

from campaigns.models import Link


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
        Link.objects.bulk_create(
            [
                Link(
                    pk=pk,
                    campaign_id=self._campaign_id,
                    url=url,
                    url_hash=hashlib.sha256(url.encode()).hexdigest(),
                )
                # In one order for everybody, so that two workers cannot wait for each other.
                for url, pk in sorted(self._ids.items(), key=itemgetter(1))
            ],
            ignore_conflicts=True,
        )
