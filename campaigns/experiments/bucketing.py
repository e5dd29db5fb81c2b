"""Put a recipient into a bucket by hash: the same in Python and in SQL, the same every time."""

import hashlib


def bucket(recipient: str, *, seed: str, size: int) -> int:
    """Return a bucket from 0 to size - 1; different seeds deal independently."""
    digest = hashlib.sha256(f"{seed}:{recipient}".encode()).hexdigest()
    return int(digest[:8], 16) % size


def bucket_sql(recipient: str, *, seed: str, size: int) -> tuple[str, list[object]]:
    """Return the same as SQL; `recipient` is a column of ours, never a value from outside."""
    hashed = f"encode(sha256(convert_to(%s || ':' || {recipient}::text, 'UTF8')), 'hex')"
    return f"('x' || substr({hashed}, 1, 8))::bit(32)::bigint %% %s", [seed, size]
