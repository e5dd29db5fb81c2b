"""Chains: strategies in an order of one's own, with limits that hold in all of them."""

from typing import Any

from django.contrib.admin import display, register
from django.http import HttpRequest

from consent.admin.look import quiet
from personalization.admin import rule_doors
from personalization.admin.editor import JsonEditorForm
from personalization.admin.versioned import VersionedAdmin
from personalization.models import RecommendationChain
from personalization.recommendations import chains
from personalization.recommendations.strategies.registry import DEFAULT, FALLBACKS, STRATEGIES
from personalization.versions import Content


class RecommendationChainForm(JsonEditorForm[RecommendationChain]):
    publisher = chains.publisher
    blank = {"steps": [{"strategy": DEFAULT}], "parameters": {}}
    kind = "chain"

    class Meta:
        model = RecommendationChain
        fields = ("name", "slug", "description")


@register(RecommendationChain)
class RecommendationChainAdmin(VersionedAdmin[RecommendationChain]):
    form = RecommendationChainForm
    publisher = chains.publisher
    editor_template = "attune/versioned/chain.html"
    list_display = ("named", "state", "steps")
    empty_state = {
        "icon": "low_priority",
        "title": "No chains yet",
        "text": "A chain asks several strategies in order: what the first cannot fill, the next "
        "does. Limits on price, margin, categories and brands hold in every step.",
        "steps": (
            "Add a chain and name it by its use: “Cart reminder”.",
            "Choose the strategies, the best one first, and the limits of the list.",
            "Put it live; rules can name it from then on.",
        ),
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        # Said in the list from the live content, which is small.
        return super().get_queryset(request).defer(None)

    def tell(self, content: Content) -> Content:
        return {
            "strategies": [_step(step) for step in content.get("steps", [])],
            "limits": content.get("parameters", {}),
        }

    @display(description="Strategies")
    def steps(self, chain: RecommendationChain) -> Any:
        return " → ".join(map(_step, chain.live.content["steps"])) if chain.live else quiet("–")

    def editor_config(self, request: HttpRequest) -> dict[str, Any]:
        options = rule_doors.outcome_config()["options"]
        return {
            "strategies": {name: each.label for name, each in STRATEGIES.items()},
            "fallbacks": [STRATEGIES[name].label.lower() for name in FALLBACKS],
            "options": options,
        }


def _step(step: dict[str, Any]) -> str:
    strategy = STRATEGIES.get(step["strategy"])
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _own(step))
    label = strategy.label if strategy else step["strategy"]
    return f"{label} ({told})" if told else label


def _own(step: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(step.get("parameters", {}).items())
