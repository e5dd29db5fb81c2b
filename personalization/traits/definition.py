"""A trait a marketer defines: one figure over one kind of event, as a field of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from personalization.conditions.fields import FieldType

Function = Literal["count", "sum", "avg", "min", "max", "first", "last", "days_since"]

# What each gives, in the words of a sentence that goes on with the event.
FUNCTIONS: Final[Mapping[Function, str]] = {
    "count": "how many times",
    "sum": "the sum of",
    "avg": "the average of",
    "min": "the smallest",
    "max": "the largest",
    "first": "the first",
    "last": "the last",
    "days_since": "days since the last",
}
OF_A_NUMBER: Final = ("sum", "avg", "min", "max")
WITHOUT_PROPERTY: Final = ("count", "days_since")
MOST_DAYS: Final = 3650
LONGEST_NAME: Final = 120


class DefinitionError(Exception):
    """A definition that cannot be; `part` names the piece to mend."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`of` is a property, empty for the event itself; `days` None looks at all that is kept."""

    name: str
    type: FieldType
    purpose: str
    event: str
    function: Function
    of: str = ""
    days: int | None = None

    @property
    def sentence(self) -> str:
        """Say in one line what is computed."""
        window = f" in the last {self.days} days" if self.days else ""
        if self.function == "count":
            return f"How many times “{self.event}” happened{window}"
        if self.function == "days_since":
            return f"Days since the last “{self.event}”{window}"
        if not self.of:
            return f"When “{self.event}” happened for the {self.function} time{window}"
        what = FUNCTIONS[self.function]
        return f"{what.capitalize()} “{self.of}” of “{self.event}”{window}"


def parse(given: Mapping[str, Any], /, *, name: str, type_: str, purpose: str) -> Aggregate:
    """Return a definition as it is meant, or raise DefinitionError for what is wrong with it."""
    event = _text(given.get("event"), part="event")
    if not event:
        raise DefinitionError("event", "Name the event to look at, as “Product Viewed”.")
    function = _text(given.get("function"), part="function")
    if function not in FUNCTIONS:
        known = ", ".join(FUNCTIONS)
        raise DefinitionError("function", f"“{function}” is no function; choose one of: {known}.")
    of = _text(given.get("property"), part="property")
    if function in OF_A_NUMBER and not of:
        raise DefinitionError(
            "property",
            f"“{function}” needs a property that is a number, as “total” or “quantity”.",
        )
    if function in WITHOUT_PROPERTY and of:
        raise DefinitionError(
            "property", f"“{function}” looks at the event itself: leave the property empty."
        )
    wanted = _types(function, of=of)
    if type_ not in wanted:
        kinds = " or ".join(wanted)
        raise DefinitionError(
            "type", f"“{function}” gives a {kinds}, not a {type_}: change the type to {kinds}."
        )
    return Aggregate(
        name=name,
        type=cast("FieldType", type_),
        purpose=purpose,
        event=event,
        function=cast("Function", function),
        of=of,
        days=_days(given.get("days")),
    )


def as_stored(aggregate: Aggregate, /) -> dict[str, Any]:
    """Return the definition as the catalogue keeps it."""
    return {
        "event": aggregate.event,
        "function": aggregate.function,
        "property": aggregate.of,
        "days": aggregate.days,
    }


def _types(function: str, *, of: str) -> tuple[str, ...]:
    if function not in ("first", "last"):
        return ("number",)
    return ("text", "number", "boolean") if of else ("date",)


def _text(given: object, *, part: str) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > LONGEST_NAME or "\0" in given:
        raise DefinitionError(part, f"This is a name of at most {LONGEST_NAME} letters.")
    return given.strip()


def _days(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_DAYS:
        raise DefinitionError(
            "days", f"Days are a whole number from 1 to {MOST_DAYS:,}; empty looks at everything."
        )
    return given
