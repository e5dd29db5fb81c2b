"""Who the people of a page are: names, addresses and numbers of many profiles in one query."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ValidationError
from django.db import connection

from consent import identify, identity
from consent.masking import mask, mask_email
from consent.models import Identifier
from personalization.profiles.load import open_personal

_PEOPLE = """
SELECT s.id, s.pseudonym, s.wrapped_key, p.personal,
       address.ciphertext, owner.pseudonym, owner.wrapped_key,
       (SELECT i.ciphertext FROM consent_identifier i
        WHERE i.subject_id = s.id AND i.kind = 'external_id' ORDER BY i.id LIMIT 1)
FROM consent_datasubject s
LEFT JOIN personalization_customerprofile p ON p.subject_id = s.id
LEFT JOIN consent_identifier address
    ON address.kind = 'email' AND address.source = '' AND address.hash = s.email_index
LEFT JOIN consent_datasubject owner ON owner.id = address.subject_id
WHERE s.id = ANY(%s)
"""
ERASED = "Erased"


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, in clear or masked. Never logged, never in a URL."""

    subject_id: int
    pseudonym: str
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    number: str = field(default="", repr=False)
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_erased: bool = False

    @property
    def title(self) -> str:
        if self.is_erased:
            return ERASED
        return self.name or self.email or f"Customer {self.pseudonym[:8]}"

    def masked(self) -> "Person":
        """Return what staff without the permission to see personal data may see."""
        return Person(
            subject_id=self.subject_id,
            pseudonym=self.pseudonym,
            name=" ".join(mask(part) for part in self.name.split()),
            email=mask_email(self.email) if self.email else "",
            number=mask(self.number),
            details={name: mask(value) for name, value in self.details.items()},
            is_erased=self.is_erased,
        )


def of(subject_ids: Iterable[int], *, in_clear: bool) -> dict[int, Person]:
    """Return the people behind ids (one query); masked unless they may be seen in clear."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [list(subject_ids)])
        people = [_open(*row) for row in cursor.fetchall()]
    return {who.subject_id: who if in_clear else who.masked() for who in people}


def find(term: str) -> list[int]:
    """Return the subjects a whole address or customer number leads to; never a part of one."""
    found = {
        row.merged_into_id or row.pk
        for row in (identify.find(Identifier.Kind.EMAIL, address) for address in _address(term))
        if row is not None
    }
    numbers = Identifier.objects.filter(
        kind=Identifier.Kind.EXTERNAL_ID,
        hash=identity.blind_index(Identifier.Kind.EXTERNAL_ID, term.strip()),
    ).values_list("subject_id", "subject__merged_into")
    return sorted(found | {merged or subject for subject, merged in numbers})


def _address(term: str) -> list[str]:
    try:
        return [identity.normalise_email(term)]
    except ValidationError:
        return []


def _open(
    pk: int,
    pseudonym: Any,
    wrapped: bytes | None,
    personal: bytes | None,
    email: bytes | None,
    email_owner: Any,
    email_wrapped: bytes | None,
    number: bytes | None,
) -> Person:
    owner = str(pseudonym)
    if wrapped is None:
        return Person(subject_id=pk, pseudonym=owner, is_erased=True)
    key = identity.unwrap(wrapped, pseudonym=owner)
    details = open_personal(personal, key=key, pseudonym=owner)
    names = (details.pop("first_name", ""), details.pop("last_name", ""))
    # The address can stand at a row that was merged into this one, under that row's key.
    holder = str(email_owner)
    is_own = holder == owner or email_wrapped is None
    email_key = key if is_own else identity.unwrap(email_wrapped or b"", pseudonym=holder)
    return Person(
        subject_id=pk,
        pseudonym=owner,
        name=" ".join(filter(None, names)),
        email=_identifier(email, "email", key=email_key, owner=holder),
        number=_identifier(number, "external_id", key=key, owner=owner),
        details=details,
    )


def _identifier(sealed: bytes | None, kind: str, *, key: AESGCM, owner: str) -> str:
    if sealed is None:
        return ""
    place = f"consent_identifier.{kind}"
    return identity.open_sealed(sealed, key=key, place=place, owner=owner).decode()
