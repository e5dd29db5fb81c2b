"""What the decision-table editor asks while one edits: findings, counts, what rules can show."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from personalization.admin import previews
from personalization.models import Offer
from personalization.offers.terms import value_of
from personalization.recommendations import chains
from personalization.recommendations.options import COMMON, Option
from personalization.recommendations.strategies.registry import STRATEGIES
from personalization.rules import choices
from personalization.rules.check import Remark, check
from personalization.rules.reach import Reach
from personalization.segments.counts import Estimate


def checked(request: HttpRequest) -> JsonResponse:
    """Look at the table in the body as the editor has it now; nothing is stored."""
    if not request.user.has_perm("personalization.view_ruleset"):
        raise PermissionDenied
    content = previews.read(request).get("content")
    found = check(content if isinstance(content, dict) else {}, now=timezone.now())
    return JsonResponse(
        {
            "problems": previews.problems(found.problems),
            "remarks": [_remark(remark) for remark in found.remarks],
            "reach": _reach(found.reach) if found.reach else None,
        }
    )


def outcome_config() -> dict[str, Any]:
    """Return what an outcome is chosen from: blocks, offers, strategies with their parameters."""
    return {
        "strategies": chains.labels(),
        "options": {
            "common": [_option(option) for option in COMMON],
            "own": {
                name: [_option(option) for option in strategy.options]
                for name, strategy in STRATEGIES.items()
                if strategy.options
            },
        },
        "offers": [
            {"slug": offer.slug, "name": " · ".join(filter(None, (offer.name, value_of(offer))))}
            for offer in Offer.objects.filter(is_active=True)
        ],
        "blocks": [
            {
                "slug": block.slug,
                "name": block.name,
                "variants": [{"key": key, "name": name} for key, name in block.variants],
                "fallback": block.fallback,
            }
            for block in choices.live_blocks()
        ],
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "label": option.label,
        "kind": option.kind,
        "least": option.least,
        "most": option.most,
        "choices": list(option.choices),
        "help": option.help,
    }


def _remark(remark: Remark) -> dict[str, Any]:
    return {
        "kind": remark.kind,
        "keys": list(remark.keys),
        "text": remark.text,
        "mend": remark.mend,
        "example": list(remark.example),
        "isFault": remark.is_fault,
    }


def _reach(reach: Reach) -> dict[str, Any]:
    return {
        "rules": {key: _estimate(each) for key, each in reach.rules.items()},
        "fallback": _estimate(reach.fallback),
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "total": found.total,
        "isExact": found.is_exact,
    }
