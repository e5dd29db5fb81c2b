"""All URLs of the project."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from oauth2_provider.views.base import RevokeTokenView, TokenView

from config import health
from config.api.unknown import UnknownAddress

handler400 = "config.api.faults.bad_request"
handler500 = "config.api.faults.server_error"
admin.autodiscover()
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include("personalization.urls")),
    path("", include("campaigns.urls")),
    path("mailbox/", include("campaigns.views.mailbox_urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    re_path(r"^oauth/token/?$", TokenView.as_view(), name="oauth-token"),
    re_path(r"^oauth/revoke_token/?$", RevokeTokenView.as_view(), name="oauth-revoke"),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    # Last: what nobody above answers is answered as a problem document, not as a page.
    re_path(r"^api/v1/", UnknownAddress.as_view(), name="unknown-address"),
]
