"""Parameters that rules and chains may set, and what is wrong with a given value."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

MOST_PRODUCTS = 50


@dataclass(frozen=True, slots=True)
class Option:
    """A parameter by name; `label` and `help` are what a form shows."""

    name: str
    label: str
    kind: Literal["whole", "number", "texts", "choice"]
    least: float = 0
    most: float = 0
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and in which parameter."""

    path: str
    message: str


# Those that hold for the whole list, whichever strategy an item came from.
COMMON = (
    Option("limit", "Products", "whole", 1, MOST_PRODUCTS, help="How many, at most."),
    Option("categories", "Only categories", "texts"),
    Option("exclude_categories", "Not categories", "texts"),
    Option("brands", "Only brands", "texts"),
    Option("exclude_brands", "Not brands", "texts"),
    Option("price_from", "Price from", "number", 0, 1e9),
    Option("price_to", "Price to", "number", 0, 1e9),
    Option("margin_from", "Margin from, %", "number", -1000, 100),
    Option("per_category", "At most of one category", "whole", 1, MOST_PRODUCTS),
    Option("per_brand", "At most of one brand", "whole", 1, MOST_PRODUCTS),
    Option(
        "exclude_bought_days",
        "Not if bought within days",
        "whole",
        0,
        3650,
        help="0 allows what was just bought.",
    ),
)


def faults(parameters: object, *, known: Iterable[Option]) -> Iterator[Fault]:
    """Check parameters against the options a strategy knows."""
    if not isinstance(parameters, Mapping):
        yield Fault("", "parameters are a JSON object {…} of names and values")
        return
    options = {option.name: option for option in known}
    for name, value in parameters.items():
        option = options.get(str(name))
        if option is None:
            names = ", ".join(sorted(options))
            yield Fault(str(name), f"there is no parameter “{name}” here; known are: {names}")
        elif message := _fault(option, value):
            yield Fault(option.name, message)
    yield from _range(parameters)


def _fault(option: Option, value: Any) -> str:
    if option.kind == "texts":
        is_list = isinstance(value, list | tuple) and 0 < len(value) <= 200
        is_right = is_list and all(isinstance(each, str) and each.strip() for each in value)
        return "" if is_right else "a list of 1 to 200 names is needed, as [“Tea”, “Coffee”]"
    if option.kind == "choice":
        return "" if value in option.choices else f"choose one of: {', '.join(option.choices)}"
    types = int if option.kind == "whole" else int | float
    if isinstance(value, bool) or not isinstance(value, types):
        return "a whole number is needed" if option.kind == "whole" else "a number is needed"
    if not option.least <= value <= option.most:
        return f"a number from {option.least:g} to {option.most:g} is needed"
    return ""


def _range(parameters: Mapping[Any, Any]) -> Iterator[Fault]:
    low, high = parameters.get("price_from"), parameters.get("price_to")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield Fault("price_to", "no price is both above “price_from” and below “price_to”")
