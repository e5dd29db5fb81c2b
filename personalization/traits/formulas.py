"""What each derived trait is made of and how, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from personalization.traits import engagement

Basis = Literal["orders of the year", "all orders", "products", "visits", "opens", "acts"]


@dataclass(frozen=True, slots=True)
class Formula:
    """`model` names the fit that the value depends on, too."""

    basis: Basis
    text: str
    model: str = ""


_NET: Final = "what stays after refunds; cancelled orders do not count"
_FIFTHS: Final = "from 1 to 5 against all buyers of the year"

FORMULAS: Final[Mapping[str, Formula]] = {
    "recency_days": Formula("orders of the year", "Whole days since the last order"),
    "order_count": Formula("orders of the year", "How many orders; cancelled ones do not count"),
    "total_spent": Formula("orders of the year", f"Sum of the orders: {_NET}"),
    "average_order_value": Formula("orders of the year", "Spent in the year / orders in the year"),
    "historic_value": Formula("all orders", f"Sum of all orders that are kept: {_NET}"),
    "rfm_recency": Formula("orders of the year", f"Days since the last order, {_FIFTHS}", "rfm"),
    "rfm_frequency": Formula("orders of the year", f"Orders, {_FIFTHS}", "rfm"),
    "rfm_monetary": Formula("orders of the year", f"Money spent, {_FIFTHS}", "rfm"),
    "rfm": Formula("orders of the year", "The three scores side by side, 555 is the best", "rfm"),
    "predicted_value_12m": Formula(
        "all orders",
        "Expected purchases (BG/NBD) × expected value of one (Gamma-Gamma), by quarter, "
        "discounted by 10 % a year",
        "lifetime",
    ),
    "churn_probability": Formula(
        "all orders", "Chance of no order in the next 52 weeks (BG/NBD)", "lifetime"
    ),
    "next_order_date": Formula(
        "all orders",
        "The day by which an order is as likely as not (BG/NBD); none if that is over a year ahead",
        "lifetime",
    ),
    "favourite_category": Formula(
        "products", "The category most money went to in the last year, before refunds"
    ),
    "category_affinities": Formula(
        "products",
        "The three categories with most points: viewed 1, wished 2, added 3, ordered 5, halved "
        "every 90 days",
    ),
    "brand_affinities": Formula(
        "products",
        "The three brands with most points: viewed 1, wished 2, added 3, ordered 5, halved every "
        "90 days",
    ),
    "days_since_last_view": Formula("visits", "Whole days since a product was viewed last"),
    "days_since_last_open": Formula("opens", "Whole days since a mail was opened last"),
    "engagement": Formula("acts", engagement.FORMULA),
    "preferred_hour": Formula(
        "acts", "The hour of the day with most acts, on the person’s own clock; needs three"
    ),
}
