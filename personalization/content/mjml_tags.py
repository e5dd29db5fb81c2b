"""Which MJML elements exist and what may stand inside which."""

from typing import Final

ROOT: Final = ""

_SECTIONS = frozenset({"mj-section", "mj-wrapper", "mj-hero", "mj-raw"})
_CONTENT = frozenset(
    {
        "mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-raw",
        "mj-social", "mj-navbar", "mj-accordion", "mj-carousel",
    }
)  # fmt: skip

CHILDREN: Final[dict[str, frozenset[str]]] = {
    ROOT: frozenset({"mjml"}),
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": frozenset(
        {
            "mj-attributes",
            "mj-breakpoint",
            "mj-font",
            "mj-preview",
            "mj-style",
            "mj-title",
            "mj-raw",
        }
    ),
    "mj-attributes": frozenset({"mj-all", "mj-class", "mj-body", "mj-column", "mj-group"})
    | _SECTIONS
    | _CONTENT,
    "mj-body": _SECTIONS,
    "mj-wrapper": frozenset({"mj-section", "mj-hero", "mj-raw"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-social": frozenset({"mj-social-element"}),
    "mj-navbar": frozenset({"mj-navbar-link"}),
    "mj-accordion": frozenset({"mj-accordion-element"}),
    "mj-accordion-element": frozenset({"mj-accordion-title", "mj-accordion-text"}),
    "mj-carousel": frozenset({"mj-carousel-image"}),
}
"""Elements that hold other MJML elements and nothing else."""

WITH_HTML: Final = frozenset(
    {
        "mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-style",
        "mj-navbar-link", "mj-social-element", "mj-accordion-title", "mj-accordion-text",
    }
)  # fmt: skip
"""Elements that hold text and HTML."""

EMPTY: Final = frozenset(
    {
        "mj-image", "mj-divider", "mj-spacer", "mj-carousel-image", "mj-all", "mj-class",
        "mj-breakpoint", "mj-font",
    }
)  # fmt: skip

ALL: Final = frozenset(CHILDREN) | WITH_HTML | EMPTY

LIQUID_BETWEEN: Final = frozenset(
    {"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"}
)
"""Elements between whose children `{% for %}` and `{% if %}` may stand."""

VOID_HTML: Final = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
        "track", "wbr",
    }
)  # fmt: skip
