"""What a source signs its webhooks with: sealed, shown once, two of them during a rotation."""

import base64
import secrets as random
from datetime import datetime, timedelta

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction

from consent import identity
from personalization.models import Source

PLACE = "personalization_source.secrets"
# A shop may sign with the old secret for an hour after a change, and people take their time.
PREVIOUS_HOLDS = timedelta(days=1)
STANDARD_PREFIX = "whsec_"
_NEW_BYTES = 32
_SHORTEST = 8
_SHORTEST_KEY = 16


@transaction.atomic
def rotate(source: Source, *, secret: str | None, now: datetime) -> str:
    """Give a source its next secret and return it: the only time that anybody sees it.

    `None` makes one. The secret before it holds for another day; setting the same one again
    changes nothing. A secret that cannot work is refused with a ValidationError.
    """
    chosen = _made(source.kind) if secret is None else _checked(secret.strip(), kind=source.kind)
    stored = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    before = _open(stored).get("current", "")
    if before != chosen:
        kept = {"current": chosen, "previous": before, "since": now.isoformat()}
        source.secrets = identity.seal_for_system(
            orjson.dumps(kept), place=PLACE, owner=str(source.pk)
        )
        source.save(update_fields=["secrets"])
    return chosen


def both(source: Source) -> tuple[str, ...]:
    """Return the secret of a source and, if it has one, the one before; the newest first."""
    kept = _open(source)
    return tuple(each for each in (kept.get("current"), kept.get("previous")) if each)


def holding(source: Source, *, now: datetime) -> tuple[str, ...]:
    """Return the secrets that a signature may be made with now."""
    kept = both(source)
    if len(kept) < 2 or now - changed_at(source) < PREVIOUS_HOLDS:
        return kept
    return kept[:1]


def changed_at(source: Source) -> datetime:
    """Return since when the present secret holds."""
    return datetime.fromisoformat(_open(source)["since"])


def standard_key(secret: str) -> bytes:
    """Return the key a Standard Webhooks secret stands for: base64, with or without its prefix."""
    return base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True)


def _open(source: Source) -> dict[str, str]:
    if source.secrets is None:
        return {}
    plain = identity.open_for_system(source.secrets, place=PLACE, owner=str(source.pk))
    kept: dict[str, str] = orjson.loads(plain)
    return kept


def _made(kind: str) -> str:
    if kind == Source.Kind.GENERIC:
        return STANDARD_PREFIX + base64.b64encode(random.token_bytes(_NEW_BYTES)).decode()
    return random.token_urlsafe(_NEW_BYTES)


def _checked(secret: str, *, kind: str) -> str:
    if kind == Source.Kind.GENERIC and not _is_standard(secret):
        raise ValidationError(
            "A Standard Webhooks secret reads whsec_ and then base64 of 16 bytes or more; "
            "leave it empty to have one made.",
            code="invalid",
        )
    if len(secret) < _SHORTEST or not secret.isprintable():
        raise ValidationError(
            f"A secret needs at least {_SHORTEST} characters: paste the whole of it as the shop "
            "shows it.",
            code="invalid",
        )
    return secret


def _is_standard(secret: str) -> bool:
    try:
        return len(standard_key(secret)) >= _SHORTEST_KEY
    except ValueError:
        return False
