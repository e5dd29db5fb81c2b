"""How sealed inputs are bound to their receipt, and made small before they are sealed."""

import zlib

PLACE = "personalization_receipt.inputs"
_WORTH_BYTES = 400
# Speed counts more than size: a mail's inputs are packed while it is being sent.
_LEVEL = 1
_JSON = ord("{")


def owner(pseudonym: str, *, message_key: str) -> str:
    """Bind to the decision, too: inputs moved to another receipt of the person do not open."""
    return f"{pseudonym}/{message_key}"


def packed(plain: bytes) -> bytes:
    return plain if len(plain) < _WORTH_BYTES else zlib.compress(plain, _LEVEL)


def unpacked(kept: bytes) -> bytes:
    return kept if kept[0] == _JSON else zlib.decompress(kept)
