"""Make the five roles, or bring their permissions up to date."""

from typing import Any

from django.core.management.base import BaseCommand

from consent.roles import ROLES, sync_roles


class Command(BaseCommand):
    help = "Make the five roles, or bring their permissions up to date. Run it after migrate."

    def handle(self, *args: Any, **options: Any) -> None:
        sync_roles()
        self.stdout.write(f"Roles in place: {', '.join(ROLES)}.")
