"""System check: a worker's lease outlasts the slowest hand-over, or a mail could leave twice."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from campaigns.delivery.base import timeout_seconds
from campaigns.sending.handover import GROUP


@register()
def lease_outlasts_a_group(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Compare the lease with a wait for each mail of a group and one for the connection."""
    slowest = (GROUP + 1) * timeout_seconds(settings.EMAIL_URL)
    if slowest < settings.ATTUNE_LEASE_SECONDS:
        return []
    return [
        Error(
            f"ATTUNE_LEASE_SECONDS is {settings.ATTUNE_LEASE_SECONDS}, but handing over one group "
            f"of mails can take {slowest:g} seconds.",
            hint="Raise ATTUNE_LEASE_SECONDS, or write a smaller ?timeout= into EMAIL_URL.",
            id="campaigns.E001",
        )
    ]
