"""Find the people a question is about, all at once."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.core.exceptions import ValidationError

from consent import identify, identity
from consent.models import DataSubject
from personalization.serving import tokens
from personalization.serving.question import Recipient


def find(recipients: Sequence[Recipient], *, source: str) -> list[int | None]:
    """Return the living subject behind each recipient, None where nobody is (two queries)."""
    keys = [_key(each) for each in recipients]
    by_name = identify.find_all([key for key in keys if key is not None], source=source)
    by_token = _behind(tokens.read(each.value) for each in recipients if each.kind == "token")
    return [
        by_token.get(tokens.read(each.value))
        if each.kind == "token"
        else by_name.get(key)
        if key
        else None
        for each, key in zip(recipients, keys, strict=True)
    ]


def _key(recipient: Recipient) -> tuple[str, str] | None:
    if recipient.kind == "token":
        return None
    if recipient.kind != "email":
        return recipient.kind, recipient.value
    try:
        return recipient.kind, identity.normalise_email(recipient.value)
    except ValidationError:
        return None


def _behind(pseudonyms: Iterable[UUID | None]) -> dict[UUID | None, int]:
    wanted = {each for each in pseudonyms if each is not None}
    if not wanted:
        return {}
    found = DataSubject.objects.filter(pseudonym__in=wanted, erased_at=None)
    rows = found.values_list("pseudonym", "pk", "merged_into")
    return {pseudonym: merged_into or pk for pseudonym, pk, merged_into in rows}
