"""The codes of a pool: taken in once each, counted, and blanked when their person is erased."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from consent import audit
from personalization.models import Offer, OfferCode, OfferGrant

BATCH = 5_000
# What one upload may hold; a bigger pool is filled in several.
LINES_AT_MOST = 1_000_000
LONGEST = 100
# A page shows so many refused lines; their number is always exact.
SHOWN_AT_MOST = 200

_ADD = """
INSERT INTO personalization_offercode (offer_id, text, hash, is_given, added_at)
SELECT %s, new.text, new.hash, false, %s FROM unnest(%s::text[], %s::text[]) AS new(text, hash)
ON CONFLICT (hash) DO NOTHING RETURNING hash
"""


@dataclass(frozen=True, slots=True)
class Refused:
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an upload; `refused` names the first lines, `refused_count` counts all."""

    added: int
    refused: tuple[Refused, ...]
    refused_count: int


@dataclass(frozen=True, slots=True)
class Stock:
    """How many codes a pool has, and how often an offer was given."""

    free: int = 0
    given_codes: int = 0
    given: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    hash: str


class NotAPool(ValueError):
    """Codes were brought to an offer that has none of its own."""


@transaction.atomic
def add(
    offer: Offer, lines: Iterable[str], *, now: datetime, actor: AbstractBaseUser | None = None
) -> Taken:
    """Take codes in, one a line; what is refused is named by line, the rest is kept."""
    if offer.kind != Offer.Kind.POOL:
        raise NotAPool(f"{offer} has no pool of codes: choose the kind “a code of its own”.")
    refused: list[Refused] = []
    seen: dict[str, int] = {}
    added = 0
    for batch in _batches(_read(lines, seen=seen, refused=refused)):
        added += _store(offer, batch, now=now, refused=refused)
    detail = {"added": added, "refused": len(refused)}
    audit.note("offer.codes", actor=actor, target=offer, detail=detail)
    first = sorted(refused, key=lambda each: each.line)[:SHOWN_AT_MOST]
    return Taken(added=added, refused=tuple(first), refused_count=len(refused))


def stock(offers: Iterable[Offer]) -> dict[int, Stock]:
    """Count codes and grants of several offers (one query)."""
    ids = [offer.pk for offer in offers]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT offer.id, coalesce(tally.given, 0),
                (SELECT count(*) FROM personalization_offercode code
                 WHERE code.offer_id = offer.id AND NOT code.is_given),
                (SELECT count(*) FROM personalization_offercode code
                 WHERE code.offer_id = offer.id AND code.is_given)
            FROM personalization_offer offer
            LEFT JOIN personalization_offertally tally ON tally.offer_id = offer.id
            WHERE offer.id = ANY(%s)
            """,
            [ids],
        )
        return {
            pk: Stock(free=free, given_codes=given_codes, given=given)
            for pk, given, free, given_codes in cursor.fetchall()
        }


def erase(subject_id: int) -> int:
    """Forget what a person was given: the codes are blank, but known as spent for ever."""
    grants = OfferGrant.objects.filter(subject=subject_id)
    OfferCode.objects.filter(grant__in=grants).update(text="")
    return grants.delete()[0]


def _read(lines: Iterable[str], *, seen: dict[str, int], refused: list[Refused]) -> Iterator[_Line]:
    for number, line in enumerate(lines, start=1):
        text = line.strip().strip('"').lstrip("\ufeff")
        if not text:
            continue
        fault = _fault(text) if number <= LINES_AT_MOST else f"more than {LINES_AT_MOST:,} lines"
        hashed = hashlib.sha256(text.encode()).hexdigest()
        if not fault and hashed in seen:
            fault = f"the same as line {seen[hashed]}"
        if fault:
            refused.append(Refused(number, fault))
            continue
        seen[hashed] = number
        yield _Line(number, text, hashed)


def _fault(text: str) -> str:
    if len(text) > LONGEST:
        return f"longer than {LONGEST} characters"
    if not text.isprintable() or any(letter.isspace() or letter in ",;" for letter in text):
        return "a code is one word: no space, comma or semicolon in it"
    return ""


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _store(offer: Offer, batch: list[_Line], *, now: datetime, refused: list[Refused]) -> int:
    with connection.cursor() as cursor:
        texts, hashes = [line.text for line in batch], [line.hash for line in batch]
        cursor.execute(_ADD, [offer.pk, now, texts, hashes])
        new = {row[0] for row in cursor.fetchall()}
    known = "known already: a code belongs to one offer and is given once"
    refused.extend(Refused(line.number, known) for line in batch if line.hash not in new)
    return len(new)
