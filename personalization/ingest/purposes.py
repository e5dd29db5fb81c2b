"""Which consent an event needs: to be kept at all, and to be used for choosing content."""

CONTRACT = "contract"
PROFILING = "profiling"
TRACKING = "email_tracking"

# The names of the Segment e-commerce spec, and anymail's words for what happens to a mail.
ORDERS = ("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled")
BROWSING = (
    "Product Viewed",
    "Product List Viewed",
    "Products Searched",
    "Product Added",
    "Product Removed",
    "Product Added to Wishlist",
    "Cart Viewed",
    "Checkout Started",
)
EMAIL = (
    "Email Sent",
    "Email Delivered",
    "Email Opened",
    "Email Link Clicked",
    "Email Bounced",
    "Email Marked as Spam",
    "Unsubscribed",
)
# Needed to keep the mail list honest, whatever was said about tracking.
_EMAIL_ALWAYS = {
    "Email Sent",
    "Email Delivered",
    "Email Bounced",
    "Email Marked as Spam",
    "Unsubscribed",
}

USE_PURPOSE: dict[str, str] = {
    **dict.fromkeys((*ORDERS, *BROWSING), PROFILING),
    **dict.fromkeys(EMAIL, TRACKING),
}


def use_purpose(name: str) -> str:
    """Return the purpose a condition over this event needs."""
    return USE_PURPOSE.get(name, PROFILING)


def collection_purpose(name: str) -> str:
    """Return the purpose without which the event is not stored; orders are kept by contract."""
    if name in ORDERS or name in _EMAIL_ALWAYS:
        return CONTRACT
    return use_purpose(name)
