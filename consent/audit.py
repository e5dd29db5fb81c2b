"""Note who did what to whose data. Only pseudonyms and ids go in, never a value."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model

from consent.models import AuditEntry


def note(
    action: str,
    *,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    target: Model | None = None,
    pseudonym: UUID | None = None,
    detail: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Append one entry; it commits or fails together with the act it describes."""
    return AuditEntry.objects.create(
        action=action,
        actor_id=actor.pk if actor is not None else None,
        object_type=target._meta.label_lower if target is not None else "",
        object_id=str(target.pk) if target is not None else "",
        pseudonym=pseudonym,
        detail=dict(detail or {}),
    )
