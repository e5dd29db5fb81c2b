"""What a ruleset is: rules in order, a hit policy and a fallback that is never missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from personalization.conditions.nodes import Node

HitPolicy = Literal["first", "collect", "highest_value"]
Outcome = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table; 1 is asked before 2. Active from (included) until (excluded)."""

    key: str
    name: str
    priority: int
    condition: Node
    outcome: Outcome
    active_from: datetime | None = None
    active_until: datetime | None = None
    is_enabled: bool = True

    def is_active(self, at: datetime) -> bool:
        has_begun = self.active_from is None or self.active_from <= at
        return has_begun and (self.active_until is None or at < self.active_until)


@dataclass(frozen=True, slots=True)
class RuleSetDefinition:
    """All rules as they were written, and the outcome when none holds."""

    hit_policy: HitPolicy
    rules: tuple[Rule, ...]
    fallback: Outcome
    # The share of people to whom something else that fits them is shown, from 0 to 0.5.
    exploration: float = 0.0
