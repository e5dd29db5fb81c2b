"""Keys for programs: what each may do. Only a hash is kept; the key is shown once."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class ApiKey(models.Model):
    class Scope(models.TextChoices):
        INGEST = "ingest", "Bring data in"
        DECIDE = "decide", "Ask for content"
        PRIVACY_READ = "privacy:read", "Read consents and requests"
        PRIVACY_WRITE = "privacy:write", "Record consents, make requests"
        CAMPAIGNS_READ = "campaigns:read", "Read campaigns"
        CAMPAIGNS_WRITE = "campaigns:write", "Change campaigns"

    name = models.CharField(max_length=100, help_text="Who uses it: the shop's backend, the ESP …")
    # The first characters, by which people tell keys apart.
    prefix = models.CharField(max_length=12, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    source = models.SlugField(
        max_length=50,
        blank=True,
        default="",
        db_default="",
        help_text="Short name of the source whose customer numbers this program uses. A call can "
        "name another one. Empty: its numbers are its own, as source “api”.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # To the minute: not every call writes.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
