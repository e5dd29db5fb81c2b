"""Open the personal part of a receipt: the values that were looked at, under the person's key."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from consent import identity
from personalization.models import Receipt
from personalization.receipts import packing


@dataclass(frozen=True, slots=True)
class Inputs:
    """`facts` is what rules saw, `personal` what templates greet with, `output` marks of the
    rendered parts by name, `extras` what the caller added (an unsubscribe address, a code),
    `cart` the products of the open cart where one was looked at."""

    facts: dict[str, Any] = field(repr=False)
    personal: dict[str, str] = field(repr=False)
    reasons: list[str] = field(repr=False)
    bought: list[tuple[int, float]] = field(repr=False)
    viewed: list[tuple[int, float]] = field(repr=False)
    output: dict[str, str] = field(repr=False)
    extras: dict[str, Any] = field(repr=False)
    # Receipts of earlier versions have none.
    cart: list[int] = field(default_factory=list, repr=False)


def open_inputs(receipt: Receipt) -> Inputs | None:
    """Return the inputs of a decision; None once the person is erased. SealBroken: altered."""
    subject = receipt.subject
    if subject.wrapped_key is None or receipt.inputs is None:
        return None
    pseudonym = str(subject.pseudonym)
    plain = identity.open_sealed(
        receipt.inputs,
        key=identity.unwrap(subject.wrapped_key, pseudonym=pseudonym),
        place=packing.PLACE,
        owner=packing.owner(pseudonym, message_key=str(receipt.message_key)),
    )
    return Inputs(**orjson.loads(packing.unpacked(plain)))
