"""The key a website's events come with: public by nature, and it may only bring events in."""

import secrets
from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from consent import audit
from personalization.models import Source

BYTES: Final = 24


@transaction.atomic
def issue(source: Source, *, actor: AbstractBaseUser) -> str:
    """Give a source a new write key; one it had before stops working at once."""
    had_one = source.write_key is not None
    key = f"wk_{secrets.token_urlsafe(BYTES)}"
    source.write_key = key
    source.save(update_fields=["write_key"])
    action = "source.write_key.replace" if had_one else "source.write_key.issue"
    audit.note(action, actor=actor, target=source)
    return key
