"""Show before a launch how many a campaign would reach, and how many it would skip and why."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from campaigns.audience import select
from campaigns.models import Campaign


@dataclass(frozen=True, slots=True)
class Estimate:
    reached: int
    skipped: dict[str, int]

    @property
    def members(self) -> int:
        return self.reached + self.skipped_count

    @property
    def skipped_count(self) -> int:
        return sum(self.skipped.values())


def reach(campaign: Campaign, *, at: datetime) -> Estimate:
    """Count the audience by reason (one query); nothing is stored."""
    people = select.members(campaign).annotate(reason=select.reason(campaign, at=at))
    counts = dict(people.values_list("reason").annotate(n=Count("pk", distinct=True)).order_by())
    return Estimate(reached=counts.pop("", 0), skipped=dict(sorted(counts.items())))
