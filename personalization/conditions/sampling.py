"""Random numbers of a person that never change: the same in Python and in SQL.

A condition reads them as the fields `sample.a` to `sample.e`: five independent draws from 0 to
99.99, so “sample.a below 10” is a stable tenth of everybody.
"""

import hashlib
from collections.abc import Mapping

from personalization.conditions.fields import FieldSpec

PREFIX = "sample."
_LETTERS = "abcde"
# Hundredths of a percent.
_STEPS = 10_000
_DRAWN = """(SELECT to_jsonb(({number}) / 100.0)
 FROM consent_datasubject d WHERE d.id = p.subject_id)"""

FIELDS: Mapping[str, FieldSpec] = {
    spec.path: spec
    for spec in (
        FieldSpec(f"{PREFIX}{letter}", "number", f"Random number {letter.upper()} (0 to 99.99)")
        for letter in _LETTERS
    )
}


def is_draw(path: str) -> bool:
    return path.startswith(PREFIX)


def draw(pseudonym: str, *, path: str) -> float:
    """Return the number of a person (their pseudonym as it is written) under this field."""
    digest = hashlib.sha256(f"{path}:{pseudonym}".encode()).hexdigest()
    return int(digest[:8], 16) % _STEPS / 100


def draw_sql(path: str) -> str:
    """Return the same as JSON in SQL, for the person `p`; `path` has to be one of FIELDS."""
    if path not in FIELDS:
        raise ValueError(f"there is no random number “{path}”")
    hashed = f"encode(sha256(convert_to('{path}:' || d.pseudonym::text, 'UTF8')), 'hex')"
    number = f"('x' || substr({hashed}, 1, 8))::bit(32)::bigint %% {_STEPS}"
    return _DRAWN.replace("{number}", number)
