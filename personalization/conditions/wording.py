"""The English of operators, values, durations and event names."""

from collections.abc import Mapping, Sequence

from personalization.conditions import values
from personalization.conditions.nodes import Duration, Operator, Value

_PHRASES: Mapping[str, str] = {
    "eq": "is {}",
    "ne": "is known and is not {}",
    "in": "is {}",
    "not_in": "is known and is not {}",
    "is_set": "is known",
    "is_not_set": "is not known",
    "gt": "is more than {}",
    "gte": "is at least {}",
    "lt": "is less than {}",
    "lte": "is at most {}",
    "contains": "contains {}",
    "starts_with": "starts with {}",
    "ends_with": "ends with {}",
    "matches": "matches the pattern {}",
    "includes_any": "includes {}",
    "includes_all": "includes {}",
}
_MOMENT_PHRASES: Mapping[str, str] = {
    "gt": "after {}",
    "gte": "on or after {}",
    "lt": "before {}",
    "lte": "on or before {}",
    "before": "before {}",
    "after": "after {}",
    "within_last": "within the last {}",
    "not_within_last": "not within the last {}",
    "anniversary_within_next": "on a day whose anniversary is {}",
}
_COUNT_PHRASES: Mapping[str, str] = {
    "eq": "exactly {}",
    "ne": "any number of times but {}",
    "gt": "more than {}",
    "gte": "at least {}",
    "lt": "fewer than {}",
    "lte": "at most {}",
}


# Labels of figures that are no nouns, so that “whose … is” could not be said with them.
_FIGURES = {
    "spent": "amount spent",
    "expected to spend": "amount expected to be spent",
    "orders": "number of orders",
    "days": "number of days",
}


def figure(label: str) -> str:
    """What a number is called in a sentence: “Spent in the last year” is an amount spent."""
    for word, noun in _FIGURES.items():
        if label.lower() == word or label.lower().startswith(f"{word} "):
            return f"{noun}{label[len(word) :]}"
    return label


def value_phrase(op: Operator, value: Value, *, unit: str = "") -> str:
    """What stands after the field's name: `is at least 200 EUR`."""
    # “currency” is a kind of unit; the amount's own currency is not known here.
    ending = f" {unit}" if unit and unit != "currency" else ""
    if op in _MOMENT_PHRASES and _is_moment(value):
        return f"is {moment_phrase(op, value)}"
    if op == "between" and isinstance(value, tuple):
        return f"is between {_one(value[0])} and {_one(value[1])}{ending}"
    if not isinstance(value, tuple):
        return _PHRASES[op].format(f"{_one(value)}{ending}")
    word = "and" if op in ("eq", "ne", "includes_all") else "or"
    return _PHRASES[op].format(listing([_one(each) for each in value], word=word) + ending)


def happened_phrase(op: Operator, value: Value) -> str:
    """When an event was; it is never later than now, so “not within” means “ago”."""
    if op == "not_within_last" and isinstance(value, Duration):
        return f"at least {duration(value)} ago"
    return moment_phrase(op, value)


def moment_phrase(op: Operator, value: Value) -> str:
    if op == "between" and isinstance(value, tuple):
        return f"between {value[0]} and {value[1]}"
    if op == "anniversary_within_next" and isinstance(value, Duration):
        days = value.delta.days
        return _MOMENT_PHRASES[op].format(
            "today" if days == 1 else f"within {days} days from today"
        )
    return _MOMENT_PHRASES[op].format(duration(value) if isinstance(value, Duration) else value)


def count_phrase(op: Operator, value: Value) -> str:
    """How often, with a leading space; nothing for “at least once”."""
    if op == "gte" and value == 1:
        return ""
    if op == "between" and isinstance(value, tuple):
        return f" between {value[0]} and {value[1]} times"
    times = {1: "once", 2: "twice"}.get(value) if isinstance(value, int) else None
    return " " + _COUNT_PHRASES[op].format(times or f"{_one(value)} times")


def duration(length: Duration) -> str:
    parts = [
        f"{amount} {unit if amount != 1 else unit.removesuffix('s')}"
        for unit in ("weeks", "days", "hours", "minutes")
        if (amount := getattr(length, unit))
    ]
    return listing(parts, word="and")


def listing(parts: Sequence[str], *, word: str) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])}{'' if word.startswith(',') else ' '}{word} {parts[-1]}"


# Events whose name says what became of a thing, not what somebody did with it.
_SAID = {
    "Email Sent": "been sent an email",
    "Email Delivered": "had an email delivered",
    "Email Bounced": "had an email bounce",
    "Email Marked as Spam": "marked an email as spam",
    "Email Link Clicked": "clicked a link in an email",
    "Order Refunded": "had an order refunded",
    "Order Updated": "had an order changed",
    "Product Added to Wishlist": "added a product to the wishlist",
    "Product List Viewed": "viewed a list of products",
    "Products Searched": "searched for products",
}


def done(name: str) -> str:
    """An event as what somebody has done: `Product Viewed` is `viewed a product`."""
    if name in _SAID:
        return _SAID[name]
    words = name.lower().split()
    if len(words) > 1 and words[-1].endswith("ed"):
        thing = " ".join(words[:-1])
        article = "an" if thing[0] in "aeiou" else "a"
        return f"{words[-1]} {article} {thing}"
    if words and words[0].endswith("ed"):
        return " ".join(words)
    return f"done “{name}”"


def _is_moment(value: Value) -> bool:
    return isinstance(value, Duration) or values.kind_of(value) == "date"


def _one(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str) and values.kind_of(value) == "text":
        return f"“{value}”"
    return str(value)
