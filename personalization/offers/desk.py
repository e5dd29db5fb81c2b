"""Who is asked for offers while a batch is decided: a send reserves them, a preview only looks."""

import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from personalization.models import Offer
from personalization.offers import reserve
from personalization.offers.reserve import Answer, Ask
from personalization.offers.terms import Terms

# Stands in a preview where a mail would have a code of its own.
EXAMPLE_CODE = "EXAMPLE-CODE"
# A person and an offer, by their ids.
Wish = tuple[int, int]


class Desk(Protocol):
    """Answers wishes of people for offers; `close` hears what was used in the end."""

    def answer(self, wishes: Sequence[Wish]) -> list[Answer]: ...

    def close(self, used: Sequence[Wish]) -> None: ...


@dataclass(frozen=True, slots=True)
class SendDesk:
    """Reserves with the mail of each person; `message_keys` names it by the person."""

    message_keys: Mapping[int, str]
    now: datetime

    def answer(self, wishes: Sequence[Wish]) -> list[Answer]:
        asks = [Ask(self.message_keys[person], person, offer) for person, offer in wishes]
        return reserve.reserve(asks, now=self.now)

    def close(self, used: Sequence[Wish]) -> None:
        """Give back what an earlier try of these mails reserved and this one does not show."""
        wanted = {(self.message_keys[person], offer) for person, offer in used}
        kept = reserve.kept(self.message_keys.values())
        reserve.give_back([(key, offer) for key, offer in kept if (key, offer) not in wanted])


# Makes the key of a person's mail from what its sender calls the message.
_MESSAGES = uuid.UUID("6c0b8f1e-3f0d-4a76-9a2c-5d8f6a1b7e24")


@dataclass(frozen=True, slots=True)
class MessageDesk:
    """Reserves with a message that somebody else sends: once a message and person, in all slots.

    Nothing comes back: what was answered may have been sent. Without a message nobody could
    tell a second look from a second mail, so nothing is given then.
    """

    message: str
    may_send: Set[int]
    now: datetime

    def answer(self, wishes: Sequence[Wish]) -> list[Answer]:
        refusals = [self._refusal(person) for person, _ in wishes]
        asks = [
            Ask(self._key(person), person, offer)
            for (person, offer), refusal in zip(wishes, refusals, strict=True)
            if not refusal
        ]
        found = iter(reserve.reserve(asks, now=self.now) if asks else [])
        return [Answer(refusal=refusal) if refusal else next(found) for refusal in refusals]

    def close(self, used: Sequence[Wish]) -> None:
        """All that was reserved stays with the message."""

    def _refusal(self, person: int) -> str:
        if not self.message:
            return "no_message"
        return "" if person in self.may_send else "may_not_send"

    def _key(self, person: int) -> str:
        return str(uuid.uuid5(_MESSAGES, f"{person} {self.message}"))


@dataclass(frozen=True, slots=True)
class PreviewDesk:
    """Answers as a send would, takes nothing, and shows an example in place of a code."""

    offers: Mapping[str, Terms]
    now: datetime

    def answer(self, wishes: Sequence[Wish]) -> list[Answer]:
        pools = {terms.id for terms in self.offers.values() if terms.kind == Offer.Kind.POOL}
        return [
            Answer(EXAMPLE_CODE) if offer in pools and not found.refusal else found
            for (_, offer), found in zip(wishes, reserve.peek(wishes, now=self.now), strict=True)
        ]

    def close(self, used: Sequence[Wish]) -> None:
        """Nothing was taken."""


@dataclass(frozen=True, slots=True)
class ClosedDesk:
    """Gives nothing."""

    def answer(self, wishes: Sequence[Wish]) -> list[Answer]:
        return [Answer(refusal="not_given_here")] * len(wishes)

    def close(self, used: Sequence[Wish]) -> None:
        """Nothing was given."""


CLOSED = ClosedDesk()
