"""Say for one customer why a condition holds or not, part by part, with what was seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from consent import gate
from personalization.conditions.explain import Explanation, explain
from personalization.conditions.tree import Compare, needs, parse, walk
from personalization.models import CustomerProfile
from personalization.profiles import catalogue, load

# The loader asks the gate; any purpose will do, for a permission names all that are granted.
_PURPOSE = "email_marketing"


@dataclass(frozen=True, slots=True)
class Part:
    """One condition: how it came out, what was seen, and how old that is."""

    explanation: Explanation
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Trace:
    is_in: bool
    parts: tuple[Part, ...]


def trace(tree: object, *, subject_id: int, now: datetime) -> Trace | None:
    """Evaluate for one living person with an address; None for anybody else. Raises TreeError."""
    node = parse(tree)
    known = catalogue.load()
    permissions = gate.permissions([subject_id], purpose=_PURPOSE, at=now)
    found = load.profiles(
        permissions, needs=needs(node), catalogue=known, now=now, with_history=False
    )
    if not found:
        return None
    whole = explain(node, facts=found[0].facts, now=now, catalogue=known)
    fields = {path: inner.field for path, _, inner in walk(node) if isinstance(inner, Compare)}
    ages = _ages(subject_id)
    parts = (Part(each, at=each.at or ages.get(fields.get(each.path, ""))) for each in _flat(whole))
    return Trace(is_in=whole.outcome == "true", parts=tuple(parts))


def _flat(explanation: Explanation) -> Iterator[Explanation]:
    yield explanation
    for child in explanation.children:
        yield from _flat(child)


def _ages(subject_id: int) -> dict[str, datetime]:
    """Return by field since when its value is what it is."""
    profile = CustomerProfile.objects.only("traits", "traits_at", "origins").get(pk=subject_id)
    given = {
        path: datetime.fromisoformat(origin["at"])
        for path, origin in profile.origins.items()
        if isinstance(origin, dict) and isinstance(origin.get("at"), str)
    }
    if profile.traits_at is None:
        return given
    return given | {f"traits.{name}": profile.traits_at for name in profile.traits}
