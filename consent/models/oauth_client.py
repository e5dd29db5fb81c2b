"""Programs that fetch short-lived tokens by OAuth 2.0: what each may do at most."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from oauth2_provider.models import AbstractApplication

from consent.models.api_key import ApiKey


class OAuthClient(AbstractApplication):
    """A program with an id and a secret; of the secret only a hash is kept."""

    scopes = ArrayField(models.CharField(max_length=20, choices=ApiKey.Scope))
    source = models.SlugField(max_length=50, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "OAuth client"
        ordering = ["name"]

    def is_usable(self, request: object) -> bool:
        """Say whether it may fetch tokens; the library asks before it gives one."""
        return self.revoked_at is None
