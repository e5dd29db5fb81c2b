"""Say what is left of offers, and what keeps a mailing from promising them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from personalization.models import Offer
from personalization.offers import codes
from personalization.offers.codes import Stock


@dataclass(frozen=True, slots=True)
class Standing:
    """One offer with its figures; `left` is None where nothing limits it in all."""

    offer: Offer
    stock: Stock

    @property
    def is_pool(self) -> bool:
        return self.offer.kind == Offer.Kind.POOL

    @property
    def left(self) -> int | None:
        total = self.offer.total
        limits = [self.stock.free] if self.is_pool else []
        limits += [] if total is None else [max(0, total - self.stock.given)]
        return min(limits) if limits else None

    @property
    def left_in_words(self) -> str:
        """As in `1 code`, `3 times`; empty where nothing limits it."""
        if self.left is None:
            return ""
        what = "code" if self.is_pool and self.left == self.stock.free else "time"
        return f"{self.left:,} {what}{'' if self.left == 1 else 's'}"


def standings(slugs: Collection[str]) -> list[Standing]:
    """Return the offers with what is left of them, by name (two queries, or none)."""
    return of(list(Offer.objects.filter(slug__in=slugs))) if slugs else []


def of(offers: Collection[Offer]) -> list[Standing]:
    found = codes.stock(offers)
    return [Standing(offer, found.get(offer.pk, Stock())) for offer in offers]


def obstacles(found: Collection[Standing], *, audience: int, now: datetime) -> Iterator[str]:
    """Say which offers nobody could get at all: a new mailing should not begin with them."""
    for each in found:
        offer = each.offer
        if not offer.is_active:
            yield f"The offer “{offer}” is switched off: switch it on, or take it out of the rules."
        elif offer.valid_until is not None and offer.valid_until <= now:
            yield f"The offer “{offer}” is over since {offer.valid_until:%d %b %Y, %H:%M} UTC."
        elif each.is_pool and not each.stock.free:
            yield (
                f"The offer “{offer}” has no codes left for an audience of {audience:,}: "
                "add codes to its pool, or take it out of the rules."
            )
        elif each.left == 0:
            yield f"The offer “{offer}” was given {each.stock.given:,} times, as often as it may."


def shortages(found: Collection[Standing], *, audience: int) -> Iterator[str]:
    """Say which offers may run out on the way; who comes too late gets the next rule's content."""
    for each in found:
        if each.left and each.left < audience:
            yield (
                f"The offer “{each.offer}” has {each.left_in_words} left for an audience of "
                f"{audience:,}. Who comes too late gets what the next rule says."
            )
