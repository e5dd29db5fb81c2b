"""The names of the Segment e-commerce spec, and what other trackers call the same events."""

import re
from functools import lru_cache

# In the words of the spec (v2), then those for pages, mails and whole carts told by shops.
STANDARD = (
    *("Products Searched", "Product List Viewed", "Product List Filtered"),
    *("Promotion Viewed", "Promotion Clicked"),
    *("Product Clicked", "Product Viewed", "Product Added", "Product Removed", "Cart Viewed"),
    *("Cart Updated", "Checkout Started", "Checkout Updated"),
    *("Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered"),
    *("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"),
    *("Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed"),
    *("Product Added to Wishlist", "Product Removed from Wishlist"),
    *("Wishlist Product Added to Cart", "Product Shared", "Cart Shared", "Product Reviewed"),
    *("Page Viewed", "Screen Viewed", "Page Left"),
    *("Email Sent", "Email Delivered", "Email Opened", "Email Link Clicked", "Email Bounced"),
    *("Email Marked as Spam", "Unsubscribed"),
)
# Google Analytics 4, Meta and PostHog; written with or without separators.
_ELSEWHERE = {
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "select_item": "Product Clicked",
    "view_promotion": "Promotion Viewed",
    "select_promotion": "Promotion Clicked",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "view_cart": "Cart Viewed",
    "begin_checkout": "Checkout Started",
    "add_shipping_info": "Checkout Step Completed",
    "add_payment_info": "Payment Info Entered",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "add_to_wishlist": "Product Added to Wishlist",
    "search": "Products Searched",
    "view_search_results": "Products Searched",
    "page_view": "Page Viewed",
    "ViewContent": "Product Viewed",
    "InitiateCheckout": "Checkout Started",
    "$pageview": "Page Viewed",
    "$pageleave": "Page Left",
    "$screen": "Screen Viewed",
    "Order Canceled": "Order Cancelled",
}


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_CANONICAL = {_folded(theirs): ours for theirs, ours in _ELSEWHERE.items()} | {
    _folded(name): name for name in STANDARD
}


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """Return the spec's name for what a tracker says, upper case and separators aside.

    A name that nobody standardised stays as it is, without the space around it.
    """
    trimmed = name.strip()
    return _CANONICAL.get(_folded(trimmed), trimmed)
