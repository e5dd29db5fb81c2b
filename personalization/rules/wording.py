"""Say an outcome in words: block and variant, offer, products and their limits."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Names = Mapping[str, str]
HIT_POLICIES = {
    "first": "The first rule that fits decides",
    "highest_value": "Of all that fit, the one of most value",
    "collect": "All that fit, in this order",
}


@dataclass(frozen=True, slots=True)
class Called:
    """What a marketer calls the things that outcomes name by short names; what is not there is
    called by those. `variants` are by block and key."""

    blocks: Names = field(default_factory=dict)
    variants: Mapping[tuple[str, str], str] = field(default_factory=dict)
    strategies: Names = field(default_factory=dict)
    offers: Names = field(default_factory=dict)


PLAINLY = Called()


def told_apart(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return names by short names; of two that are called alike each says which it is."""
    listed = list(names)
    often = Counter(name for _, name in listed)
    return {key: name if often[name] == 1 else f"{name} ({key})" for key, name in listed}


def outcome_in_words(
    outcome: Mapping[str, object], *, called: Called = PLAINLY, with_value: bool = True
) -> str:
    parts = [_shown(str(outcome.get("block")), str(outcome.get("variant")), called=called)]
    if strategy := outcome.get("strategy"):
        name = called.strategies.get(str(strategy), str(strategy).replace("_", " "))
        parts.append(f"products: {name}{_limits(outcome)}")
    if offer := outcome.get("offer"):
        parts.append(f"offer: {called.offers.get(str(offer), offer)}")
    if with_value and (value := outcome.get("value")) is not None:
        parts.append(f"value: {value}")
    return ", ".join(parts)


def all_in_words(outcomes: Iterable[Mapping[str, object]], *, called: Called = PLAINLY) -> str:
    """What one person sees in all; values are for comparing only and left out."""
    return " + ".join(
        outcome_in_words(outcome, called=called, with_value=False) for outcome in outcomes
    )


def _shown(block: str, variant: str, *, called: Called) -> str:
    name = called.variants.get((block, variant))
    return f"{called.blocks.get(block, block)}, " + (f"“{name}”" if name else f"variant {variant}")


def _limits(outcome: Mapping[str, object]) -> str:
    given = outcome.get("parameters")
    if not isinstance(given, Mapping) or not given:
        return ""
    told = [f"{str(name).replace('_', ' ')} {_text(each)}" for name, each in given.items()]
    return f" ({'; '.join(told)})"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
