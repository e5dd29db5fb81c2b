"""Made-up people for the households: names by Faker, places, and what they agreed to."""

import unicodedata
from functools import cache
from typing import Any

import numpy as np
from faker import Faker

from campaigns.demo import source
from campaigns.demo.rows import SEED, Row, external_id, iso
from campaigns.demo.source import IntArray, Lines

# Country, share, language, Faker's locale, cities.
PLACES: tuple[tuple[str, float, str, str, tuple[str, ...]], ...] = (
    ("US", 0.55, "en", "en_US", ("Chicago", "Denver", "Boston", "Portland", "Austin", "Atlanta")),
    ("GB", 0.12, "en", "en_GB", ("London", "Leeds", "Bristol", "Glasgow")),
    ("DE", 0.15, "de", "de_DE", ("Berlin", "Hamburg", "München", "Köln")),
    ("FR", 0.10, "fr", "fr_FR", ("Paris", "Lyon", "Nantes", "Lille")),
    ("ES", 0.08, "es", "es_ES", ("Madrid", "Sevilla", "Valencia", "Bilbao")),
)
# Shares that said no, and that were never asked.
REFUSED = {"email_marketing": 0.08, "email_tracking": 0.25, "profiling": 0.12}
NEVER_ASKED = {"email_marketing": 0.02, "email_tracking": 0.03, "profiling": 0.03}
SOURCE = "demo sign-up form"
DEMOGRAPHICS = {
    "age": "age_band",
    "income": "income_band",
    "home_ownership": "home_ownership",
    "marital_status": "marital_status",
    "household_size": "household_size",
    "household_comp": "household_type",
    "kids_count": "kids_count",
}
_UNACCENTED = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe"})


def customers(households: IntArray, *, lines: Lines) -> list[Row]:
    """One row a household, the same whichever others are chosen."""
    known = {row["household_id"]: row for row in source.rows("demographics")}
    found, first = np.unique(lines.household, return_index=True)
    # Signed up some hours to 30 days before the first purchase.
    hours = [int(_random(household).integers(2, 720)) for household in found.tolist()]
    signed_up = lines.at[first] - np.array(hours, dtype="timedelta64[h]")
    signed_up_at = dict(zip(found.tolist(), iso(signed_up), strict=True))
    return [
        {
            **_person(household),
            **_attributes(known.get(household, {})),
            **_consents(household, at=signed_up_at[household]),
        }
        for household in households.tolist()
    ]


def _person(household: int) -> Row:
    random = _random(household, 1)
    chosen = int(random.choice(len(PLACES), p=[place[1] for place in PLACES]))
    country, _, language, locale, cities = PLACES[chosen]
    faker = _faker(locale)
    faker.seed_instance(SEED + household)
    first_name, last_name = faker.first_name(), faker.last_name()
    return {
        "external_id": external_id(household),
        "email": f"{_plain(first_name)}.{_plain(last_name)}.{household}@example.com",
        "first_name": first_name,
        "last_name": last_name,
        "country": country,
        "city": cities[int(random.integers(len(cities)))],
        "language": language,
    }


def _attributes(known: dict[str, Any]) -> Row:
    return {name: known[column] for column, name in DEMOGRAPHICS.items() if known.get(column)}


def _consents(household: int, *, at: str) -> Row:
    """Each purpose is decided on its own number, so the shares are independent."""
    points = _random(household, 2).random(len(REFUSED)).tolist()
    said = {
        f"consent_{purpose}": _answer(point, purpose=purpose)
        for purpose, point in zip(REFUSED, points, strict=True)
    }
    return {**said, "consent_source": SOURCE, "consent_at": at}


def _answer(point: float, *, purpose: str) -> str:
    if point < REFUSED[purpose]:
        return "refused"
    if point < REFUSED[purpose] + NEVER_ASKED[purpose]:
        return ""
    return "granted"


def _random(household: int, stream: int = 0) -> np.random.Generator:
    return np.random.default_rng([SEED, household, stream])


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def _plain(name: str) -> str:
    """Letters a mailbox name may hold: 'Jürgen' becomes 'jurgen'."""
    text = unicodedata.normalize("NFKD", name.lower().translate(_UNACCENTED))
    return "".join(letter for letter in text if "a" <= letter <= "z")
