"""Say an outcome in words: block and variant, offer, products and their limits."""

from collections.abc import Iterable, Mapping


def outcome_in_words(outcome: Mapping[str, object], *, with_value: bool = True) -> str:
    parts = [f"{outcome.get('block')}, variant {outcome.get('variant')}"]
    if strategy := outcome.get("strategy"):
        parts.append(f"products: {str(strategy).replace('_', ' ')}{_limits(outcome)}")
    if offer := outcome.get("offer"):
        parts.append(f"offer: {offer}")
    if with_value and (value := outcome.get("value")) is not None:
        parts.append(f"value: {value}")
    return ", ".join(parts)


def all_in_words(outcomes: Iterable[Mapping[str, object]]) -> str:
    """What one person sees in all; values are for comparing only and left out."""
    return " + ".join(outcome_in_words(outcome, with_value=False) for outcome in outcomes)


def _limits(outcome: Mapping[str, object]) -> str:
    given = outcome.get("parameters")
    if not isinstance(given, Mapping) or not given:
        return ""
    told = [f"{str(name).replace('_', ' ')} {_text(each)}" for name, each in given.items()]
    return f" ({'; '.join(told)})"


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
