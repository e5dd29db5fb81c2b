"""Where the embedded servers keep data, sockets, locks and logs."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from config.embedded.account import Account
from config.embedded.errors import EmbeddedError

PROJECT = Path(__file__).resolve().parents[2]
# Not a place for careless temporary files: the folder's owner and mode are checked on each use.
PRIVATE_PARENT = Path("/var") / "tmp"
SOCKET_PATH_LIMIT = 100  # bytes; the kernels allow 103 (macOS) and 107 (Linux)
POSTGRES_SOCKET = "pg/.s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that follows from the state folder alone."""

    var: Path

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def valkey(self) -> Path:
        return self.var / "valkey"

    @property
    def users_lock(self) -> Path:
        return self.run / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        return self.log / "supervisor.log"

    @property
    def stop_request(self) -> Path:
        return self.run / "stop"

    @property
    def private(self) -> Path:
        """The folder used when the state folder's path is out of reach or too long."""
        key = f"{self.var}\0{os.geteuid()}".encode("utf-8", "surrogateescape")
        return PRIVATE_PARENT / f"attune-{hashlib.sha256(key).hexdigest()[:12]}"

    def make_folders(self) -> None:
        """Create what is missing; the mode of a folder that exists is never changed."""
        # As root the database's account has to pass through, but not to list.
        passable = 0o711 if os.geteuid() == 0 else 0o700
        try:
            self.var.parent.mkdir(parents=True, exist_ok=True)
            for folder, mode in ((self.var, passable), (self.run, passable), (self.log, 0o700)):
                _make_folder(folder, mode=mode)
        except PermissionError as error:
            raise not_ours(Path(error.filename)) from error


@dataclass(frozen=True, slots=True)
class Places:
    """Where the data and the sockets of this run are, by what the account can reach."""

    data: Path
    sockets: Path

    @property
    def postgres_sockets(self) -> Path:
        return self.sockets / "pg"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"


def var_folder() -> Path:
    """Return the state folder: ATTUNE_VAR, or `var` in the project."""
    return Path(os.environ.get("ATTUNE_VAR") or PROJECT / "var").resolve()


def choose_places(layout: Layout, *, account: Account | None) -> Places:
    data = _data_folder(layout, account=account)
    is_short = len(os.fsencode(layout.run / POSTGRES_SOCKET)) <= SOCKET_PATH_LIMIT
    is_reachable = account is None or account.may(os.X_OK, path=layout.run)
    sockets = layout.run if is_short and is_reachable else layout.private / "run"
    return Places(data=data, sockets=sockets)


def make_places(layout: Layout, *, places: Places, account: Account | None) -> None:
    """Create the folders of this run; the database's own folders belong to its account."""
    if layout.private in (places.data.parent, places.sockets.parent):
        make_private_folder(layout.private, account=account)
    _make_folder(layout.valkey, mode=0o700)
    _make_folder(places.sockets, mode=0o711 if account else 0o700)
    make_owned_folder(places.postgres_sockets, account=account)


def make_private_folder(folder: Path, *, account: Account | None) -> None:
    """Create the private folder, or accept one that is really ours: others may write there too."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        about = folder.lstat()
        is_folder = stat.S_ISDIR(about.st_mode)
        if not is_folder or about.st_uid != os.geteuid() or about.st_mode & 0o027:
            raise EmbeddedError(
                f"{folder} exists but is not a private folder of this account, so it is not "
                "used. Remove it, or set DATABASE_URL and REDIS_URL."
            ) from None
    if account is not None:
        os.chown(folder, os.geteuid(), account.gid)
        folder.chmod(0o710)


def make_owned_folder(folder: Path, *, account: Account | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def not_ours(path: Path) -> EmbeddedError:
    return EmbeddedError(
        f"{path} cannot be used by the current account (number {os.geteuid()}). Run as the "
        "account that made the state folder, or choose another one with ATTUNE_VAR, or set "
        "DATABASE_URL and REDIS_URL."
    )


def _make_folder(folder: Path, *, mode: int) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(mode)


def _data_folder(layout: Layout, *, account: Account | None) -> Path:
    """Existing data decides; new data goes where the account can reach it."""
    inside, outside = layout.var / "postgres", layout.private / "postgres"
    if account is None:
        return inside
    is_reachable = account.may(os.X_OK, path=layout.var)
    if inside.exists() and not is_reachable:
        raise EmbeddedError(
            f"{inside} holds the database, but account number {account.uid}, which runs it, "
            f"can no longer pass through {layout.var} or a folder above it. Give the folder "
            "its former mode back, or remove the data."
        )
    return inside if inside.exists() or (is_reachable and not outside.exists()) else outside
