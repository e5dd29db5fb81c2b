"""Run web, workers, beat and (in the demo) the catcher together: `make serve`."""

import os
import signal
import sys
import time
from types import FrameType

import django

from config.processes import (
    NotStarted,
    Processes,
    answers,
    beat,
    catcher,
    is_caught,
    mail_port,
    refuse_busy,
    refuse_busy_catcher,
    web,
    worker,
    workers,
)


def main() -> int:
    """Serve until Ctrl-C or until one of the processes ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    signal.signal(signal.SIGTERM, _as_interrupt)
    port = int(os.environ.get("PORT", "8000"))
    processes = Processes()
    try:
        start(processes, port=port)
        return watch(processes, port=port)
    except NotStarted as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        processes.stop()


def start(processes: Processes, *, port: int) -> None:
    refuse_busy(port)
    if is_caught():
        refuse_busy_catcher()
        processes.start("catcher", catcher(mail_port()))
    processes.start("web", web(port))
    processes.start("worker", worker(workers()))
    processes.start("beat", beat())
    processes.wait_for("web", lambda: answers(f"http://127.0.0.1:{port}/healthz"))


def watch(processes: Processes, *, port: int) -> int:
    """Wait for Ctrl-C; a process that ends by itself is a failure."""
    try:
        sys.stdout.write(f"\nAttune is at http://127.0.0.1:{port}/  (Ctrl-C ends it)\n")
        sys.stdout.flush()
        while not (dead := processes.dead()):
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    sys.stderr.write(f"{dead[0]} ended. {processes.last_words(dead[0])}\n")
    return 1


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
