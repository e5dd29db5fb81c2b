"""The line in the footer of every page that says which data is the demo's, and how it was moved."""

from typing import Any

from django.http import HttpRequest

from campaigns.models import DemoInstallation


def context(request: HttpRequest) -> dict[str, Any]:
    """Add the notes to the context of a page (one query); strangers at the login see none."""
    if not request.user.is_authenticated:
        return {}
    return {"demo_notes": [_note(found) for found in DemoInstallation.objects.all()]}


def _note(found: DemoInstallation) -> str:
    weeks = found.shift_weeks
    if not weeks:
        return f"Demo data: {found.label}, times as they were."
    way = "forward" if weeks > 0 else "back"
    plural = "" if abs(weeks) == 1 else "s"
    return f"Demo data: {found.label}, times moved {way} by {abs(weeks)} week{plural}."
