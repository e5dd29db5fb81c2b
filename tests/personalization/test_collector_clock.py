"""When something happened, by our clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.ingest import clock
from personalization.ingest.dialects import message
from personalization.ingest.incoming import Incoming
from tests.personalization.collector_support import NOW, sent, track

TIMES = st.datetimes(timezones=st.just(UTC))
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123Z", datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-01T13:00:00+01:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("20260301", datetime(2026, 3, 1, tzinfo=UTC)),
        (1_772_366_400, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("1772366400000", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_times_are_read_in_the_ways_clients_write_them(
    given: object, expected: datetime | None
) -> None:
    assert clock.read(given) == expected


@pytest.mark.parametrize("given", ["", "yesterday", True, None, [], {}, "1" * 40, 1e300])
def test_what_is_no_time_is_none(given: object) -> None:
    assert clock.read(given) is None


@given(st.text() | st.floats() | st.integers() | st.dates().map(str))
def test_any_value_is_a_time_in_utc_or_none(value: object) -> None:
    found = clock.read(value)

    assert found is None or found.tzinfo is UTC


@given(happened=TIMES, delay=st.timedeltas(timedelta(0), 9 * DAY), wrong=st.timedeltas(-DAY, DAY))
def test_what_a_devices_clock_gets_wrong_cancels_out(
    happened: datetime, delay: timedelta, wrong: timedelta
) -> None:
    happened = min(max(happened, datetime(1980, 1, 1, tzinfo=UTC)), NOW)

    found = clock.corrected(
        happened + wrong, sent=happened + delay + wrong, received_at=happened + delay
    )

    assert found == happened


@given(original=st.none() | TIMES, sent_at=st.none() | TIMES)
def test_nothing_happens_in_the_future(original: datetime | None, sent_at: datetime | None) -> None:
    assert clock.corrected(original, sent=sent_at, received_at=NOW) <= NOW


def test_the_far_past_stays_where_it_is() -> None:
    long_ago = NOW - 3_000 * DAY

    assert clock.corrected(long_ago, sent=NOW, received_at=NOW) == long_ago


def happened(batch_sent_at: object = None, **given: Any) -> datetime:
    event = message.read(track(**given), sent=sent({}), sent_at=batch_sent_at)
    assert isinstance(event, Incoming)
    return event.timestamp


def iso(moment: datetime) -> str:
    return moment.isoformat()


def test_the_time_of_the_call_outranks_a_timestamp_near_it() -> None:
    found = happened(
        originalTimestamp=iso(NOW - HOUR), timestamp=iso(NOW - HOUR + SECOND), sentAt=iso(NOW)
    )

    assert found == NOW - HOUR


def test_a_timestamp_long_before_the_call_was_set_by_hand() -> None:
    found = happened(timestamp=iso(NOW - 30 * DAY), originalTimestamp=iso(NOW), sentAt=iso(NOW))

    assert found == NOW - 30 * DAY


def test_the_messages_own_time_of_sending_outranks_the_batchs() -> None:
    at = iso(NOW - HOUR)

    assert happened(iso(NOW - DAY), timestamp=at, sentAt=iso(NOW)) == NOW - HOUR
    assert happened(iso(NOW + HOUR), timestamp=at) == NOW - 2 * HOUR


def test_without_any_time_it_happened_when_it_came() -> None:
    assert happened() == NOW


def test_all_times_are_kept() -> None:
    event = message.read(
        track(timestamp=iso(NOW - HOUR), sentAt=iso(NOW - 2 * SECOND)), sent=sent({})
    )

    assert isinstance(event, Incoming)
    assert event.context == {
        "original_at": iso(NOW - HOUR), "sent_at": iso(NOW - 2 * SECOND), "lag": 3598,
    }  # fmt: skip
