"""Read the environment; make development keys where the demo may, and fail loudly elsewhere."""

import base64
import fcntl
import json
import os
import secrets
import tempfile
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config import boot
from config.embedded.layout import var_folder

ROOT = Path(__file__).resolve().parent.parent
VAR = var_folder()

# Without the two URLs the embedded servers are started here, whoever reads the settings first.
boot.prepare()
env = environ.Env()
DEBUG: bool = env.bool("DEBUG", default=False)
# The demo and the tests run like production (no debug pages) but on generated keys.
DEMO: bool = env.bool("ATTUNE_DEMO", default="ATTUNE_EMBEDDED" in os.environ)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


_MAKERS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "ATTUNE_ENCRYPTION_KEYS": lambda: "v1:" + _random_key(),
    "ATTUNE_BLIND_INDEX_KEY": _random_key,
    "ATTUNE_SUPPRESSION_KEY": _random_key,
    "ATTUNE_TOKEN_KEY": _random_key,
}


def _generated_keys() -> dict[str, str]:
    """Return the demo's keys from `var/keys.json` (0600), made once, also when two start at once.

    A key that is there stays; one that a newer version of Attune needs is added.
    """
    path = VAR / "keys.json"
    VAR.mkdir(parents=True, exist_ok=True)
    with path.with_name("keys.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keys: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        missing = {name: make() for name, make in _MAKERS.items() if name not in keys}
        if missing:
            keys |= missing
            _write_privately(path, json.dumps(keys, indent=1))
    return keys


def _write_privately(path: Path, text: str) -> None:
    """Write whole or not at all; nobody else can read it at any moment."""
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(fresh).replace(path)


def secret(name: str) -> str:
    """Return a secret of the environment; only the demo and DEBUG may use a generated one."""
    given: str = env.str(name, default="")
    if given:
        return given
    if DEBUG or DEMO:
        return _generated_keys()[name]
    raise ImproperlyConfigured(
        f"{name} is not set. Set it in the environment (docs/configuration.md says how to make "
        "one), or set ATTUNE_DEMO=1 to try Attune on generated keys."
    )
