"""What templates and rules need of an offer, read once for many people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from personalization.models import Offer


@dataclass(frozen=True, slots=True)
class Terms:
    """One offer; `context` is what `{{ offer.… }}` prints, without the code of a pool."""

    id: int
    slug: str
    kind: str
    context: Mapping[str, object]

    def for_reader(self, code: str) -> dict[str, object]:
        return {**self.context, "code": code or self.context["code"]}


def load(slugs: Collection[str]) -> dict[str, Terms]:
    """Return the offers that rules name; one that is gone is left out (one query, or none)."""
    if not slugs:
        return {}
    return {offer.slug: terms(offer) for offer in Offer.objects.filter(slug__in=slugs)}


def terms(offer: Offer) -> Terms:
    context: dict[str, object] = {
        "slug": offer.slug,
        "name": offer.name,
        "code": offer.code,
        "value": value_of(offer),
        "valid_from": _day(offer.valid_from),
        # Given until this moment, so one that ends at midnight ends with the day before.
        "valid_until": _day(offer.valid_until and offer.valid_until - timedelta(microseconds=1)),
    }
    return Terms(id=offer.pk, slug=offer.slug, kind=offer.kind, context=context)


def value_of(offer: Offer) -> str:
    """Say what an offer is worth, as in `10 %` or `5.00 EUR`."""
    if offer.value is None:
        return ""
    if offer.unit == Offer.Unit.PERCENT:
        return f"{offer.value.normalize():f} %"
    return f"{offer.value:.2f} {offer.currency}".strip()


def _day(at: datetime | None) -> str:
    return timezone.localtime(at).date().isoformat() if at else ""
