"""Write one log record as one line: what happened, then its `extra` as key=value."""

import logging

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """A line a record; new lines inside a value are escaped, so a value cannot fake a record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD and k != "request"}
        head, newline, trace = super().format(record).partition("\n")
        pairs = "".join(f" {name}={_flat(value)}" for name, value in sorted(extra.items()))
        return head + pairs + newline + trace


def _flat(value: object) -> str:
    return str(value).encode("unicode_escape").decode()
