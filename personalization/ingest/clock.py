"""Say when something happened, on our clock: devices have their own, and send late."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

# Fewer digits are a day, as 20260301.
_NUMBER = re.compile(r"\d{9,}(\.\d+)?")
_LONGEST = 40
# From here on a number of seconds would be after the year 5000: it counts milliseconds.
_MILLISECONDS_FROM = 100_000_000_000


def read(value: Any) -> datetime | None:
    """Return the time of an ISO 8601 text or of an epoch number; None where it is neither.

    A text without zone is taken as UTC.
    """
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return _epoch(float(value))
        if isinstance(value, str) and len(value) < _LONGEST:
            return _read_text(value.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return None


def corrected(
    original: datetime | None, *, sent: datetime | None, received_at: datetime
) -> datetime:
    """Return received − (sent − original): what a device's clock gets wrong cancels out.

    Without a time of sending the original counts. Nothing lies in the future; the past may be far.
    """
    if original is None:
        return received_at
    if sent is None:
        return min(original, received_at)
    try:
        return min(received_at - (sent - original), received_at)
    except OverflowError:
        return min(original, received_at)


def _read_text(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _epoch(float(text))
    return _in_utc(datetime.fromisoformat(text))


def _epoch(number: float) -> datetime:
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
