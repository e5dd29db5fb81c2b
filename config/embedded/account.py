"""The account that runs PostgreSQL, which refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import EmbeddedError

NAME = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    def may(self, access: int, *, path: Path) -> bool:
        """Ask the kernel, in a child that became this account: modes alone do not show ACLs."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgroups([])
                os.setgid(self.gid)
                os.setuid(self.uid)
                code = 0 if os.access(path, access) else 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == 0


def database_account() -> Account | None:
    """Return the account to change to, or None when the current one will do."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root and this system has no account '{NAME}' to "
            "run it. Start as an ordinary user, or set DATABASE_URL and REDIS_URL."
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)
