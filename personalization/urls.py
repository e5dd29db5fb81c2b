"""URLs of personalization: the collector, webhooks and the JSON API."""

from django.urls import URLPattern, URLResolver, path, re_path

from personalization.api import (
    catalogue,
    consents,
    feeds,
    personalize,
    privacy_requests,
    profiles,
    recommendations,
)
from personalization.views import collector, snippet, webhooks

# With or without a slash at the end: a redirect would lose what a client sends.
COLLECTOR: list[URLPattern | URLResolver] = [
    re_path(r"^v1/projects/(?P<key>[^/]+)/settings/?$", collector.segment_settings),
    re_path(r"^sourceConfig/?$", collector.rudder_config),
    re_path(r"^(?:beacon/)?v1/(?P<name>[^/]+)/?$", collector.segment_call),
    re_path(r"^api/s/(?:s2s/)?(?P<name>[^/]+)/?$", collector.jitsu_call),
    re_path(r"^(?:batch|e|capture|i/v0/e)/?$", collector.posthog_call),
    re_path(r"^com\.snowplowanalytics\.snowplow/tp2/?$", collector.snowplow_call),
    re_path(r"^i/?$", collector.snowplow_pixel),
    re_path(r"^events/?$", collector.cloudevents_call),
]
WEBHOOKS: list[URLPattern | URLResolver] = [
    re_path(r"^webhooks/shopify/?$", webhooks.shopify),
    re_path(r"^webhooks/woocommerce/?$", webhooks.woocommerce),
    re_path(r"^webhooks/hubspot/?$", webhooks.hubspot),
    re_path(r"^webhooks/generic/(?P<source>[-\w]+)/?$", webhooks.generic),
]
urlpatterns: list[URLPattern | URLResolver] = [
    *COLLECTOR,
    *WEBHOOKS,
    path("attune.js", snippet.attune_js, name="attune-js"),
    path("pixel.gif", snippet.pixel_gif, name="pixel"),
    path(".well-known/gpc.json", snippet.gpc, name="gpc"),
    re_path(r"^api/v1/personalize/?$", personalize.Many.as_view(), name="personalize-many"),
    re_path(
        r"^api/v1/personalize/(?P<slot>[^/]+)/?$",
        personalize.One.as_view(),
        name="personalize-one",
    ),
    re_path(
        r"^api/v1/recommendations/?$",
        recommendations.Recommendations.as_view(),
        name="recommendations",
    ),
    re_path(r"^api/v1/feeds/(?P<slug>[^/]+)\.json$", feeds.Feeds.as_view(), name="feed"),
    re_path(
        # A shop's number may hold a slash, as in A/1.
        r"^api/v1/profiles/(?P<external_id>.+?)/?$",
        profiles.Profiles.as_view(),
        name="profile",
    ),
    re_path(r"^api/v1/consents/?$", consents.Consents.as_view(), name="consents"),
    re_path(
        r"^api/v1/privacy-requests/?$",
        privacy_requests.PrivacyRequests.as_view(),
        name="privacy-requests",
    ),
    re_path(
        r"^api/v1/privacy-requests/(?P<pk>[0-9]+)/?$",
        privacy_requests.OnePrivacyRequest.as_view(),
        name="privacy-request",
    ),
    re_path(r"^api/v1/products/?$", catalogue.Products.as_view(), name="put-products"),
    re_path(r"^api/v1/customers/?$", catalogue.Customers.as_view(), name="put-customers"),
]
