"""Engagement: what somebody did lately, in points that halve every 30 days, from 0 to 100."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

# What each event is worth on the day it happens; what is not named here is worth 1.
POINTS: Final[Mapping[str, int]] = {
    "Order Completed": 10,
    "Checkout Started": 5,
    "Product Added": 4,
    "Product Added to Wishlist": 3,
    "Email Link Clicked": 3,
    "Product Reviewed": 3,
    "Products Searched": 2,
    "Product Viewed": 2,
    "Email Opened": 1,
}
OTHER_POINTS: Final = 1
# What happens to a person, or is corrected later, is nothing they did.
NOT_ACTIVE: Final = (
    "Email Sent",
    "Email Delivered",
    "Email Bounced",
    "Email Marked as Spam",
    "Unsubscribed",
    "Order Updated",
    "Order Refunded",
    "Order Cancelled",
    "Cart Updated",
    "Checkout Updated",
    "Page Left",
)
HALF_LIFE_DAYS: Final = 30
# This many points give a score of 50.
HALF_WAY: Final = 20.0
# Points are added as whole millionths: the sum is the same in whatever order they are added.
SCALE: Final = 1_000_000

FORMULA: Final = (
    f"100 × P / (P + {HALF_WAY:.0f}), where P is the sum of points × ½^(age in days / "
    f"{HALF_LIFE_DAYS}) over everything the person did in the last year"
)


def score(millionths: NDArray[np.int64], /) -> NDArray[np.float64]:
    """Return scores from 0 to 100, one digit after the point, from sums of decayed points."""
    points = millionths / SCALE
    return np.round(100 * points / (points + HALF_WAY), 1)


def points_in_words() -> str:
    """Return what each event is worth, most first."""
    named = [f"{name} {points}" for name, points in POINTS.items()]
    return f"{', '.join(named)}, everything else {OTHER_POINTS}"
