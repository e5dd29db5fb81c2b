"""Where a segment is used: in other segments, in live rulesets and their slots, in campaigns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from personalization.conditions.tree import TreeError, needs, parse
from personalization.models import RuleSet, Segment, SendTimeSlot

_WORDS = {
    "campaigns_campaign": "campaign",
    "personalization_ruleset": "ruleset",
    "personalization_segment": "segment",
    "personalization_sendtimeslot": "slot",
}
# As campaigns say it; they import us, not we them.
_SENT = "sent"


@dataclass(frozen=True, slots=True)
class Use:
    """`kind` is the model's name in addresses of the admin.

    What `is_over` names the segment, but decides by it no more: a sent campaign, a segment that
    is archived itself.
    """

    kind: str
    id: int
    name: str
    is_over: bool = False

    @property
    def word(self) -> str:
        return _WORDS[self.kind]

    def __str__(self) -> str:
        return f"the {self.word} “{self.name}”"


def uses(segment: Segment) -> list[Use]:
    """Return all that would change with this segment (four queries)."""
    campaigns = segment.campaigns.order_by("-created_at").values_list("pk", "name", "status")
    rulesets = list(_rulesets(segment.slug))
    return [
        *(Use("campaigns_campaign", pk, name, status == _SENT) for pk, name, status in campaigns),
        *rulesets,
        *_slots(rulesets),
        *_segments(segment),
    ]


def _rulesets(slug: str) -> Iterator[Use]:
    for ruleset in RuleSet.objects.exclude(live=None).select_related("live"):
        rules = ruleset.live.content.get("rules", []) if ruleset.live else []
        if any(_speaks_of(rule.get("condition"), slug=slug) for rule in rules):
            yield Use("personalization_ruleset", ruleset.pk, ruleset.name)


def _slots(rulesets: Sequence[Use]) -> Iterator[Use]:
    slots = SendTimeSlot.objects.filter(ruleset__in=[use.id for use in rulesets])
    for pk, name in slots.order_by("name").values_list("pk", "name"):
        yield Use("personalization_sendtimeslot", pk, name)


def _segments(segment: Segment) -> Iterator[Use]:
    for other in Segment.objects.exclude(pk=segment.pk).exclude(live=None).select_related("live"):
        if other.live and _speaks_of(other.live.content.get("tree"), slug=segment.slug):
            yield Use("personalization_segment", other.pk, other.name, other.is_archived)


def _speaks_of(tree: object, *, slug: str) -> bool:
    try:
        return slug in needs(parse(tree)).segments
    except TreeError:
        return False
