"""Start of the consent app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = "Consent"

    def ready(self) -> None:
        # Each app says in its `privacy` module what it holds on a person; the check reads that.
        autodiscover_modules("privacy", "checks")
