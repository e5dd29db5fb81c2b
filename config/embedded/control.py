"""What an operator may ask of the embedded servers: status, stop, clean."""

import os
import shutil
import stat

from config.embedded import locks
from config.embedded.errors import EmbeddedError, tail
from config.embedded.layout import Layout
from config.embedded.postgres import database_url
from config.embedded.session import ready_state
from config.embedded.valkey import redis_url

STOP_SECONDS = 60.0
FREE_SECONDS = 5.0


def status(layout: Layout) -> str:
    found = ready_state(layout)
    if found is None:
        has_supervisor = locks.is_held(layout.supervisor_lock)
        return "starting or stopping" if has_supervisor else "stopped"
    return "\n".join(
        (
            f"running      supervisor {found.supervisor}",
            f"DATABASE_URL {database_url(found.places)}",
            f"REDIS_URL    {redis_url(found.places)}",
            f"data         {found.data}",
            f"programs     {found.programs}",
        )
    )


def stop(layout: Layout) -> None:
    """Ask the supervisor to end, whoever uses its servers, and wait until it has."""
    if not locks.is_held(layout.supervisor_lock):
        return
    layout.stop_request.touch()
    lock = locks.open_lock(layout.supervisor_lock)
    try:
        if not locks.acquire(lock, exclusive=True, patience=STOP_SECONDS):
            raise EmbeddedError(
                f"The supervisor did not end within {STOP_SECONDS:.0f} s. "
                f"{tail(layout.supervisor_log)}"
            )
        layout.stop_request.unlink(missing_ok=True)
    finally:
        os.close(lock)


def clean(layout: Layout) -> None:
    """Stop the servers and remove the private folder; refused while somebody uses them."""
    if layout.run.exists():
        users = locks.open_lock(layout.users_lock)
        try:
            if not locks.acquire(users, exclusive=True, patience=FREE_SECONDS):
                raise EmbeddedError(
                    f"Some process still uses the servers of {layout.var}. End it first "
                    "(web, worker, shell), then clean again."
                )
            stop(layout)
            _remove_private_folder(layout)
        finally:
            os.close(users)
    else:
        _remove_private_folder(layout)


def _remove_private_folder(layout: Layout) -> None:
    try:
        about = layout.private.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid():
        shutil.rmtree(layout.private)
