"""The benchmark of the collector posts what it says: so many sound events, none of them twice."""

from datetime import UTC, datetime

import pytest

from benchmarks import collector
from personalization.ingest import body
from personalization.ingest.dialects import segment
from personalization.ingest.dialects.sent import Sent
from personalization.ingest.incoming import Incoming

NOW = datetime(2026, 11, 23, 12, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize("size", collector.SIZES)
def test_each_body_holds_so_many_new_events(size: int) -> None:
    make = collector.body(size)

    events = [
        event
        for number in range(3)
        for event in segment.read(Sent(parsed=body.parse(make(number)), received_at=NOW))
    ]

    assert all(isinstance(event, Incoming) for event in events)
    assert len({event.message_id for event in events}) == 3 * size
