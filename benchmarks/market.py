"""A shop of a million customers and ten million events, made in the database by SQL alone.

The same for the same number of people: whatever is drawn comes from the hash of a number. Traits
are drawn as well, not derived from the events, and everybody's consent rests on one statement.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from benchmarks.bare_tables import bare
from personalization.ingest import partitions
from personalization.models import Field, Source

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAYS = 730
SESSIONS_A_PERSON = 4.32
CHUNK = 200_000
THREADS = 2
CATEGORIES = (
    "Boots", "Sandals", "Sneakers", "Shirts", "Trousers", "Coats", "Hats", "Scarves", "Bags",
    "Tents", "Stoves", "Maps", "Lamps", "Knives", "Ropes", "Bottles",
)  # fmt: skip
PRODUCTS = 720
FIELDS = (
    ("attributes", "birthday", "Birthday", "date", "email_marketing"),
    ("attributes", "loyalty", "Loyalty level", "text", "email_marketing"),
    ("attributes", "interests", "Interests", "list", "email_marketing"),
)

# One number in [0, 1) for each pair of numbers: as good as drawn, yet no matter in which order.
_CHANCE = """
CREATE OR REPLACE FUNCTION chance(n bigint, salt integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (hashint8extended(n, salt) & 4503599627370495)::double precision / 4503599627370496 $$
"""
_PRODUCTS = """
INSERT INTO personalization_product
    (product_id, name, category, department, brand, price, currency, url, image_url, in_stock,
     is_active, is_stub, is_sensitive, attributes, updated_at)
SELECT 'M' || n, 'Product ' || n, (%(categories)s::text[])[1 + n / %(shelf)s], '',
       'Maker ' || n %% 37, 5 + n * 37 %% 190, 'EUR', '', '', true, true, false, false, '{}',
       %(now)s
FROM generate_series(0, %(products)s - 1) AS n
"""
# One in two hundred was merged into another, and three in a thousand were erased.
_SUBJECTS = """
INSERT INTO consent_datasubject (id, pseudonym, created_at, merged_into_id, erased_at)
OVERRIDING SYSTEM VALUE
SELECT n, md5('market-' || n)::uuid, %(now)s - interval '800 days',
       CASE WHEN n %% 200 = 199 THEN n - 1 END, CASE WHEN n %% 1000 < 3 THEN %(now)s END
FROM generate_series(1, %(people)s) AS n
"""
_STATEMENT = """
INSERT INTO consent_consentrecord (subject_id, purpose_id, action, source, notice_version,
    language, evidence, occurred_at, is_own_choice, recorded_at)
VALUES (1, 'profiling', 'granted', 'market', '', '', '{}', %(now)s - interval '800 days', true,
    %(now)s)
"""
# Most grant a purpose; one in fifty did so until last month.
_CONSENTS = """
INSERT INTO consent_consentstate (subject_id, purpose_id, is_granted, is_objection, since,
    expires_at, record_id)
SELECT n, code, chance(n, salt) < share, false, %(now)s - interval '800 days',
       CASE WHEN chance(n, salt + 1) < 0.02 THEN %(now)s - interval '30 days' END,
       (SELECT max(id) FROM consent_consentrecord)
FROM generate_series(1, %(people)s) AS n,
     (VALUES ('profiling', 11, 0.88), ('email_tracking', 13, 0.75), ('email_marketing', 15, 0.95))
         AS purpose (code, salt, share)
"""
_PROFILES = """
INSERT INTO personalization_customerprofile (subject_id, personal, attributes, traits, traits_at,
    origins, first_seen_at, last_seen_at)
SELECT n, decode(repeat(md5(n::text), 4), 'hex'),
       jsonb_strip_nulls(jsonb_build_object(
           'country', (%(countries)s::text[])[1 + floor(8 * chance(n, 21) ^ 1.6)::integer],
           'city', CASE WHEN chance(n, 22) < 0.8 THEN 'City ' || floor(200 * chance(n, 23)) END,
           'language', (%(languages)s::text[])[1 + floor(8 * chance(n, 21) ^ 1.6)::integer],
           'birthday', CASE WHEN chance(n, 24) < 0.4
               THEN to_char(date '1940-01-01' + floor(24000 * chance(n, 25))::integer,
                            'YYYY-MM-DD') END,
           'loyalty', CASE WHEN chance(n, 26) < 0.3
               THEN (ARRAY['gold', 'silver', 'bronze'])[1 + floor(3 * chance(n, 27))::integer] END,
           'interests', CASE WHEN chance(n, 28) < 0.3 THEN jsonb_build_array(
               (%(categories)s::text[])[1 + floor(16 * chance(n, 29))::integer],
               (%(categories)s::text[])[1 + floor(16 * chance(n, 30))::integer]) END)),
       CASE WHEN chance(n, 31) < 0.7 THEN jsonb_build_object(
           'order_count', floor(12 * chance(n, 32) ^ 3),
           'total_spent', round((900 * chance(n, 33) ^ 3)::numeric, 2),
           'recency_days', floor(365 * chance(n, 34)),
           'engagement', floor(100 * chance(n, 35)),
           'churn_probability', round(chance(n, 36)::numeric, 3),
           'favourite_category', (%(categories)s::text[])[1 + floor(16 * chance(n, 37))::integer],
           'rfm', 1 + floor(5 * chance(n, 38)) || '-' || 1 + floor(5 * chance(n, 39)) || '-3',
           'next_order_date', to_char(%(now)s::date + floor(200 * chance(n, 40))::integer - 40,
                                      'YYYY-MM-DD')) ELSE '{}' END,
       %(now)s, %(origins)s::jsonb, %(now)s - interval '800 days',
       %(now)s - make_interval(secs => 86400 * 365 * chance(n, 41))
FROM generate_series(1, %(people)s) AS n
"""
# A session belongs to one person and has a few steps; the older it is, the rarer they are.
_STEPS = """
FROM (
    SELECT s, 1 + floor(%(people)s * chance(s, 51) ^ 1.7)::bigint AS person,
           %(now)s - interval '2 hours' - make_interval(
               secs => 86400 * %(days)s * (s / %(sessions)s::double precision) ^ 1.5) AS at,
           CASE WHEN chance(s, 52) < 0.40 THEN 'look' WHEN chance(s, 52) < 0.50 THEN 'leave'
                WHEN chance(s, 52) < 0.58 THEN 'buy' ELSE 'mail' END AS kind,
           floor(16 * chance(s, 53))::integer AS shelf,
           chance(s, 54) < 0.30 AS is_opened, chance(s, 55) < 0.27 AS is_clicked,
           chance(s, 56) < 0.25 AS by_machine
    FROM generate_series(%(first)s, %(last)s) AS s
    OFFSET 0 -- draws once for all steps
) AS session
JOIN (VALUES
    ('look', 0, 'Product Viewed', 0), ('look', 1, 'Product Viewed', 120),
    ('look', 2, 'Product Viewed', 240), ('leave', 0, 'Product Viewed', 0),
    ('leave', 1, 'Product Viewed', 60), ('leave', 2, 'Product Added', 180),
    ('buy', 0, 'Product Viewed', 0), ('buy', 1, 'Product Added', 90),
    ('buy', 2, 'Order Completed', 600), ('mail', 0, 'Email Sent', 0),
    ('mail', 1, 'Email Opened', 3000), ('mail', 2, 'Email Link Clicked', 3060)
) AS step (kind, step, name, seconds) ON step.kind = session.kind
    AND (step.name <> 'Email Opened' OR is_opened)
    AND (step.name <> 'Email Link Clicked' OR (is_opened AND is_clicked))
CROSS JOIN LATERAL (
    SELECT 4 * (%(sessions)s - s) + step AS id, at + make_interval(secs => seconds) AS occurred_at,
           shelf * %(shelf)s + floor(%(shelf)s * chance(s, 57 + step) ^ 2)::integer AS product
) AS what
"""
_EVENTS = f"""
INSERT INTO personalization_event (id, source_id, name, profile_id, origin_profile_id, occurred_at,
    received_at, amount, currency, properties, is_machine)
SELECT id, %(source)s, name, person, person, occurred_at, occurred_at,
       CASE WHEN name = 'Order Completed' THEN round((5 + 295 * chance(s, 61) ^ 2)::numeric, 2) END,
       CASE WHEN name = 'Order Completed' THEN 'EUR' END,
       CASE WHEN session.kind = 'mail' THEN jsonb_build_object('campaign', 'c-' || s %% 40)
            WHEN name = 'Order Completed' THEN jsonb_build_object('order_id', 'm-' || s,
                'payment', CASE WHEN chance(s, 62) < 0.6 THEN 'card' ELSE 'invoice' END,
                'total', round((5 + 295 * chance(s, 61) ^ 2)::numeric, 2))
            ELSE jsonb_build_object('product_id', 'M' || product,
                'category', (%(categories)s::text[])[1 + shelf], 'price', 5 + product * 37 %% 190)
            END,
       name IN ('Email Opened', 'Email Link Clicked') AND by_machine
{_STEPS}
"""
# An order has one to three lines; it names neighbours of its first product.
_LINES = f"""
INSERT INTO personalization_eventitem (event_id, line, occurred_at, profile_id, name, product_id,
    quantity, price)
SELECT id, line, occurred_at, person, name,
       %(product)s + (product + line * 7) %% %(products)s, 1,
       5 + (product + line * 7) %% %(products)s * 37 %% 190
{_STEPS}
CROSS JOIN LATERAL generate_series(0, CASE WHEN name = 'Order Completed'
    THEN floor(3 * chance(s, 63))::integer ELSE 0 END) AS line
WHERE session.kind <> 'mail'
"""
_DAYS = """
INSERT INTO personalization_event_daily (profile_id, name, day, count, total)
SELECT profile_id, name, (occurred_at AT TIME ZONE 'UTC')::date, count(*), coalesce(sum(amount), 0)
FROM personalization_event GROUP BY 1, 2, 3
"""
_COUNTRIES = ["DE", "FR", "AT", "IT", "NL", "ES", "PL", "CH"]
_ORIGINS = (
    '{"attributes.city": {"at": "2025-02-03T10:00:00+00:00", "source": "market"},'
    ' "attributes.country": {"at": "2025-02-03T10:00:00+00:00", "source": "market"},'
    ' "attributes.language": {"at": "2025-02-03T10:00:00+00:00", "source": "market"}}'
)
_TABLES = (
    "consent_datasubject", "consent_consentstate", "personalization_customerprofile",
    "personalization_event", "personalization_eventitem", "personalization_event_daily",
)  # fmt: skip


def settle(people: int) -> int:
    """Make the shop in an empty database; return how many events there are."""
    partitions.ensure(NOW - timedelta(days=DAYS + 1), NOW)
    for kind, name, label, type_, purpose in FIELDS:
        Field.objects.create(kind=kind, name=name, label=label, type=type_, purpose_id=purpose)
    source, _ = Source.objects.get_or_create(slug="market", defaults={"name": "Market"})
    given = {
        "people": people, "source": source.pk, "now": NOW, "days": DAYS, "products": PRODUCTS,
        "shelf": PRODUCTS // len(CATEGORIES), "sessions": round(people * SESSIONS_A_PERSON),
        "categories": list(CATEGORIES), "countries": _COUNTRIES, "origins": _ORIGINS,
        "languages": [country.lower() for country in _COUNTRIES],
    }  # fmt: skip
    _run(_CHANCE, {})
    _run(_PRODUCTS, given)
    with bare(_TABLES):
        for statement in (_SUBJECTS, _STATEMENT, _CONSENTS, _PROFILES):
            _run(statement, given)
        _happen({**given, "product": _first_product()})
        _run(_DAYS, given)
    _run("VACUUM (FREEZE, ANALYZE)", None)
    return _count("personalization_event")


def _happen(given: dict[str, Any]) -> None:
    """Make events and their lines, oldest first, on as many connections as there are cores."""
    sessions = int(str(given["sessions"]))
    starts = range(0, sessions, CHUNK)
    chunks = [{"first": each, "last": min(each + CHUNK, sessions) - 1} for each in starts]

    def work(chunk: dict[str, int]) -> None:
        _run(_EVENTS, {**given, **chunk})
        _run(_LINES, {**given, **chunk})

    _in_threads(work, reversed(chunks))


def _in_threads(work: Callable[[dict[str, int]], None], chunks: Iterable[dict[str, int]]) -> None:
    def in_own_session(chunk: dict[str, int]) -> None:
        with closing(connection):
            work(chunk)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(in_own_session, chunks))


def _first_product() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM personalization_product")
        first: int = cursor.fetchone()[0]
    return first


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def _run(statement: str, given: dict[str, Any] | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(statement, given)
