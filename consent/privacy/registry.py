"""Each app says what it holds on a person; the system check finds a model nobody claimed."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from django.db.models import Model


class OnErase(Enum):
    """What an erasure does to the rows of a model."""

    DELETE = "delete"
    # Rows whose personal parts are sealed under the subject's key: destroying it is the erasure.
    KEEP_KEYLESS = "keep keyless"
    # Rows that hold no personal data beyond the pseudonymous id: counts and the ledger's proof.
    KEEP_PSEUDONYMOUS = "keep pseudonymous"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Claim:
    """How one model is tied to a person (`path` to the subject's id), exported and erased."""

    model: type[Model]
    path: str
    on_erase: OnErase
    export: tuple[str, ...]
    erase: Callable[[int], int] | None = None


_claims: dict[type[Model], Claim] = {}


def claim(
    model: type[Model],
    *,
    path: str,
    on_erase: OnErase,
    export: tuple[str, ...],
    erase: Callable[[int], int] | None = None,
) -> None:
    """Register a model; called from each app's `privacy` module at start."""
    _claims[model] = Claim(model=model, path=path, on_erase=on_erase, export=export, erase=erase)


def claims() -> list[Claim]:
    """Return all claims, in the order they were registered."""
    return list(_claims.values())


def is_claimed(model: type[Model]) -> bool:
    return model in _claims
