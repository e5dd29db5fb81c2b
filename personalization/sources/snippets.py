"""What somebody copies to connect a source: ready to paste, with its key and our address."""

from dataclasses import dataclass
from string import Template
from typing import Final
from urllib.parse import urlsplit

from personalization.models import Source
from personalization.sources import hubspot, shopify, woocommerce
from personalization.sources import snippet_texts as texts

Kind = Source.Kind


@dataclass(frozen=True, slots=True)
class Snippet:
    """A way to connect; `note` says where it goes, `code` may be several lines or one address."""

    key: str
    title: str
    note: str
    code: str
    is_browser: bool = False


# Key, title, where it goes, text, does it run in a visitor's browser?
_COLLECTOR: Final = (
    ("attune", "Website", texts.ATTUNE_NOTE, texts.ATTUNE, True),
    ("segment", "Segment (analytics-next)", texts.SEGMENT_NOTE, texts.SEGMENT, True),
    ("rudderstack", "RudderStack", texts.RUDDERSTACK_NOTE, texts.RUDDERSTACK, True),
    ("posthog", "PostHog", texts.POSTHOG_NOTE, texts.POSTHOG, True),
    ("jitsu", "Jitsu", texts.JITSU_NOTE, texts.JITSU, True),
    ("snowplow", "Snowplow", texts.SNOWPLOW_NOTE, texts.SNOWPLOW, True),
    ("python", "Python", texts.PYTHON_NOTE, texts.PYTHON, False),
    ("node", "Node.js", texts.NODE_NOTE, texts.NODE, False),
    ("curl", "curl", texts.CURL_NOTE, texts.CURL, False),
    ("cloudevents", "CloudEvents", texts.CLOUDEVENTS_NOTE, texts.CLOUDEVENTS, False),
    ("pixel", "Pixel", texts.PIXEL_NOTE, texts.PIXEL, False),
)
_WEBHOOKS: Final = {
    Kind.SHOPIFY: ("Shopify", texts.SHOPIFY_NOTE, texts.SHOPIFY),
    Kind.WOOCOMMERCE: ("WooCommerce", texts.WOOCOMMERCE_NOTE, texts.WOOCOMMERCE),
    Kind.HUBSPOT: ("HubSpot", texts.HUBSPOT_NOTE, texts.HUBSPOT),
    Kind.GENERIC: ("Signed webhook", texts.GENERIC_NOTE, texts.GENERIC),
    Kind.FILE: ("Files", texts.FILE_NOTE, texts.FILE),
}
_TOPICS: Final = {
    Kind.SHOPIFY: shopify.TOPICS,
    Kind.WOOCOMMERCE: woocommerce.TOPICS,
    Kind.HUBSPOT: hubspot.TOPICS,
}


def of(source: Source, *, public_url: str) -> list[Snippet]:
    """Return the ways to connect a source, the usual one first."""
    values = {
        "url": public_url,
        "host": urlsplit(public_url).netloc,
        "scheme": urlsplit(public_url).scheme,
        "key": source.write_key or "",
        "slug": source.slug,
    }
    if source.kind == Kind.COLLECTOR:
        return [
            Snippet(key, title, note, _filled(text, values), is_browser=is_browser)
            for key, title, note, text, is_browser in _COLLECTOR
        ]
    if source.kind not in _WEBHOOKS:
        return []
    kind = Kind(source.kind)
    title, note, text = _WEBHOOKS[kind]
    values["topics"] = "\n".join(_TOPICS.get(kind, ()))
    return [Snippet(source.kind, title, note, _filled(text, values))]


def _filled(text: str, values: dict[str, str]) -> str:
    return Template(text).substitute(values).strip()
