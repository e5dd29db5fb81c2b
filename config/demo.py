"""The main job: load public retail data, personalise a campaign for everybody, send it.

`make demo` runs this; each step is a management command that can be run alone, too.
"""

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import django
from django.core.management import CommandError, call_command

from config.celery import app as celery_app
from config.embedded.errors import EmbeddedError
from config.embedded.layout import var_folder
from config.processes import (
    NotStarted,
    Processes,
    answers,
    beat,
    catcher,
    is_caught,
    is_free,
    mail_port,
    refuse_busy,
    web,
    worker,
    workers,
)
from config.serve import watch

CAMPAIGN = "market-week"


def main() -> int:
    """Run the whole job; exit code 0 only if every planned mail ended well."""
    options = _options()
    signal.signal(signal.SIGTERM, _as_interrupt)
    processes = Processes()
    try:
        return _run(options, processes=processes)
    except (CommandError, NotStarted, EmbeddedError) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        processes.stop()


def _run(options: argparse.Namespace, *, processes: Processes) -> int:
    started = time.monotonic()
    port = options.port
    server = f"http://127.0.0.1:{port}"
    refuse_busy(port)
    _settle_environment(server=server)
    _step("Servers and tables")
    django.setup()
    celery_app.set_default()
    call_command("migrate", verbosity=0)
    if is_caught():
        processes.start("catcher", catcher(mail_port()))
    processes.start("web", web(port))
    processes.start("worker", worker(workers()))

    _step("Data")
    call_command("demo_load", customers=options.customers, data=options.data)
    processes.wait_for("web", lambda: answers(f"{server}/healthz"))
    _step("Campaign")
    # Beat takes care of what a run before, killed in the middle, left in doubt.
    processes.start("beat", beat())
    call_command("send_campaign", CAMPAIGN, workers=True)
    call_command("demo_readers", server=server)
    call_command("apply_inbox")
    call_command("demo_summary", server=server)
    sys.stdout.write(f"Done in {time.monotonic() - started:.0f} seconds.\n")
    if options.no_serve:
        return 0
    return watch(processes, port=port)


def _settle_environment(*, server: str) -> None:
    """Set what this process and all it starts share; what is set already stays."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("PUBLIC_URL", server)
    os.environ["ATTUNE_MAIL_PORT"] = port = str(_free_port(2525))
    # The catcher is on this machine and answers at once: after a kill the next run waits for the
    # lease, and nobody wants to wait five minutes.
    mailbox = quote(str(var_folder() / "mailbox"))
    catcher_url = f"catcher://127.0.0.1:{port}?timeout=2&mailbox={mailbox}"
    os.environ.setdefault("EMAIL_URL", catcher_url)
    os.environ.setdefault("ATTUNE_LEASE_SECONDS", "45")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, help="how many customers (all)")
    parser.add_argument("--data", type=Path, help="folder of own customers, products and events")
    parser.add_argument("--no-serve", action="store_true", help="end after the summary")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    return parser.parse_args()


def _step(name: str) -> None:
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def _free_port(wanted: int) -> int:
    """Return the wanted port, or any free one where another program has it."""
    if is_free(wanted):
        return wanted
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        number: int = any_port.getsockname()[1]
    return number


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
