"""What is handed to a provider, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from consent.permission import Permission


class DeliveryError(Exception):
    """Anything that goes wrong between us and a provider."""


class WrongPermissionError(DeliveryError, ValueError):
    """An email was about to leave under a permission that does not cover it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One finished email with the permission it leaves under.

    `content` is the whole message, headers included, in lines that end with CRLF. Who built it so
    that no CR and no LF stands alone says so by `has_whole_lines`: then nobody looks again.
    """

    message_key: str
    subject_id: int
    permission: Permission
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)
    has_whole_lines: bool = False

    def __post_init__(self) -> None:
        check_permission(self.permission, subject_id=self.subject_id, message_key=self.message_key)


def check_permission(permission: Permission, *, subject_id: int, message_key: str) -> None:
    if permission.subject_id != subject_id:
        raise WrongPermissionError(
            f"message {message_key} is for subject {subject_id}, its permission for subject "
            f"{permission.subject_id}: pass the permission that the gate gave for this subject"
        )
    if not permission.may_send:
        raise WrongPermissionError(
            f"message {message_key}: subject {subject_id} may not be mailed "
            f"({permission.reason or 'no reason given'}): record it as skipped instead"
        )


class Outcome(StrEnum):
    SENT = "sent"
    FAILED = "failed"  # the provider refused for good
    RETRY = "retry"  # nothing was handed over, or it was refused for now
    UNKNOWN = "unknown"  # handed over, but the answer never came


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one envelope; `detail` never quotes the provider, who may quote addresses."""

    message_key: str
    outcome: Outcome
    detail: str = ""
    provider_id: str = ""


class Backend(Protocol):
    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        """Answer in the order of `envelopes`; a provider's fault is an outcome, never raised."""

    def lookup(self, message_keys: Sequence[str]) -> Mapping[str, bool] | None:
        """Say of each key whether it arrived; None if this provider cannot tell."""

    def is_up(self) -> str:
        """Return "" if mail can be handed over now, otherwise what is wrong and what to do."""

    def close(self) -> None: ...
