"""Small HTTP servers beside a test, for clients and browsers that come and go as they like."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class QuietServer(ThreadingHTTPServer):
    """Says nothing of a client that hangs up, which is no fault.

    In Python 3.11 the traceback that one thread prints may break what another one is parsing.
    """

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
