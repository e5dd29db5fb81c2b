"""How the condition builder shows people: a card for each, and what was seen of one."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timesince import timesince

from personalization.conditions.explain import Explanation
from personalization.models import CustomerProfile
from personalization.profiles import people


def cards(ids: Sequence[int], *, in_clear: bool, now: datetime) -> list[dict[str, str]]:
    """Return a card for each person, in the order given (two queries)."""
    found = people.of(ids, in_clear=in_clear)
    profiles = CustomerProfile.objects.only("attributes", "last_seen_at").in_bulk(ids)
    return [
        {
            "title": found[pk].title,
            "place": _place(profiles[pk]),
            "seen": f"seen {_ago(profiles[pk].last_seen_at, now=now)}",
            "url": reverse("admin:personalization_customerprofile_change", args=[pk]),
        }
        for pk in ids
        if pk in found and pk in profiles
    ]


def told(part: Explanation, *, now: datetime) -> dict[str, str]:
    """Say how a condition came out for one person, what was seen and how old that is."""
    seen = part.seen
    is_moment = isinstance(seen, datetime)
    return {
        "outcome": part.outcome,
        "text": part.text,
        "seen": _seen(seen),
        "age": _ago(part.at, now=now) if part.at is not None and not is_moment else "",
    }


def not_one(count: int) -> str:
    if count:
        return "Several customers have this number. Use the address."
    return "Nobody has this number or address. Enter it whole."


def _place(profile: CustomerProfile) -> str:
    parts = (profile.attributes.get("city"), profile.attributes.get("country"))
    return ", ".join(str(part) for part in parts if part)


def _seen(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return date_format(value, "j M Y, H:i")
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or "nothing"
    if isinstance(value, str):
        return value[:200]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float | Decimal) else str(value)[:200]


def _ago(at: datetime, *, now: datetime) -> str:
    return f"{timesince(at, now, depth=1)} ago"
