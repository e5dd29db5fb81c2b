"""The web process of the peer of the send-time API: our settings, its one page."""

from django.conf import settings

from config.wsgi import application

settings.ROOT_URLCONF = "benchmarks.naive_page"

__all__ = ["application"]
