"""Whom a compiled condition looks at, where that is not everybody."""

from dataclasses import dataclass

from personalization.conditions.sql_comparing import SqlCondition, joined, parameter

HASH = "hashint8extended({column}, 0)"
_FIRST = -(2**63)
# One person in so many has a hash below the bound; events of those below one have an index of
# their own (migration 0027), so that a sample reads what its people did from one place.
BOUNDS = {16: _FIRST + 2**60, 64: _FIRST + 2**58, 256: _FIRST + 2**56}


@dataclass(frozen=True, slots=True)
class Among:
    """Some people. `below` is given where they are all whose id has a hash below this bound."""

    ids: list[int]
    below: int | None = None

    def people(self, column: str) -> SqlCondition:
        return joined(f"{column} = ANY(", parameter(self.ids), ")")

    def events(self, column: str) -> SqlCondition:
        if self.below is None:
            return self.people(column)
        hashed = HASH.format(column=column)
        # With two ends the planner takes it for a narrow range, which it is.
        return SqlCondition(
            f"{hashed} >= '{_FIRST}'::bigint AND {hashed} < '{self.below:d}'::bigint"
        )
