"""A short mark of rendered output: a receipt keeps this, never the output itself."""

from hashlib import blake2b

_BYTES = 16


def digest(*pieces: str) -> str:
    """Return 32 hex characters; the same pieces in the same order give the same mark."""
    total = blake2b(digest_size=_BYTES)
    for piece in pieces:
        raw = piece.encode()
        # With its length first, no piece can pass for the end of the one before.
        total.update(len(raw).to_bytes(8, "big"))
        total.update(raw)
    return total.hexdigest()
