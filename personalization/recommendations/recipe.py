"""How one list is made: strategies in order of fallback, and constraints that hold in all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from personalization.recommendations.constraints import Constraints
from personalization.recommendations.options import COMMON, Fault, faults
from personalization.recommendations.strategies.base import Strategy
from personalization.recommendations.strategies.registry import DEFAULT, FALLBACKS, STRATEGIES

EXCLUDE_BOUGHT_DAYS = 14
PER_CATEGORY = 2
MOST_STEPS = 10


@dataclass(frozen=True, slots=True)
class Step:
    strategy: Strategy
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A parsed strategy or chain. `version` is that of the chain, None for a plain strategy."""

    name: str
    steps: tuple[Step, ...]
    constraints: Constraints = field(default_factory=Constraints)
    per_category: int | None = PER_CATEGORY
    per_brand: int | None = None
    exclude_bought_days: float = EXCLUDE_BOUGHT_DAYS
    limit: int | None = None
    version: int | None = None

    @property
    def looks_at_cart(self) -> bool:
        return any(step.strategy.history == "cart" for step in self.steps)


@dataclass(frozen=True, slots=True)
class Chain:
    """Strategies in an order of one's own: `{"steps": [{strategy, parameters}], "parameters"}`."""

    slug: str
    version: int
    content: Mapping[str, Any]


def recipe(
    strategy: str = "",
    parameters: Mapping[str, object] | None = None,
    *,
    chains: Mapping[str, Chain] | None = None,
) -> Recipe:
    """Read a name and parameters that were checked; an unknown name becomes the default's."""
    given = dict(parameters or {})
    chain = (chains or {}).get(strategy)
    if chain:
        steps = [
            Step(STRATEGIES[each["strategy"]], dict(each.get("parameters", {})))
            for each in chain.content["steps"]
        ]
        given = {**chain.content.get("parameters", {}), **given}
    else:
        first = STRATEGIES.get(strategy) or STRATEGIES[DEFAULT]
        own = {option.name for option in first.options}
        steps = [Step(first, {name: given[name] for name in given if name in own})]
    return Recipe(
        name=strategy if chain or strategy in STRATEGIES else DEFAULT,
        steps=(*steps, *_fallbacks(steps)),
        constraints=_constraints(given),
        per_category=_whole(given, "per_category", PER_CATEGORY),
        per_brand=_whole(given, "per_brand", None),
        # Even what was bought this very moment may be asked for.
        exclude_bought_days=_whole(given, "exclude_bought_days", EXCLUDE_BOUGHT_DAYS) or -1,
        limit=_whole(given, "limit", None),
        version=chain.version if chain else None,
    )


def parameter_faults(
    strategy: str, parameters: object, *, chains: Mapping[str, Chain]
) -> Iterator[Fault]:
    """What is wrong with a rule's choice of strategy and parameters."""
    if strategy and strategy not in STRATEGIES and strategy not in chains:
        known = ", ".join((*STRATEGIES, *sorted(chains)))
        yield Fault("strategy", f"there is no strategy “{strategy}”; use one of: {known}")
        return
    plain = STRATEGIES.get(strategy or DEFAULT)
    own = plain.options if plain and strategy not in chains else ()
    for fault in faults(parameters, known=(*COMMON, *own)):
        yield Fault(f"parameters.{fault.path}".rstrip("."), fault.message)


def chain_faults(content: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the content of a chain."""
    for key in content:
        if key not in ("steps", "parameters"):
            yield Fault(str(key), "a chain has “steps” and “parameters” only")
    steps = content.get("steps")
    if not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
        yield Fault("steps", f"name 1 to {MOST_STEPS} strategies, the first choice first")
    else:
        for index, step in enumerate(steps):
            for fault in _step_faults(step):
                yield Fault(f"steps[{index}].{fault.path}".rstrip("."), fault.message)
        yield from _repeats(steps)
    for fault in faults(content.get("parameters", {}), known=COMMON):
        yield Fault(f"parameters.{fault.path}".rstrip("."), fault.message)


def _step_faults(step: object) -> Iterator[Fault]:
    if not isinstance(step, dict) or not {"strategy"} <= set(step) <= {"strategy", "parameters"}:
        yield Fault("", "a step is an object with “strategy”, and “parameters” if it has any")
    elif not isinstance(step["strategy"], str) or step["strategy"] not in STRATEGIES:
        yield Fault("strategy", f"choose one of: {', '.join(STRATEGIES)}")
    else:
        options = STRATEGIES[step["strategy"]].options
        for fault in faults(step.get("parameters", {}), known=options):
            yield Fault(f"parameters.{fault.path}".rstrip("."), fault.message)


def _repeats(steps: Sequence[object]) -> Iterator[Fault]:
    seen: list[object] = []
    for index, step in enumerate(steps):
        if step in seen:
            yield Fault(f"steps[{index}]", "this step is in the chain already; leave one out")
        seen.append(step)


def _fallbacks(steps: Sequence[Step]) -> Iterator[Step]:
    """The common end of every list, but for what is in it already."""
    named = {step.strategy.name for step in steps if not step.options}
    if steps and steps[0].strategy.name == "popular":
        named |= {"popular_in_category", "popular_here"}
    yield from (Step(STRATEGIES[name]) for name in FALLBACKS if name not in named)


def _constraints(given: Mapping[str, object]) -> Constraints:
    return Constraints(
        price_from=_number(given, "price_from"),
        price_to=_number(given, "price_to"),
        margin_from=_number(given, "margin_from"),
        categories=_names(given, "categories"),
        excluded_categories=_names(given, "exclude_categories"),
        brands=_names(given, "brands"),
        excluded_brands=_names(given, "exclude_brands"),
    )


def _whole(given: Mapping[str, object], name: str, default: int | None) -> int | None:
    value = given.get(name)
    return value if isinstance(value, int) else default


def _number(given: Mapping[str, object], name: str) -> float | None:
    value = given.get(name)
    return float(value) if isinstance(value, int | float) else None


def _names(given: Mapping[str, object], name: str) -> frozenset[str]:
    value = given.get(name)
    return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()
