"""URLs of personalization: the collector, webhooks and the JSON API."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
