"""The look of the admin (unfold): name, colours, sidebar by task, dashboard."""

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static

VIOLET = {
    "50": "oklch(96.9% .016 293.756)",
    "100": "oklch(94.3% .029 294.588)",
    "200": "oklch(89.4% .057 293.283)",
    "300": "oklch(81.1% .111 293.571)",
    "400": "oklch(70.2% .183 293.541)",
    "500": "oklch(60.6% .25 292.717)",
    "600": "oklch(54.1% .281 293.009)",
    "700": "oklch(49.1% .27 292.581)",
    "800": "oklch(43.2% .232 292.759)",
    "900": "oklch(38% .189 293.745)",
    "950": "oklch(28.3% .141 291.089)",
}


def _asset(path: str) -> Callable[[HttpRequest], str]:
    """The address of a file of ours, asked for only when a page is made."""
    return lambda _request: static(path)


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Attune",
    "SITE_HEADER": "Attune",
    "SITE_SUBHEADER": "Email personalisation",
    "SITE_SYMBOL": "graphic_eq",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "sizes": "any",
            "href": _asset("attune/icon.svg"),
        }
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [
        _asset("attune/pages.css"),
        _asset("attune/campaigns.css"),
    ],
    "COLORS": {"primary": VIOLET},
    "BORDER_RADIUS": "8px",
    "DASHBOARD_CALLBACK": "campaigns.admin.dashboard.fill",
    "GLOBAL_CALLBACK": "campaigns.admin.demo_note.context",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "config.sidebar.navigation",
    },
}

# Who opens the login page itself comes home after it.
LOGIN_REDIRECT_URL = "admin:index"
