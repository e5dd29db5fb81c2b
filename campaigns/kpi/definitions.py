"""What each figure means, in one sentence; docs/kpi.md holds the same sentences."""

from typing import Final

DEFINITIONS: Final[dict[str, str]] = {
    "planned": "People of the audience who get the mail: all who were not skipped.",
    "sent": "Mails the mail server took over.",
    "delivered": "Sent mails that did not bounce.",
    "opened": (
        "People who opened the mail at least once, as far as they allow tracking; "
        "openings by scanners and proxies are not counted."
    ),
    "clicked": (
        "People who followed a link at least once, as far as they allow tracking; "
        "clicks by scanners are not counted."
    ),
    "converted": "People who ordered within 7 days after the mail; the last mail before it counts.",
    "revenue": "The sum of these orders.",
    "unsubscribed": "People who took themselves off the list through a link of this mail.",
    "skipped": "People of the audience who get no mail, each with the reason.",
    "customers": "People with a profile whose data was not erased.",
    "reachable": "Customers with an address and consent to marketing mail, and not suppressed.",
}
