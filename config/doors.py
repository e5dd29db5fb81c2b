"""Two ways into Django: pages take all middleware, what programs ask often only what matters."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

# A mail provider asks here for each mail, and waits.
OF_PROGRAMS = "/api/v1/personalize"

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]


class ForPrograms(WSGIHandler):
    """Django without what pages alone have: files, sessions, forms, logins, messages."""

    def load_middleware(self, *args: Any, **kwargs: Any) -> None:
        """Load what is left; Django reads the list from the settings only."""
        whole = settings.MIDDLEWARE
        settings.MIDDLEWARE = [each for each in whole if each not in settings.ATTUNE_PAGES_ONLY]
        try:
            super().load_middleware(*args, **kwargs)
        finally:
            settings.MIDDLEWARE = whole


def apart(*, pages: Application, programs: Application) -> Application:
    """Let each request in by its own door."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        is_of_programs = environ["PATH_INFO"].startswith(OF_PROGRAMS)
        return (programs if is_of_programs else pages)(environ, start_response)

    return application
