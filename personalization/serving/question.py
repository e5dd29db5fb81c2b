"""What is asked: about whom, which slots, for which message."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["external_id", "anonymous_id", "email", "token"]
KINDS: tuple[Kind, ...] = ("external_id", "anonymous_id", "email", "token")


@dataclass(frozen=True, slots=True)
class Recipient:
    """By what a caller names a person."""

    kind: Kind
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """`message` names the mail that is being made: all answers for it are the same decision.

    `source` says whose customer numbers the recipients carry; `is_strict` wants to hear an error
    where nobody is known.
    """

    recipients: tuple[Recipient, ...]
    slots: tuple[str, ...]
    message: str = ""
    source: str = ""
    explain: bool = False
    is_strict: bool = False
