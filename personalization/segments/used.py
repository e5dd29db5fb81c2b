"""Where a segment is used: in other segments, in live rulesets, in campaigns."""

from collections.abc import Iterator
from dataclasses import dataclass

from personalization.conditions.tree import TreeError, needs, parse
from personalization.models import RuleSet, Segment


@dataclass(frozen=True, slots=True)
class Use:
    """`kind` is the model's name in addresses of the admin."""

    kind: str
    id: int
    name: str


def uses(segment: Segment) -> list[Use]:
    """Return all that would change with this segment (three queries)."""
    campaigns = segment.campaigns.order_by("-created_at").values_list("pk", "name")
    return [
        *(Use("campaigns_campaign", pk, name) for pk, name in campaigns),
        *_rulesets(segment.slug),
        *_segments(segment),
    ]


def _rulesets(slug: str) -> Iterator[Use]:
    for ruleset in RuleSet.objects.exclude(live=None).select_related("live"):
        rules = ruleset.live.content.get("rules", []) if ruleset.live else []
        if any(_speaks_of(rule.get("condition"), slug=slug) for rule in rules):
            yield Use("personalization_ruleset", ruleset.pk, ruleset.name)


def _segments(segment: Segment) -> Iterator[Use]:
    for other in Segment.objects.exclude(pk=segment.pk).exclude(live=None).select_related("live"):
        if other.live and _speaks_of(other.live.content.get("tree"), slug=segment.slug):
            yield Use("personalization_segment", other.pk, other.name)


def _speaks_of(tree: object, *, slug: str) -> bool:
    try:
        return slug in needs(parse(tree)).segments
    except TreeError:
        return False
