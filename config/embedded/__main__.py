"""Commands of the embedded servers: supervise, status, stop, clean."""

import argparse
import logging
import sys

from config.embedded import control
from config.embedded.errors import EmbeddedError
from config.embedded.layout import Layout, var_folder
from config.embedded.supervisor import supervise


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    parser.add_argument("command", choices=("supervise", "status", "stop", "clean"))
    command = parser.parse_args().command
    layout = Layout(var_folder())
    try:
        _run(command, layout=layout)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(command: str, *, layout: Layout) -> None:
    if command == "status":
        sys.stdout.write(f"{control.status(layout)}\n")
    elif command == "stop":
        control.stop(layout)
    elif command == "clean":
        control.clean(layout)
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        supervise(layout)


if __name__ == "__main__":
    sys.exit(main())
