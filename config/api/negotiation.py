"""Answer every call in JSON, whatever it says it accepts: a mail goes out with what it gets."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request


class Forgiving(DefaultContentNegotiation):
    """Choose as usual where there is a choice, else the first; never refuse."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> Any:
        """Providers ask for pages, pictures or anything; one format is all that most views have."""
        known = list(renderers)
        if len(known) == 1:
            return known[0], known[0].media_type
        return super().select_renderer(request, known, format_suffix)
