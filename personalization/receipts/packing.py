"""How sealed inputs are bound to their receipt, and made small before they are sealed."""

import zlib

PLACE = "personalization_receipt.inputs"
_WORTH_BYTES = 400
# Speed counts more than size: a mail's inputs are packed while it is being sent.
_LEVEL = 1
# A window of 4 kB, small tables: inputs are about 2 kB, and zlib clears the usual 256 kB each time.
_WINDOW_BITS = 12
_MEMORY_LEVEL = 5
_JSON = ord("{")


def owner(pseudonym: str, *, message_key: str) -> str:
    """Bind to the decision, too: inputs moved to another receipt of the person do not open."""
    return f"{pseudonym}/{message_key}"


def packed(plain: bytes) -> bytes:
    if len(plain) < _WORTH_BYTES:
        return plain
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return packer.compress(plain) + packer.flush()


def unpacked(kept: bytes) -> bytes:
    return kept if kept[0] == _JSON else zlib.decompress(kept)
