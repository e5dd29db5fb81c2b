"""The peer's web process: our settings, its one page."""

from django.conf import settings

from config.wsgi import application

settings.ROOT_URLCONF = "benchmarks.naive_events"

__all__ = ["application"]
