"""The one error of the embedded servers, and the tail of a log to explain it."""

from pathlib import Path

TAIL_LINES = 15
TAIL_BYTES = 8_000


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be used; the message says where and how to mend it."""


def tail(log: Path, *, since: int = 0) -> str:
    """Return the last lines of a log, leaving out what was there before `since`."""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(min(since, size), size - TAIL_BYTES))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    shown = "\n".join(f"  {line}" for line in lines[-TAIL_LINES:]) or "  (nothing was written)"
    return f"Last lines of {log}:\n{shown}"
