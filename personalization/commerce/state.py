"""Carts, wishlists and orders of the people touched, brought up to date in a few statements."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from personalization.commerce import baskets, fold, orders

TOUCHING = fold.EVENTS | frozenset(orders.EVENTS)


def concerns(name: str) -> bool:
    """Say whether an event of this name can change a cart, a wishlist or an order."""
    return name in TOUCHING


@transaction.atomic
def refresh(profile_ids: Collection[int], *, now: datetime) -> None:
    """Fold the state of these people anew from all their events, so that late events, merges and
    undone imports come out right; five statements however many people there are."""
    ids = sorted(profile_ids)
    if ids:
        orders.refresh(ids, now=now)
        baskets.refresh(ids, now=now)
