"""Advisory locks on files: they vanish with their holder, even after kill -9."""

import fcntl
import os
import time
from pathlib import Path

from config.embedded.layout import not_ours

PAUSE_SECONDS = 0.05


def open_lock(path: Path) -> int:
    """Open the lock file; the descriptor is close-on-exec, so servers never inherit it."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise not_ours(path) from error


def acquire(descriptor: int, *, exclusive: bool, patience: float = 0.0) -> bool:
    """Take the lock, trying again for `patience` seconds; say whether it was got."""
    operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    give_up_at = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, operation)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(PAUSE_SECONDS)
        else:
            return True


def release(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_held(path: Path) -> bool:
    """Say whether somebody holds this lock exclusively."""
    if not path.exists():
        return False
    descriptor = open_lock(path)
    try:
        return not acquire(descriptor, exclusive=False)
    finally:
        os.close(descriptor)
