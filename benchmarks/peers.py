"""The web process of a peer: plain Django under granian, as one starts it by its manual."""

from config.processes import web


def plain_web(port: int, *, application: str, processes: int | None = None) -> list[str]:
    """By WSGI, with as many processes and threads as ours."""
    ours = ["wsgi" if part == "rsgi" else part for part in web(port, processes=processes)]
    return [*ours[:-1], "--blocking-threads", "3", application]
