"""Reserve offers with the mails of a chunk: limits exact, each code once, whoever competes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

# Who holds an offer's row decides alone about its limits until the end of the transaction.
_LOCK = """
INSERT INTO personalization_offertally AS tally (offer_id, given)
SELECT id, 0 FROM personalization_offer WHERE id = ANY(%s) ORDER BY id
ON CONFLICT (offer_id) DO UPDATE SET given = tally.given
"""
_IS_VALID = """offer.is_active AND coalesce(offer.valid_from <= %(now)s, true)
    AND coalesce(offer.valid_until > %(now)s, true)"""
# What a row got that was merged into this person, the person got.
_HAD = """(SELECT count(*) FROM personalization_offergrant earlier
    WHERE earlier.offer_id = offer.id
      AND earlier.subject_id IN (SELECT family.id FROM consent_datasubject family
          WHERE family.id = asked.subject_id OR family.merged_into_id = asked.subject_id)
      AND (offer.per_person_days IS NULL
           OR earlier.granted_at > %(now)s - make_interval(days => offer.per_person_days)))"""
_REFUSAL = f"""CASE WHEN NOT ({_IS_VALID}) THEN 'not_valid'
    WHEN {_HAD} + asked.before >= offer.per_person THEN 'had_enough' ELSE '' END"""
_RESERVE = f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(%(keys)s::uuid[], %(subjects)s::bigint[], %(offers)s::bigint[])
        WITH ORDINALITY AS wish(message_key, subject_id, offer_id, place)
), had AS MATERIALIZED (
    SELECT asked.message_key, asked.offer_id, kept.code_text AS code FROM asked
    JOIN personalization_offergrant kept USING (message_key, offer_id)
    JOIN personalization_offer offer ON offer.id = asked.offer_id AND {_IS_VALID}
), judged AS MATERIALIZED (
    SELECT asked.*, offer.kind, offer.total, {_REFUSAL} AS refusal
    FROM (SELECT asked.*, row_number() OVER (PARTITION BY offer_id, subject_id ORDER BY place) - 1
                 AS before FROM asked
          WHERE NOT EXISTS (SELECT 1 FROM had WHERE had.message_key = asked.message_key
                            AND had.offer_id = asked.offer_id)) AS asked
    JOIN personalization_offer offer ON offer.id = asked.offer_id
), numbered AS (
    SELECT judged.*, row_number() OVER (PARTITION BY offer_id ORDER BY place) AS number
    FROM judged WHERE refusal = ''
), fitting AS MATERIALIZED (
    SELECT numbered.* FROM numbered JOIN personalization_offertally tally USING (offer_id)
    WHERE total IS NULL OR tally.given + number <= total
), free AS MATERIALIZED (
    SELECT need.offer_id, code.id, code.text,
           row_number() OVER (PARTITION BY need.offer_id ORDER BY code.id) AS number
    FROM (SELECT offer_id, count(*) AS wanted FROM fitting WHERE kind = 'pool' GROUP BY offer_id)
        AS need
    CROSS JOIN LATERAL (
        SELECT id, text FROM personalization_offercode
        WHERE offer_id = need.offer_id AND NOT is_given
        ORDER BY id LIMIT need.wanted FOR UPDATE SKIP LOCKED
    ) AS code
), lucky AS MATERIALIZED (
    SELECT fitting.*, free.id AS code_id, free.text AS code
    FROM fitting LEFT JOIN free USING (offer_id, number)
    WHERE fitting.kind <> 'pool' OR free.id IS NOT NULL
), taken AS (
    UPDATE personalization_offercode AS code SET is_given = true
    FROM lucky WHERE code.id = lucky.code_id
), granted AS (
    INSERT INTO personalization_offergrant
        (offer_id, subject_id, message_key, code_id, code_text, granted_at)
    SELECT offer_id, subject_id, message_key, code_id, coalesce(code, ''), %(now)s FROM lucky
), counted AS (
    UPDATE personalization_offertally AS tally SET given = given + new.count
    FROM (SELECT offer_id, count(*) AS count FROM lucky GROUP BY offer_id) AS new
    WHERE tally.offer_id = new.offer_id
)
SELECT asked.message_key, asked.offer_id, coalesce(had.code, lucky.code, ''),
       CASE WHEN had.offer_id IS NOT NULL OR lucky.offer_id IS NOT NULL THEN ''
            WHEN judged.offer_id IS NULL THEN 'gone'
            WHEN judged.refusal <> '' THEN judged.refusal
            WHEN fitting.offer_id IS NULL THEN 'used_up' ELSE 'no_code' END
FROM asked LEFT JOIN had USING (message_key, offer_id)
LEFT JOIN judged USING (message_key, offer_id)
LEFT JOIN fitting USING (message_key, offer_id)
LEFT JOIN lucky USING (message_key, offer_id)
"""
_PEEK = f"""
SELECT asked.subject_id, asked.offer_id, '',
       CASE WHEN offer.id IS NULL THEN 'gone' WHEN {_REFUSAL} <> '' THEN {_REFUSAL}
            WHEN coalesce(tally.given, 0) >= offer.total THEN 'used_up'
            WHEN offer.kind = 'pool' AND NOT EXISTS (
                SELECT 1 FROM personalization_offercode code
                WHERE code.offer_id = offer.id AND NOT code.is_given) THEN 'no_code'
            ELSE '' END
FROM (SELECT *, 0 AS before FROM unnest(%(subjects)s::bigint[], %(offers)s::bigint[])
          AS wish(subject_id, offer_id)) AS asked
LEFT JOIN personalization_offer offer ON offer.id = asked.offer_id
LEFT JOIN personalization_offertally tally ON tally.offer_id = offer.id
"""
_RELEASE = """
WITH freed AS (
    DELETE FROM personalization_offergrant AS kept
    USING unnest(%(keys)s::uuid[], %(offers)s::bigint[]) AS wish(message_key, offer_id)
    WHERE kept.message_key = wish.message_key
      AND (wish.offer_id IS NULL OR kept.offer_id = wish.offer_id)
    RETURNING kept.offer_id, kept.code_id
), codes AS (
    UPDATE personalization_offercode SET is_given = false
    WHERE id IN (SELECT code_id FROM freed)
), tallies AS (
    SELECT offer_id FROM personalization_offertally
    WHERE offer_id IN (SELECT offer_id FROM freed) ORDER BY offer_id FOR UPDATE
), counts AS (
    SELECT offer_id, count(*) AS count FROM freed JOIN tallies USING (offer_id) GROUP BY offer_id
)
UPDATE personalization_offertally AS tally SET given = greatest(given - counts.count, 0)
FROM counts WHERE tally.offer_id = counts.offer_id
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """One mail's wish for one offer."""

    message_key: str
    subject_id: int
    offer_id: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Given if `refusal` is empty; then `code` is the one of a pool, if it has one."""

    code: str = ""
    refusal: str = ""


def reserve(asks: Sequence[Ask], *, now: datetime) -> list[Answer]:
    """Reserve for a chunk, in its order; a mail that has the offer from an earlier try keeps it.

    Two statements in one short transaction: the first waits for others who hold the same offers,
    the second sees what they left. A mail may ask for an offer once.
    """
    parameters: dict[str, Any] = {
        "keys": [ask.message_key for ask in asks],
        "subjects": [ask.subject_id for ask in asks],
        "offers": [ask.offer_id for ask in asks],
        "now": now,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted({ask.offer_id for ask in asks})])
        cursor.execute(_RESERVE, parameters)
        found = {
            (str(key), offer_id): Answer(code, refusal)
            for key, offer_id, code, refusal in cursor.fetchall()
        }
    return [found[ask.message_key, ask.offer_id] for ask in asks]


def peek(asks: Sequence[tuple[int, int]], *, now: datetime) -> list[Answer]:
    """Say for (person, offer) what reserving would answer now; nothing is taken."""
    parameters: dict[str, Any] = {
        "subjects": [subject_id for subject_id, _ in asks],
        "offers": [offer_id for _, offer_id in asks],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PEEK, parameters)
        found = {
            (subject, offer): Answer(code, refusal)
            for subject, offer, code, refusal in cursor.fetchall()
        }
    return [found[ask] for ask in asks]


def kept(message_keys: Collection[str]) -> set[tuple[str, int]]:
    """Return (mail, offer) of what these mails have reserved (one query)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_key, offer_id FROM personalization_offergrant"
            " WHERE message_key = ANY(%s::uuid[])",
            [list(message_keys)],
        )
        return {(str(key), offer_id) for key, offer_id in cursor.fetchall()}


def release(message_keys: Iterable[str | UUID]) -> None:
    """Give back all that mails reserved that will not be sent; their codes are free again."""
    give_back([(str(key), None) for key in message_keys])


def give_back(reserved: Sequence[tuple[str, int | None]]) -> None:
    """Give back single offers of mails; without an offer, all of a mail's."""
    if not reserved:
        return
    keys, offers = [key for key, _ in reserved], [offer for _, offer in reserved]
    parameters: dict[str, Any] = {"keys": keys, "offers": offers}
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, parameters)
